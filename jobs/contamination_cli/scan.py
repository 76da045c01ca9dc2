"""`winnow contamination scan`: the whole stage over any files, without the stages before it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

import click

from corpus.datasets import MANIFEST
from corpus.errors import InputError
from corpus.identity import doc_id_of_place
from corpus.ledger import Ledger
from corpus.stages import stage_named
from corpus.storage import Store
from jobs.options import RUN_RECORD, json_option, read_settings, recipe_options
from jobs.text_files import is_parquet, parquet_texts

if TYPE_CHECKING:
    from corpus.publishing import PartOutput
    from jobs.extract import Extracted, TextFile

SOURCE = "files"
BATCH_ROWS = 1_000


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
@recipe_options
@click.option("--master", help="Spark master; local[*] where not given.")
@click.option("--plant", type=click.IntRange(0), default=0, metavar="N",
              help="Plant N benchmark items in clean text, and say what is found of them.")
@json_option
@click.pass_context
def scan(
    context: click.Context,
    files: tuple[str, ...],
    recipe: str | None,
    root: str,
    overrides: tuple[str, ...],
    master: str | None,
    plant: int,
    as_json: bool,
) -> None:
    """Look for a recipe's benchmarks in JSON lines (packed or not), Parquet or .txt files.

    Results go to --root, a new one: all other commands work on it, and `hits` and `contamination`
    are tables there, by file and line. Each file is a part; its text is in memory once.

    \b
    Example: winnow contamination scan crawl/*.jsonl.zst --recipe gpt3 --root build/scan \\
                 --set 'contamination.benchmarks.quiz.files=["quiz.jsonl"]'
             winnow contamination summary --root build/scan
    """
    from jobs import contamination
    from jobs.contamination_cli.summaries import summary
    from jobs.parts import Job
    from jobs.session import Session

    if recipe is None:
        raise InputError("no --recipe was given; expected one whose benchmarks are looked for")
    if plant:
        overrides = (*overrides, f"contamination.plant={plant}")
    settings = read_settings(recipe, overrides)
    if not settings.contamination.benchmarks:
        raise InputError(
            f"recipe {recipe}: it names no benchmark; expected some: --set "
            "'contamination.benchmarks.NAME.files=[\"FILE\"]', or another recipe"
        )
    contamination.files(settings)  # raises InputError where a benchmark's file is missing
    store = Store(root)
    store.check_writable()
    if store.exists("documents", MANIFEST) or store.exists(*RUN_RECORD):
        raise InputError(f"{root}: it holds a corpus already; expected a new --root")
    stage = stage_named("contamination")
    for name in ("documents", "dedup", *stage.outputs, "_stages"):
        store.remove(name)
    session = Session(master=master)
    job = Job(stage=stage, recipe=settings, store=store, session=session, ledger=Ledger())
    try:
        job.map_parts(
            _read, list(dict.fromkeys(files)), outputs=("dedup", "documents"),
            counted="documents", step="read",
        )  # fmt: skip
        contamination.run(job)
    finally:
        session.stop()
    context.invoke(summary, root=root, as_json=as_json)


def _read(out: PartOutput, path: str) -> None:
    """The documents of one file, and that no stage has dropped any of them."""
    from jobs.extract import document_row

    documents = _documents(path)
    while batch := list(islice(documents, BATCH_ROWS)):
        out.taken(len(batch))
        rows = [document_row(one) for one in batch]
        out.write_rows("documents", rows)
        kept = [row["doc_id"] for row in rows if row["keep"]]
        ids = ("doc_id", "cluster_id", "kept_doc_id")
        same = {"keep": True, "split": "train"}
        out.write_rows("dedup", [{**dict.fromkeys(ids, one), **same} for one in kept])


def _documents(path: str) -> Iterator[Extracted]:
    """The texts of a file as they are; their ids are of the whole path, since names may repeat."""
    from corpus.extraction import ExtractSettings
    from jobs.extract import TextFile, text_documents

    file = TextFile(SOURCE, path)
    found = (
        _parquet_documents(file)
        if is_parquet(path)
        else text_documents(file, ExtractSettings(fix_text=False))
    )
    for one in found:
        own = {"doc_id": doc_id_of_place(SOURCE, path, one.place["offset"]), "warc_file": path}
        yield one._replace(place={**one.place, **own})


def _parquet_documents(file: TextFile) -> Iterator[Extracted]:
    from corpus.extraction.page import Extraction
    from corpus.texts import NO_TEXT
    from jobs.extract import Extracted, place_of

    for number, text in enumerate(parquet_texts(file.path), 1):
        place = place_of(file, number, None, len((text or "").encode()))
        yield Extracted(place, Extraction(text=text, reason=None if text else NO_TEXT))
