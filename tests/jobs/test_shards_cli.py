"""`winnow shards`: verify, stat, head and cat over a small root."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpus.shards import HEADER_BYTES, read_index, read_manifest
from corpus.tokenizer.files import load
from tests.jobs.shards_root import (
    CUT,
    IDS,
    PLACES,
    TEXTS,
    TWICE,
    ids_of,
    make_root,
    winnow_shards,
)


@pytest.fixture
def root(tmp_path) -> Path:
    make_root(tmp_path / "root")
    return tmp_path / "root"


def verified(root: Path, status: int) -> dict[str, list[str]]:
    found = json.loads(winnow_shards("verify", "--json", root=root, status=status))
    return {row["shard"]: row["faults"] for row in found["shards"]} | {"all": found["faults"]}


def test_verify_has_a_line_for_each_sound_shard(root):
    lines = winnow_shards("verify", root=root).splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "train-00000",
        "train-00001",
        "validation-00000",
    ]
    assert all(line.endswith("as published") for line in lines)
    assert set(map(len, verified(root, 0).values())) == {0}


@pytest.mark.parametrize("at", [0, 5, 9, 17, 30, 700, HEADER_BYTES, HEADER_BYTES + 101, -2, -1])
def test_a_flipped_bit_is_found_in_its_shard_and_the_others_are_read(root, at):
    path = root / "shards" / "train-00001.bin"
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    faults = verified(root, 1)
    assert "SHA-256" in faults.pop("train-00001")[0]
    assert set(map(len, faults.values())) == {0}
    said = winnow_shards("verify", root=root, status=1)
    assert "train-00001: " in said
    assert said.count("as published") == 2


def test_an_id_above_the_vocabulary_is_named_with_its_place(root):
    path = root / "shards" / "train-00000.bin"
    tokens = np.memmap(path, "<u2", "r+", offset=HEADER_BYTES)
    tokens[7] = 65_000
    tokens.flush()
    assert any("id 65000 at token 7" in fault for fault in verified(root, 1)["train-00000"])


def test_an_end_of_text_that_moved_is_named_with_its_place(root):
    path = root / "shards" / "train-00000.bin"
    tokens = np.memmap(path, "<u2", "r+", offset=HEADER_BYTES)
    tokens[3] = tokens[0]
    tokens.flush()
    assert any("first at token 3" in fault for fault in verified(root, 1)["train-00000"])


@pytest.mark.parametrize("size", [0, 3, 40, -1])
@pytest.mark.parametrize("end", ["bin", "idx"])
def test_a_cut_file_is_a_fault_of_its_shard_alone(root, end, size):
    path = root / "shards" / f"train-00000.{end}"
    path.write_bytes(path.read_bytes()[:size])
    faults = verified(root, 1)
    assert faults["train-00000"]
    assert not faults["train-00001"]


@pytest.mark.parametrize("end", ["bin", "idx"])
def test_a_missing_file_is_a_fault_of_its_shard_alone(root, end):
    (root / "shards" / f"train-00001.{end}").unlink()
    faults = verified(root, 1)
    assert "missing" in faults["train-00001"][0]
    assert not faults["train-00000"]


@pytest.mark.parametrize(
    ("column", "row", "by"), [("start", 2, 1), ("end", 2, -1), ("ordinal", 1, 5), ("shard", 0, 1)]
)
def test_a_wrong_range_in_provenance_is_a_fault(root, column, row, by):
    path = root / "provenance" / "part-00000.parquet"
    table = pq.read_table(path)
    values = table[column].to_pylist()
    values[row] += by
    place = table.schema.get_field_index(column)
    changed = pa.array(values, table.schema.field(column).type)
    pq.write_table(table.set_column(place, table.schema.field(column), changed), path)
    faults = verified(root, 1)
    assert "part-00000.parquet" in faults["train-00000"][0]
    assert not faults["train-00001"]


def test_a_manifest_that_differs_from_the_datasets_own_is_a_fault(root):
    path = root / "shards" / "manifest.json"
    sha256 = read_manifest(root / "shards").shards[1].sha256
    path.write_text(path.read_text().replace(sha256, "0" * 64))
    assert "train-00001.bin" in verified(root, 1)["all"][0]


def test_a_description_that_was_changed_is_a_fault(root):
    path = root / "shards" / "shards.json"
    path.write_text(path.read_text().replace('"seed": 1', '"seed": 2'))
    (fault,) = verified(root, 1)["all"]
    assert "shards.json: SHA-256" in fault


@pytest.mark.parametrize("name", ["train-00002.bin", "train-00000.idx.idx", "old.bin"])
def test_a_file_that_only_looks_like_a_shard_is_a_fault(root, name):
    (root / "shards" / "notes.txt").write_text("read by nobody")
    assert verified(root, 0)["all"] == []
    shutil.copy(root / "shards" / "train-00000.bin", root / "shards" / name)
    (fault,) = verified(root, 1)["all"]
    assert f"shards/{name}: no shard that manifest.json lists" in fault


def test_stat_counts_what_the_shards_hold(root):
    told = json.loads(winnow_shards("stat", "--json", root=root))
    train = told["splits"]["train"]
    assert train["num_documents"] == 19
    assert train["num_texts"] == 21
    assert train["sources"]["web"]["num_documents"] == 3
    indexes = [read_index(root / "shards" / f"train-0000{i}.idx") for i in range(2)]
    lengths = np.sort(np.concatenate([np.diff([1, *index.document_ends]) for index in indexes]))
    assert train["num_tokens"] == lengths.sum() + 2
    assert train["length_percentiles"]["50"] == lengths[9]
    assert train["length_percentiles"]["99"] == lengths[-1]
    said = winnow_shards("stat", root=root)
    assert "2.500 bytes a token" in said
    assert "validation: " in said


def test_head_shows_the_first_documents_decoded(root):
    lines = winnow_shards("head", "-n", "2", "--characters", "30", "--json", root=root).splitlines()
    told = [json.loads(line) for line in lines]
    first = PLACES["train", 0][:2]
    assert [row["url"] for row in told] == first
    assert [row["texts"] for row in told] == [[TEXTS[url][0][:30]] for url in first]
    said = winnow_shards("head", "--split", "validation", root=root)
    assert all(IDS[url].hex() in said for url in PLACES["validation", 0])
    assert "expected one of train-00000" in winnow_shards(
        "head", "--shard", "9", root=root, status=1
    )


@pytest.mark.parametrize("url", TEXTS)
def test_cat_prints_a_document_exactly(root, url):
    for name in (url, IDS[url].hex()):
        assert winnow_shards("cat", name, root=root) == "\n<|endoftext|>\n".join(TEXTS[url])
    assert json.loads(winnow_shards("cat", url, "--json", root=root))["texts"] == TEXTS[url]


def test_cat_prints_ids(root):
    vocabulary = load(root / "tokenizer")
    (ids,) = ids_of(vocabulary, [CUT])
    found = winnow_shards("cat", CUT, "--ids", root=root).split()
    assert list(map(int, found)) == np.frombuffer(ids, "<u2").tolist()


def test_a_document_in_no_shard_is_refused(root):
    for name in ("0" * 32, "https://nowhere.example/"):
        assert "no document of the shards" in winnow_shards("cat", name, root=root, status=1)


def test_shards_of_another_tokenizer_are_not_decoded(root):
    path = root / "tokenizer" / "tokenizer.json"
    path.write_bytes(path.read_bytes() + b"\n")
    assert "tokenizer" in winnow_shards("cat", TWICE, root=root, status=1)
