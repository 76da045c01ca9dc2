"""`winnow shards redact`: exact ranges go, nothing else changes, and a killed one is mended."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from corpus import redo
from corpus.datasets import open_dataset
from corpus.shards import read_manifest, read_tokens
from corpus.shards import verify as verify_folder
from corpus.storage import Store
from tests.jobs.shards_root import CUT, IDS, TEXTS, TWICE, make_root, winnow_shards

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
