"""`winnow shards export`: each layout read by a plain reader here, and by its own library."""

from __future__ import annotations

import io
import json
import struct
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import zstandard

from corpus.tokenizer.files import load
from tests.jobs.shards_root import IDS, PLACES, TEXTS, ids_of, make_root, winnow_shards

LAYOUTS = ("nanogpt", "megatron", "datatrove", "mds", "litdata", "jsonl.zst", "parquet")


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("exports") / "root"
    make_root(folder)
    return folder


@pytest.fixture(scope="module")
def documents(root) -> dict[str, list[list[int]]]:
    """The ids of the documents of each split in order."""
    vocabulary = load(root / "tokenizer")
    found: dict[str, list[list[int]]] = {"train": [], "validation": []}
    for (split, _), urls in PLACES.items():
        found[split] += [np.frombuffer(i, "<u2").tolist() for i in ids_of(vocabulary, urls)]
    return found


def export(root: Path, folder: Path, layout: str, status: int = 0) -> str:
    return winnow_shards("export", str(folder), "--to", layout, root=root, status=status)


def flat(documents: list[list[int]]) -> list[int]:
    return [token for document in documents for token in document]


def test_nanogpt_has_ids_alone(root, documents, tmp_path):
    export(root, tmp_path / "out", "nanogpt")
    for split, name in (("train", "train.bin"), ("validation", "val.bin")):
        read = np.memmap(tmp_path / "out" / name, dtype=np.uint16, mode="r")
        assert read.tolist() == flat(documents[split])


def test_megatron_has_texts_as_sequences_and_documents_as_documents(root, documents, tmp_path):
    export(root, tmp_path / "out", "megatron")
    eot = load(root / "tokenizer").eot_id
    for split, own in documents.items():
        body = (tmp_path / "out" / f"{split}.bin").read_bytes()
        index = (tmp_path / "out" / f"{split}.idx").read_bytes()
        magic, version, code, n, m = struct.unpack("<9sQBQQ", index[:34])
        assert (magic, version, code) == (b"MMIDIDX\0\0", 1, 8)
        assert len(index) == 34 + 12 * n + 8 * m
        lengths = struct.unpack(f"<{n}i", index[34 : 34 + 4 * n])
        pointers = struct.unpack(f"<{n}q", index[34 + 4 * n : 34 + 12 * n])
        bounds = struct.unpack(f"<{m}q", index[34 + 12 * n :])
        texts = [
            list(struct.unpack_from(f"<{length}H", body, at))
            for length, at in zip(lengths, pointers, strict=True)
        ]
        assert all(text.index(eot) == len(text) - 1 for text in texts)
        assert [flat(texts[a:b]) for a, b in pairwise(bounds)] == own
        assert len(body) == 2 * sum(lengths)


def test_megatron_reads_its_layout(root, documents, tmp_path):
    library = pytest.importorskip("megatron.core.datasets.indexed_dataset")
    export(root, tmp_path / "out", "megatron")
    for split, own in documents.items():
        read = library.IndexedDataset(str(tmp_path / "out" / split))
        bounds = read.document_indices
        found = [
            [token for i in range(a, b) for token in read[i].tolist()] for a, b in pairwise(bounds)
        ]
        assert found == own


def test_datatrove_has_ids_and_the_ends_of_documents(root, documents, tmp_path):
    export(root, tmp_path / "out", "datatrove")
    for split, own in documents.items():
        found = []
        for path in sorted((tmp_path / "out" / split).glob("*.ds")):
            ids = np.fromfile(path, "<u2")
            ends = np.fromfile(f"{path}.index", "<u8")
            described = Path(f"{path}.metadata").read_text().split("\n")
            assert described[:2] == ["tokenizer.json|2", str(len(ids))]
            assert ends[-1] == len(ids)
            found += [piece.tolist() for piece in np.split(ids, ends.astype(int))[:-1]]
        assert found == own


def test_datatrove_reads_its_layout(root, tmp_path):
    library = pytest.importorskip("datatrove.utils.dataset")
    export(root, tmp_path / "out", "datatrove")
    vocabulary = load(root / "tokenizer")
    expected: dict[str, list[int]] = {"train": [], "validation": []}
    for (split, _), urls in PLACES.items():
        encoded = b"".join(vocabulary.encode_documents([TEXTS[url] for url in urls]))
        ids = np.frombuffer(encoded, "<u2").tolist()
        expected[split] += ids[: len(ids) // 16 * 16]  # it reads whole windows of a file
    for split, own in expected.items():
        read = library.DatatroveFolderDataset(
            str(tmp_path / "out" / split), seq_len=15, token_size=2, shuffle=False
        )
        assert [token for window in read for token in window["input_ids"].tolist()] == own


def rows_expected() -> list[tuple[str, str, int, str]]:
    return [
        (IDS[url].hex(), url, piece, text)
        for urls in PLACES.values() for url in urls for piece, text in enumerate(TEXTS[url])
    ]  # fmt: skip


def test_jsonl_has_a_line_a_text(root, tmp_path):
    export(root, tmp_path / "out", "jsonl.zst")
    rows = []
    for path in sorted((tmp_path / "out").iterdir()):
        with path.open("rb") as raw:
            read = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(raw), "utf-8")
            rows += [json.loads(line) for line in read]
    found = [(row["doc_id"], row["url"], row["piece"], row["text"]) for row in rows]
    assert found == rows_expected()


def test_parquet_has_a_row_a_text_with_its_ids(root, tmp_path):
    export(root, tmp_path / "out", "parquet")
    rows = [
        row for path in sorted((tmp_path / "out").iterdir())
        for row in pq.read_table(path).to_pylist()
    ]  # fmt: skip
    found = [(row["doc_id"], row["url"], row["piece"], row["text"]) for row in rows]
    assert found == rows_expected()
    vocabulary = load(root / "tokenizer")
    assert [row["ids"] for row in rows] == vocabulary.encode([row["text"] for row in rows])
    assert all(row["num_tokens"] == len(row["ids"]) for row in rows)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_folder_that_is_not_empty_is_left_alone(root, tmp_path, layout):
    folder = tmp_path / "out"
    folder.mkdir()
    export(root, folder, layout)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert "not empty" in export(root, folder, layout, status=1)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert list(tmp_path.iterdir()) == [folder]


def test_an_export_that_fails_leaves_nothing(tmp_path):
    make_root(tmp_path / "root")
    (tmp_path / "root/shards/validation-00000.bin").unlink()
    said = export(tmp_path / "root", tmp_path / "out", "megatron", status=1)
    assert "validation-00000.bin: missing" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["root"]
