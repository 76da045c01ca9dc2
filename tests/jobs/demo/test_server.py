"""The site answers for many hosts on one port, from a process that ends with its handle."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from jobs.demo.server import serving


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: object) -> None:
        return None


def ask(port: int, host: str, path: str) -> tuple[int, str, str]:
    """Status, body and location of an answer."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Host": host})
    opener = urllib.request.build_opener(NoRedirect, urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as answer:
            return answer.status, answer.read().decode(), ""
    except urllib.error.HTTPError as error:
        with error:
            return error.code, "", error.headers.get("Location", "")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    for host in ("a.example", "b.example"):
        (tmp_path / "site" / host).mkdir(parents=True)
        (tmp_path / "site" / host / "page.html").write_text(f"<p>{host}</p>")
    routes = {"http://a.example/old": {"status": 301, "location": "http://a.example/page.html"}}
    (tmp_path / "site" / "routes.json").write_text(json.dumps(routes))
    return tmp_path / "site"


def test_hosts_routes_and_missing_pages(site: Path, tmp_path: Path):
    log = tmp_path / "requests.log"
    with serving(site, log=log) as port:
        assert ask(port, "a.example", "/page.html") == (200, "<p>a.example</p>", "")
        assert ask(port, "b.example:80", "/page.html")[1] == "<p>b.example</p>"
        assert ask(port, "a.example", "/old") == (301, "", "http://a.example/page.html")
        assert ask(port, "a.example", "/gone.html")[0] == 404
        assert ask(port, "a.example", "/../routes.json")[0] == 404
        assert ask(port, "..", "/requests.log")[0] == 404
    assert log.read_text().splitlines()[:2] == [
        "http://a.example/page.html",
        "http://b.example/page.html",
    ]
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_busy_port_is_passed_over(site: Path, tmp_path: Path):
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        taken = busy.getsockname()[1]
        with serving(site, log=tmp_path / "log", port=taken) as port:
            assert port != taken
            assert ask(port, "a.example", "/page.html")[0] == 200
