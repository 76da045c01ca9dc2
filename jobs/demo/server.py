"""The demo's web server: many hosts on one loopback port, in a process of its own.

A file's place is site/HOST/PATH; routes.json holds what is answered instead (a redirect, a delay).
Each request is written to a log, so that the check can prove what was never asked for.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aiohttp import web

from corpus.errors import SetupError

LOOPBACK = "127.0.0.1"
STOP_SECONDS = 10


@contextmanager
def serving(site: Path, *, log: Path, port: int = 0) -> Iterator[int]:
    """Serve the site from a process of its own; yields the port, ends the process on leaving.

    port: the one to take if it is free; 0 or a busy one means any.
    """
    command = [sys.executable, "-m", "jobs.demo.server", str(site), str(log), str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_root())
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line.strip().isdigit():
            raise SetupError(
                f"the demo's web server ended with code {process.wait(STOP_SECONDS)} before it "
                f"served {site}; see its message above"
            )
        yield int(line)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()


def _root() -> Path:
    return Path(__file__).resolve().parents[2]


def make_app(site: Path, log: Path) -> web.Application:
    """The application that answers for every host below the site."""
    routes = json.loads((site / "routes.json").read_text("utf-8"))
    homes = {path.name: path.resolve() for path in site.iterdir() if path.is_dir()}

    async def answer(request: web.Request) -> web.StreamResponse:
        host = request.host.split(":")[0].lower()
        url = f"http://{host}{request.path}"
        with log.open("a", encoding="utf-8") as lines:
            lines.write(url + "\n")
        route = routes.get(url, {})
        if "location" in route:
            return web.Response(status=route["status"], headers={"Location": route["location"]})
        await asyncio.sleep(route.get("delay", 0))
        home = homes.get(host)
        file = (home / request.path.lstrip("/")).resolve() if home else site
        if home is None or not file.is_relative_to(home) or not file.is_file():
            return web.Response(status=404, text="<h1>Not found</h1>", content_type="text/html")
        kind = "text/plain" if file.suffix == ".txt" else "text/html"
        return web.Response(body=file.read_bytes(), content_type=kind, charset="utf-8")

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    return app


async def _serve(site: Path, log: Path, port: int) -> None:
    runner = web.AppRunner(make_app(site, log), access_log=None)
    await runner.setup()
    try:
        server = web.TCPSite(runner, LOOPBACK, port)
        await server.start()
    except OSError:
        server = web.TCPSite(runner, LOOPBACK, 0)
        await server.start()
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
