"""A small world for end-to-end tests: archives, a dump, a text source and a benchmark.

About 180 pages of the documentation on this machine in 4 archives, with mirrored and edited copies,
benchmark questions inside pages, and damaged records; no server: every link lies in the archives.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import replace
from pathlib import Path

from warcio.recordloader import ArcWarcRecord
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from corpus.datasets import MANIFEST, open_dataset
from corpus.stages import STAGES
from corpus.storage import Store
from jobs.demo.docstrings import Block
from jobs.demo.documentation import read_documentation
from jobs.demo.pages import Page, page_of, render

ROOT = Path(__file__).parent.parent
NUM_ARCHIVES = 4
NUM_LINKED = 60
NUM_ITEMS = 8
NUM_TEXTS = 30
NUM_MIRRORED = 6
MIRROR_HOST = "mirror.example"
FIRST_HOST_PAGE = 10
"""Page of the first benchmark question; the others follow."""

RECIPE = """
name = "world"
description = "A small world for tests"
seed = 7
data = "{world}"

[sources.crawl]
kind = "warc"
files = ["{{data}}/archive/*.warc.gz"]
quality = "judged"

[sources.webtext]
kind = "reddit"
files = ["{{data}}/RS_world.jsonl"]
quality = "positive"

[sources.manuals]
kind = "text"
files = ["{{data}}/manuals.jsonl.gz"]

[fetch]
crawl = false

# What survives may not hang on a draw: other packages on a machine make other pages.
[quality]
keep = "all"

[dedup]
held_out_fraction = 0.1
plant = 40

[contamination.benchmarks.quiz]
files = ["{{data}}/quiz.jsonl"]
fields = {{question = ["question"], answer = ["answer"]}}

[mix]
weights = {{webtext = 60, crawl = 20, manuals = 21}}

[vocabulary]
size = 600

[tokenize]
tokens_per_shard = 20000

[train]
model = "micro"
num_steps = 12
sequences_per_step = 4
sequences_per_pass = 4
validate_every = 6
checkpoint_every = 6
warmup_steps = 2
num_threads = 1
"""


def build_world(folder: Path) -> Path:
    """Write the world; returns the recipe's path."""
    articles = [a for a in read_documentation(per_library=12) if a.kind != "licence"]
    articles = articles[: 170 + NUM_TEXTS + NUM_ITEMS]
    items, articles = articles[:NUM_ITEMS], articles[NUM_ITEMS:]
    texts, articles = articles[:NUM_TEXTS], articles[NUM_TEXTS:]
    questions = [" ".join(_words(item.blocks)[:40]) for item in items]
    pages = [page_of(article) for article in articles]
    mirrors = [replace(page, host=MIRROR_HOST) for page in pages[:NUM_MIRRORED]]
    pages += [_edited(page) if n % 2 else page for n, page in enumerate(mirrors)]
    hosts = slice(FIRST_HOST_PAGE, FIRST_HOST_PAGE + NUM_ITEMS)
    pages[hosts] = [_with_passage(p, q) for p, q in zip(pages[hosts], questions, strict=True)]
    addresses = [page.url for page in pages[hosts]]
    (folder / "host_pages.json").write_text(json.dumps(addresses))
    _write_archives(folder / "archive", pages)
    _write_dump(folder / "RS_world.jsonl", pages)
    _write_lines(
        folder / "manuals.jsonl.gz",
        [{"id": a.name, "text": "\n".join(b.text for b in a.blocks)} for a in texts],
    )
    lines = [{"question": q, "answer": "yes"} for q in questions]
    (folder / "quiz.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    recipe = folder / "world.toml"
    recipe.write_text(RECIPE.format(world=folder))
    return recipe


def _words(blocks: tuple[Block, ...]) -> list[str]:
    return " ".join(block.text for block in blocks if block.is_prose).split()


def _edited(page: Page) -> Page:
    """The page with two words more at the end of its longest text."""
    blocks = list(page.article.blocks)
    at = max((n for n, block in enumerate(blocks) if block.is_prose),
             key=lambda n: len(blocks[n].text))  # fmt: skip
    blocks[at] = replace(blocks[at], text=f"{blocks[at].text} Mirrored here.")
    return replace(page, article=replace(page.article, blocks=tuple(blocks)))


def _with_passage(page: Page, question: str) -> Page:
    blocks = list(page.article.blocks)
    prose = next(block for block in blocks if block.is_prose)
    blocks.insert(len(blocks) // 2, replace(prose, text=question))
    return replace(page, article=replace(page.article, blocks=tuple(blocks)))


def _write_archives(folder: Path, pages: list[Page]) -> None:
    folder.mkdir(parents=True)
    for number in range(NUM_ARCHIVES):
        with (folder / f"world-{number:05d}.warc.gz").open("wb") as handle:
            writer = WARCWriter(handle, gzip=True)
            for page in pages[number::NUM_ARCHIVES]:
                writer.write_record(_record(writer, page))
    path = folder / "world-00003.warc.gz"
    path.write_bytes(path.read_bytes()[:-400])  # the last record is cut


def _record(writer: WARCWriter, page: Page) -> ArcWarcRecord:
    headers = StatusAndHeaders(
        "200 OK", [("Content-Type", "text/html; charset=utf-8")], protocol="HTTP/1.1"
    )
    return writer.create_warc_record(
        page.url,
        "response",
        payload=io.BytesIO(render(page, [])),
        http_headers=headers,
        warc_headers_dict={
            "WARC-Date": f"{page.date}T00:00:00Z",
            "WARC-Record-ID": f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, page.url)}>",
        },
    )


def _write_dump(path: Path, pages: list[Page]) -> None:
    posts = [
        {"id": f"a{n}", "url": page.url, "score": 3 + n if n < NUM_LINKED else 2, "is_self": False,
         "created_utc": 1400000000}
        for n, page in enumerate(pages[: NUM_LINKED + 10])
    ]
    path.write_text("".join(json.dumps(post) + "\n" for post in posts) + "{broken\n")


def _write_lines(path: Path, rows: list[dict]) -> None:
    with gzip.GzipFile(path, "wb", mtime=0) as handle:
        handle.write("".join(json.dumps(row) + "\n" for row in rows).encode())


def winnow(*arguments: str, cwd: Path = ROOT, **environment: str) -> subprocess.Popen[str]:
    """Start the command in a session of its own, so that its whole tree can be killed."""
    return subprocess.Popen(
        [sys.executable, "-m", "jobs.cli", *arguments],
        cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True, env={**os.environ, **environment},
    )


def run_winnow(*arguments: str) -> str:
    """Run the command to its end; returns what it printed, fails where it failed."""
    process = winnow(*arguments)
    output, _ = process.communicate()
    assert process.returncode == 0, output
    return output


def kill_tree(process: subprocess.Popen[str]) -> None:
    """Kill -9 every process of the session at once: the command, its JVM and its workers."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _session_of(entry) == process.pid:
            try:
                os.kill(int(entry.name), signal.SIGKILL)
            except ProcessLookupError:
                continue
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _session_of(entry: Path) -> int:
    try:
        stat = (entry / "stat").read_text()
    except OSError:
        return -1
    return int(stat.rpartition(")")[2].split()[3])


def wait_for_parts(root: Path, stage: str, num: int, *, seconds: float = 120) -> None:
    """Wait until so many of a stage's parts are published."""
    folder = root / "_stages" / stage
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if len(list(folder.glob("*/*.json"))) >= num:
            return
        time.sleep(0.02)
    raise AssertionError(f"{stage} published fewer than {num} parts in {seconds} s")


def digests(root: Path, *, but: tuple[str, ...] = ()) -> dict[str, str]:
    """Digest of every finished dataset."""
    store = Store(str(root))
    names = [name for stage in STAGES for name in stage.outputs if name not in but]
    return {
        name: open_dataset(store, name).digest() for name in names if store.exists(name, MANIFEST)
    }
