"""`winnow shards redact`: exact ranges go, nothing else changes, and a killed one is mended."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpus import redo
from corpus.datasets import Part, open_dataset, part_name, publish_manifest
from corpus.schemas import table_named
from corpus.shards import read_manifest, read_tokens
from corpus.shards import verify as verify_folder
from corpus.storage import Store
from jobs.shards_cli.remains import remains, tables_with_text
from tests.jobs.shards_root import CUT, IDS, TEXTS, TWICE, make_root, published, winnow_shards

MODES = ("--mask", "--rewrite")


@pytest.fixture
def root(tmp_path) -> Path:
    make_root(tmp_path / "root")
    return tmp_path / "root"


def held(root: Path) -> list[tuple[str, int, list[int]]]:
    """Address, copy and ids of every document copy, as the shards have them."""
    store = Store(str(root))
    provenance = open_dataset(store, "provenance")
    found = []
    for part, shard in enumerate(read_manifest(root / "shards").shards):
        tokens = read_tokens(root / "shards" / f"{shard.name}.bin")
        found += [
            (row["url"], row["copy"], tokens[row["start"] : row["end"]].tolist())
            for row in provenance.read(part).to_pylist()
        ]
    return found


def check_sound(root: Path) -> None:
    winnow_shards("verify", root=root)
    verify_folder(root / "shards")
    for name in ("shards", "provenance"):
        open_dataset(Store(str(root)), name).verify()
    assert not (root / redo.FOLDER).exists()


def files(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_mask_covers_each_copy_and_nothing_else(root):
    before, eot = held(root), read_manifest(root / "shards").eot_id
    said = winnow_shards("redact", "--url", TWICE, IDS[CUT].hex(), root=root)
    assert "masked 2 documents, 3 copies" in said
    check_sound(root)
    assert held(root) == [
        (url, copy, [eot] * len(ids) if url in (TWICE, CUT) else ids) for url, copy, ids in before
    ]


def test_a_rewrite_drops_each_copy_and_nothing_else(root):
    before, was = held(root), read_manifest(root / "shards")
    winnow_shards("redact", "--rewrite", "--url", TWICE, IDS[CUT].hex(), root=root)
    check_sound(root)
    assert held(root) == [row for row in before if row[0] not in (TWICE, CUT)]
    gone = sum(len(ids) for url, _, ids in before if url in (TWICE, CUT))
    manifest = read_manifest(root / "shards")
    assert manifest.num_tokens["train"] == was.num_tokens["train"] - gone
    assert manifest.source_tokens == {"books": was.source_tokens["books"]}
    assert manifest.shards[2] == was.shards[2]


@pytest.mark.parametrize("mode", MODES)
def test_what_was_redacted_is_recorded_with_its_ranges(root, mode):
    rows = [
        (shard, row) for shard, part in (("train-00000", 0), ("train-00001", 1))
        for row in open_dataset(Store(str(root)), "provenance").read(part).to_pylist()
        if row["url"] == TWICE
    ]  # fmt: skip
    winnow_shards("redact", mode, IDS[TWICE].hex(), root=root)
    record = json.loads((root / "redactions.json").read_text())
    assert [(r["shard"], r["start"], r["end"], r["copy"]) for r in record] == [
        (shard, row["start"], row["end"], row["copy"]) for shard, row in rows
    ]
    assert {r["doc_id"] for r in record} == {IDS[TWICE].hex()}


@pytest.mark.parametrize("mode", MODES)
def test_a_second_redaction_changes_nothing(root, mode):
    winnow_shards("redact", mode, IDS[TWICE].hex(), root=root)
    before = files(root)
    assert "nothing to do" in winnow_shards("redact", mode, IDS[TWICE].hex(), root=root)
    assert "nothing to do" in winnow_shards("redact", mode, "--url", TWICE, root=root)
    assert files(root) == before


def test_a_masked_document_is_no_text_of_an_export_and_can_be_dropped(root, tmp_path):
    winnow_shards("redact", IDS[TWICE].hex(), root=root)
    winnow_shards("export", str(tmp_path / "out"), "--to", "parquet", root=root)
    import pyarrow.parquet as pq

    found = {row["url"] for path in (tmp_path / "out").iterdir()
             for row in pq.read_table(path).to_pylist()}  # fmt: skip
    assert found == set(TEXTS) - {TWICE}
    winnow_shards("redact", "--rewrite", IDS[TWICE].hex(), root=root)
    check_sound(root)
    assert TWICE not in {url for url, _, _ in held(root)}


class Killed(BaseException):
    """As a signal would end the command."""


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("num_moves", range(10))
def test_a_redaction_killed_between_moves_is_found_and_mended(root, monkeypatch, num_moves, mode):
    clean = root.parent / "clean"
    make_root(clean)
    winnow_shards("redact", mode, IDS[TWICE].hex(), root=clean)
    moved, real = [], redo._move

    def move(path: Path, target: Path) -> None:
        if len(moved) == num_moves:
            raise Killed
        real(path, target)
        moved.append(target)

    monkeypatch.setattr(redo, "_move", move)
    with pytest.raises(Killed):
        winnow_shards("redact", mode, IDS[TWICE].hex(), root=root)
    monkeypatch.undo()
    assert len(moved) == num_moves
    assert "winnow shards redact" in winnow_shards("verify", root=root, status=1)
    assert "cut off" in winnow_shards("stat", root=root, status=1)
    said = winnow_shards("redact", *([IDS[TWICE].hex(), mode] if num_moves % 2 else []), root=root)
    assert "finished a redaction" in said
    check_sound(root)
    assert held(root) == held(clean)


def test_a_redaction_killed_before_its_commit_has_changed_nothing(root, monkeypatch):
    before = files(root)

    def commit(store: Store) -> None:
        raise Killed

    monkeypatch.setattr(redo, "commit", commit)
    with pytest.raises(Killed):
        winnow_shards("redact", IDS[TWICE].hex(), root=root)
    monkeypatch.undo()
    winnow_shards("verify", root=root)
    assert before.items() <= files(root).items()
    winnow_shards("redact", IDS[TWICE].hex(), root=root)
    check_sound(root)


def test_an_unknown_document_stops_before_anything_changes(root):
    before = files(root)
    said = winnow_shards("redact", IDS[CUT].hex(), "0" * 32, root=root, status=1)
    assert "no document of the shards" in said
    assert files(root) == before
    winnow_shards("redact", root=root, status=2)


def test_an_address_with_a_fragment_means_that_text_alone(root):
    winnow_shards("redact", "--url", TWICE, root=root)
    said = winnow_shards("redact", "--url", f"{TWICE}#2", root=root, status=1)
    assert "no document of the shards" in said


def test_a_damaged_shard_is_not_redacted_into_a_sound_one(root):
    tokens = np.memmap(root / "shards/train-00000.bin", "<u2", "r+", offset=1024)
    tokens[2] ^= 1
    tokens.flush()
    assert "SHA-256" in winnow_shards("redact", IDS[CUT].hex(), root=root, status=1)
    winnow_shards("verify", root=root, status=1)


def test_a_redacted_document_that_stands_again_is_told(root):
    winnow_shards("redact", IDS[CUT].hex(), root=root)
    record = (root / "redactions.json").read_text()
    again = root.parent / "again"
    make_root(again)
    (again / "redactions.json").write_text(record)
    said = winnow_shards("verify", root=again, status=1)
    assert f"document {IDS[CUT].hex()} of redactions.json stands again" in said
    winnow_shards("redact", IDS[CUT].hex(), root=again)
    check_sound(again)


# Ends in the middle of a redaction, after it has said so, until it is killed.
HANGING = """
import sys, time
from corpus import redo

def commit(store):
    print("staged", flush=True)
    time.sleep(600)

redo.commit = commit
from jobs.cli import main
main(sys.argv[1:])
"""


@pytest.fixture
def hanging(root) -> Iterator[subprocess.Popen[str]]:
    """A process in the middle of a redaction of TWICE."""
    arguments = ["shards", "redact", IDS[TWICE].hex(), "--root", str(root)]
    process = subprocess.Popen(
        [sys.executable, "-c", HANGING, *arguments],
        stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "staged\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_redaction_at_once_stops_and_names_the_first(root, hanging):
    before = files(root)
    said = winnow_shards("redact", IDS[CUT].hex(), root=root, status=1)
    assert f"`winnow shards redact`, process {hanging.pid} of {platform.node()}, begun at" in said
    assert "wait until it has ended and run again" in said
    assert files(root) == before
    winnow_shards("redact", root=root, status=1)  # nor does it finish what is at work


def test_the_lock_of_a_killed_redaction_is_taken_over_and_told(root, hanging):
    hanging.kill()
    hanging.wait()
    assert (root / redo.LOCK).exists()
    said = winnow_shards("redact", IDS[CUT].hex(), root=root)
    assert f"an earlier redaction was killed: `winnow shards redact`, process {hanging.pid}" in said
    assert "masked 1 documents" in said
    check_sound(root)
    assert not (root / redo.LOCK).exists()
    eot = read_manifest(root / "shards").eot_id
    assert {url for url, _, ids in held(root) if set(ids) == {eot}} == {CUT}


def test_a_lock_of_another_machine_is_not_taken_over(root):
    left = {"host": "elsewhere", "process": 7, "began_at": "2026-01-01T00:00:00+00:00",
            "doing": "winnow shards redact"}  # fmt: skip
    (root / redo.LOCK).write_text(json.dumps(left))
    before = files(root)
    said = winnow_shards("redact", IDS[CUT].hex(), root=root, status=1)
    assert "process 7 of elsewhere, begun at 2026-01-01" in said
    assert "if it does not, remove the file and run again" in said
    assert files(root) == before
    (root / redo.LOCK).unlink()
    winnow_shards("redact", IDS[CUT].hex(), root=root)
    check_sound(root)


def test_a_lock_that_was_cut_off_while_it_was_written_stops_nobody(root):
    (root / redo.LOCK).write_text('{"host": "h')
    winnow_shards("redact", IDS[CUT].hex(), root=root)
    check_sound(root)


def test_a_redaction_that_fails_frees_its_lock(root):
    winnow_shards("redact", "0" * 32, root=root, status=1)
    winnow_shards("redact", root=root, status=2)
    assert not (root / redo.LOCK).exists()
    said = winnow_shards("redact", "0" * 32, root=root / "nowhere", status=1)
    assert "no such folder" in said


def publish(root: Path, name: str, rows: list[dict]) -> None:
    """One part of a table of the root, with these columns filled."""
    (root / name).mkdir()
    path = root / name / part_name(0)
    pq.write_table(pa.Table.from_pylist(rows, schema=table_named(name).arrow), path)
    part = Part(number=0, num_rows=len(rows), num_kept=len(rows), files=(published(path),))
    publish_manifest(Store(str(root)), name, [part])


def test_a_redaction_names_the_tables_that_still_have_the_text(root):
    places = [
        {"doc_id": IDS[url], "source": "web", "warc_file": "a.warc.gz", "offset": 1000 + i}
        for i, url in enumerate(IDS)
    ]
    publish(root, "documents", places)
    publish(root, "other_texts", [{"doc_id": IDS[TWICE]}])
    publish(root, "plants", [{"doc_id": bytes(16), "original_doc_id": IDS[CUT]}])
    publish(root, "dedup", [
        {"doc_id": IDS[TWICE], "keep": True, "kept_doc_id": IDS[TWICE]},
        {"doc_id": bytes(16), "keep": False, "kept_doc_id": IDS[TWICE]},
    ])  # fmt: skip
    said = winnow_shards("redact", "--url", TWICE, IDS[CUT].hex(), root=root)
    assert "still in documents (2 rows), other_texts (1 rows), plants (1 rows)" in said
    assert "screen.url.block_lists" in said
    assert "dedup dropped 1 near-duplicates in their favour" in said
    at = {row["doc_id"]: row["offset"] for row in places}
    for url in (TWICE, CUT):
        assert f"    {url}: web, a.warc.gz, byte or line {at[IDS[url]]:,}\n" in said
    assert said.count("a.warc.gz") == 2


def test_texts_without_an_address_of_their_own_are_said_to_be_beyond_block_lists(root):
    store = Store(str(root))
    places = {"source": "books", "warc_file": "b.jsonl", "offset": 3}
    publish(root, "documents", [{"doc_id": IDS[url], **places} for url in (TWICE, CUT)])
    lines = list(remains({IDS[TWICE]: None, IDS[CUT]: f"{CUT}#2"}, store))
    assert any("No block list can name 2 of them" in line for line in lines)
    assert not any("screen.url.block_lists" in line for line in lines)


def test_where_no_other_table_has_the_text_that_is_said(root):
    said = winnow_shards("redact", IDS[CUT].hex(), root=root)
    assert said.endswith(f"No other table of {root} has their text.\n")


def test_every_table_of_schemas_that_has_texts_of_documents_is_looked_at():
    found = dict(tables_with_text())
    assert set(found) == {"documents", "other_texts", "plants", "clean_passages"}
    assert found["plants"] == ("doc_id", "original_doc_id")
