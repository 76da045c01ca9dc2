"""`make demo`: build the web, serve it, run every stage on it, and check what was planted.

The folder gets `web` (see web.py) and `run` (the root of the stages). A second call builds nothing
that is up to date: the web depends on the installed packages and on the demo's code.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from rich.console import Console
from rich.table import Table

from corpus.datasets import open_dataset
from corpus.ledger import CHARACTERS, ROWS, ledger_from_json
from corpus.stages import STAGES
from corpus.storage import Store
from jobs.demo.check import Outcome, check, missed_lines
from jobs.demo.model import look_at_model
from jobs.demo.pages import chance
from jobs.demo.plants import KINDS
from jobs.demo.server import LOOPBACK, serving
from jobs.demo.web import build_web
from jobs.progress import say
from jobs.recipe import Recipe, read_recipe
from jobs.runner import run_all
from jobs.session import Session
from jobs.token_rates import bytes_per_token

RECIPE = "demo"
FIRST_PORT, NUM_PORTS = 20_000, 10_000
COUNTED = ("extract", "screen", "quality", "dedup", "contamination", "mix")


def run_demo(folder: Path, *, overrides: Sequence[str] = (), master: str | None = None) -> int:
    """Run the demo in a folder; returns 0 where every promise was kept, else 1."""
    folder = folder.resolve()
    web = _up_to_date_web(folder / "web")
    root = str(folder / "run")
    hosts = sorted(path.name for path in (web / "site").iterdir() if path.is_dir())
    port = FIRST_PORT + chance(str(folder), NUM_PORTS)  # the same each time: fetch stays up to date
    session = Session(master=master)
    try:
        with serving(web / "site", log=web / "requests.log", port=port) as port:
            places = ", ".join(f'"{host}" = "{LOOPBACK}:{port}"' for host in hosts)
            given = (f"data={web}", f"fetch.connect_to={{{places}}}", *overrides)
            recipe = read_recipe(RECIPE, given)
            run_all(recipe, root, session=session)
    finally:
        session.stop()
    return _tell(recipe, Store(root), web)


def _up_to_date_web(folder: Path) -> Path:
    """The web's folder, built anew where packages or code have changed since."""
    mark = folder / "built_from.json"
    fingerprint = _fingerprint()
    if mark.is_file() and json.loads(mark.read_text("utf-8")) == fingerprint:
        say("demo: the web is up to date")
        return folder
    say("demo: building a web from this machine's documentation")
    shutil.rmtree(folder, ignore_errors=True)
    web = build_web(folder)
    mark.write_text(json.dumps(fingerprint), "utf-8")
    say(
        f"demo: {len(web.pages):,} pages, {len(web.archived):,} of them archived, "
        f"{len(web.linked):,} links, {len(web.plants):,} plants"
    )
    return folder


def _fingerprint() -> dict[str, str]:
    code = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
    packages = sorted(f"{d.metadata['Name']} {d.version}" for d in metadata.distributions())
    return {
        "python": sys.version,
        "code": hashlib.sha256(code).hexdigest(),
        "packages": hashlib.sha256("\n".join(packages).encode()).hexdigest(),
    }


def _tell(recipe: Recipe, store: Store, web: Path) -> int:
    """Print the tables and the path of the report; returns the exit status."""
    dedup = recipe.dedup
    outcomes = check(store, web, threshold=dedup.threshold, shingle=dedup.ngram_size)
    console = Console()
    console.print(_stage_table(store))
    console.print(_plant_table(outcomes))
    for line in missed_lines(outcomes):
        console.print(line, highlight=False, soft_wrap=True)
    learnt = look_at_model(store, recipe.train.validation_tokens)
    console.print(learnt.line(), highlight=False, soft_wrap=True)
    console.print(f"report: {store.path('report', 'index.html')}", soft_wrap=True)
    return int(not (learnt.is_kept and all(outcome.is_kept for outcome in outcomes)))


def _stage_table(store: Store) -> Table:
    """Documents and tokens that each stage took, kept and dropped."""
    characters_per_token = bytes_per_token(store) or 1  # the demo's prose is ASCII, nearly all
    table = Table("stage", "documents", "kept", "dropped", "tokens kept", title="Stages")
    for column in table.columns[1:]:
        column.justify = "right"
    for stage in STAGES:
        if stage.name in COUNTED:
            ledger = ledger_from_json(
                json.loads(store.read("_stages", f"{stage.name}.json"))["ledger"]
            )
            rows, text = ledger.account(ROWS), ledger.account(CHARACTERS)
            numbers = (rows.taken, rows.kept, rows.dropped.total())
            tokens = f"about {text.kept / characters_per_token:,.0f}" if text.kept else ""
            table.add_row(stage.name, *(f"{number:,}" for number in numbers), tokens)
    shards = json.loads(open_dataset(store, "shards").local("shards.json").read_text("utf-8"))
    for split, tokens in shards["num_tokens"].items():
        table.add_row(f"tokenize, {split}", "", "", "", f"{tokens:,}")
    return table


def _plant_table(outcomes: Sequence[Outcome]) -> Table:
    """Plants found of those planted; `gone` are those that an earlier stage had dropped."""
    table = Table("planted", "promise", "found", "gone", "missed", "of", title="Plants")
    for column in table.columns[2:]:
        column.justify = "right"
    for outcome in outcomes:
        numbers = (outcome.found, outcome.gone, len(outcome.missed), outcome.planted)
        style = None if outcome.is_kept else "bold red"
        cells = (f"{number:,}" if number else "" for number in numbers)
        table.add_row(outcome.kind, KINDS[outcome.kind], *cells, style=style)
    return table
