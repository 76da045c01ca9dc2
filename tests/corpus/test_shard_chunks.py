"""MDS and litData's chunks: each file read byte by byte here, and by its own library."""

from __future__ import annotations

import hashlib
import json
import struct
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pytest

from corpus import shard_chunks
from corpus.errors import Damaged
from corpus.shard_exports import EXPORTS, Exported
from corpus.shards import (
    ShardWriter,
    Split,
    TokenFormat,
    file_sha256,
    make_manifest,
    shard_info,
    shard_name,
)

EOT = 300
# Documents of a token, of a size on either side of each width of an MDS shape, and masked ones.
LENGTHS: dict[tuple[Split, int], list[int]] = {
    ("train", 0): [1, 2, 255, 256, 257, 40, 1, 900],
    ("train", 1): [65_535, 65_536, 3, 1200, 1200],
    ("validation", 0): [77, 5],
}
SOURCES = ("web", "bücher")
PER_FILE = 4000
"""Bytes of a file in these tests, so that there are several."""


class World(NamedTuple):
    source: Exported
    documents: dict[Split, list[tuple[str, str, list[int]]]]
    """Id, source and ids of each document, in order."""


def make(folder: Path, vocab_size: int, lengths: dict[tuple[Split, int], list[int]]) -> World:
    """Shards of made-up documents with ids over the whole vocabulary."""
    form = TokenFormat(vocab_size=vocab_size, eot_id=EOT, tokenizer_sha256="ab" * 32)
    draw = np.random.default_rng(7)
    infos, tables = [], []
    documents: dict[Split, list[tuple[str, str, list[int]]]] = {"train": [], "validation": []}
    for (split, number), sizes in lengths.items():
        pair = [folder / f"{shard_name(split, number)}.{end}" for end in ("bin", "idx")]
        rows, tokens = [], dict.fromkeys(SOURCES, 0)
        with ShardWriter(*pair, form) as shard:
            for n, size in enumerate(sizes):
                ids = draw.integers(0, vocab_size, size).astype(form.dtype)
                ids[ids == EOT] = EOT + 1
                ids[: size if n == 5 else 0] = EOT  # as a mask leaves it
                ids[-1] = EOT
                start, end = shard.add(ids.tobytes())
                doc_id, source = draw.bytes(16), SOURCES[n % 2]
                rows.append({"doc_id": doc_id, "source": source, "start": start, "end": end})
                documents[split].append((doc_id.hex(), source, ids.tolist()))
                tokens[source] += size
        files = [(path.stat().st_size, file_sha256(path)) for path in pair]
        infos.append(
            shard_info(
                form, split, number, num_documents=len(sizes), source_tokens=tokens, files=files
            )
        )
        names = [("doc_id", pa.binary(16)), ("source", pa.string()), ("start", pa.int64()),
                 ("end", pa.int64())]  # fmt: skip
        tables.append(pa.Table.from_pylist(rows, schema=pa.schema(names)))
    (folder / "tokenizer.json").write_text("{}")
    source = Exported(
        folder=folder, manifest=make_manifest(form, infos, seed=0), vocabulary=None,
        tokenizer=folder / "tokenizer.json", rows=tables.__getitem__,
    )  # fmt: skip
    return World(source, documents)


@pytest.fixture(params=[1000, 70_000], ids=["uint16", "uint32"])
def world(request, tmp_path, monkeypatch) -> World:
    monkeypatch.setattr(shard_chunks, "FILE_BYTES", PER_FILE)
    (tmp_path / "shards").mkdir()
    return make(tmp_path / "shards", request.param, LENGTHS)


def exported(world: World, folder: Path, layout: str) -> Path:
    folder.mkdir()
    EXPORTS[layout](world.source, folder)
    assert (folder / "tokenizer.json").read_text() == "{}"
    return folder


def items(data: bytes) -> list[bytes]:
    """What lies between the offsets of a file of either layout; checks that they reach its end."""
    (num,) = struct.unpack_from("<I", data)
    offsets = struct.unpack_from(f"<{num + 1}I", data, 4)
    assert offsets[-1] == len(data)
    return [data[a:b] for a, b in pairwise(offsets)]


def ids_of(dtype: str, data: bytes) -> list[int]:
    return np.frombuffer(data, {"uint16": "<u2", "uint32": "<u4"}[dtype]).tolist()


def read_sample(data: bytes, dtype: str) -> tuple[str, str, list[int]]:
    sizes = struct.unpack_from("<3I", data)
    ends = np.cumsum([12, *sizes])
    assert ends[-1] == len(data)
    doc_id, source, array = (data[a:b] for a, b in pairwise(ends.tolist()))
    axes, width = array[0] >> 2, 1 << (array[0] & 3)
    length = int.from_bytes(array[1 : 1 + width], "little")
    ids = ids_of(dtype, array[1 + width :])
    assert (axes, length) == (1, len(ids))
    assert width == 1 or length >= 1 << 4 * width  # the narrowest
    return doc_id.decode(), source.decode(), ids


def test_mds_has_a_sample_a_document_and_the_hash_of_each_file(world, tmp_path):
    folder, dtype = exported(world, tmp_path / "out", "mds"), world.source.manifest.dtype
    for split, own in world.documents.items():
        index = json.loads((folder / split / "index.json").read_text())
        assert index["version"] == 2
        found = []
        for number, shard in enumerate(index["shards"]):
            raw = shard["raw_data"]
            assert raw["basename"] == f"shard.{number:05d}.mds"
            data = (folder / split / raw["basename"]).read_bytes()
            assert raw["bytes"] == len(data)
            assert raw["hashes"] == {"sha256": hashlib.sha256(data).hexdigest()}
            samples = items(data)
            assert len(samples) == shard["samples"]
            assert len(data) <= PER_FILE or len(samples) == 1
            config = json.loads(data[8 + 4 * len(samples) : len(data) - sum(map(len, samples))])
            assert config.items() <= shard.items()
            assert config["column_names"] == ["doc_id", "source", "tokens"]
            assert config["column_encodings"] == ["str", "str", f"ndarray:{dtype}"]
            found += [read_sample(sample, dtype) for sample in samples]
        assert found == own
        assert {path.name for path in (folder / split).iterdir()} == {
            "index.json", *(shard["raw_data"]["basename"] for shard in index["shards"]),
        }  # fmt: skip


def test_litdata_has_ids_alone_between_its_offsets(world, tmp_path):
    folder, dtype = exported(world, tmp_path / "out", "litdata"), world.source.manifest.dtype
    for split, own in world.documents.items():
        index = json.loads((folder / split / "index.json").read_text())
        kind = {"uint16": 20, "uint32": 15}[dtype]
        assert index["config"]["data_format"] == [f"no_header_tensor:{kind}"]
        found = []
        for number, chunk in enumerate(index["chunks"]):
            assert chunk["filename"] == f"chunk-0-{number}.bin"
            data = (folder / split / chunk["filename"]).read_bytes()
            documents = [ids_of(dtype, item) for item in items(data)]
            assert chunk["chunk_bytes"] == len(data)
            assert chunk["chunk_size"] == len(documents)
            assert chunk["dim"] == sum(map(len, documents))
            assert len(data) <= PER_FILE or len(documents) == 1
            found += documents
        assert found == [ids for _, _, ids in own]


@pytest.mark.parametrize("layout", ["mds", "litdata"])
def test_a_file_takes_all_documents_that_fit(world, tmp_path, layout, monkeypatch):
    """The first document of the next file would not have."""
    folder = exported(world, tmp_path / "out", layout)
    sizes = {}
    for path in sorted((folder / "train").iterdir()):
        if path.name != "index.json":
            number = int(path.stem.replace("-", ".").rsplit(".", 1)[1])
            sizes[number] = (path.stat().st_size, items(path.read_bytes()))
    starts = {0, len(LENGTHS["train", 0])}  # files start anew with each shard
    before = 0
    for number in sorted(sizes):
        documents = sizes[number][1]
        if before not in starts:
            assert sizes[number - 1][0] + len(documents[0]) + 4 > PER_FILE
        before += len(documents)
    assert len(sizes) > 4
    monkeypatch.setattr(shard_chunks, "FILE_BYTES", 2**26)
    whole = exported(world, tmp_path / "whole", layout)
    assert len(list((whole / "train").iterdir())) == 3  # a file a shard, and the index


@pytest.mark.parametrize("layout", ["mds", "litdata"])
def test_a_split_without_documents_has_no_folder(tmp_path, layout):
    (tmp_path / "shards").mkdir()
    world = make(tmp_path / "shards", 1000, {("train", 0): [5], ("validation", 0): []})
    folder = exported(world, tmp_path / "out", layout)
    assert {path.name for path in folder.iterdir()} == {"train", "tokenizer.json"}


def test_ranges_that_are_not_the_index_s_stop_the_export(world, tmp_path):
    rows = world.source.rows
    wrong = Exported(
        folder=world.source.folder, manifest=world.source.manifest, vocabulary=None,
        tokenizer=world.source.tokenizer, rows=lambda part: rows(part).slice(1),
    )  # fmt: skip
    with pytest.raises(Damaged, match=r"provenance of train-00000: its 7 ranges .* 8 documents"):
        exported(World(wrong, {}), tmp_path / "out", "mds")


def test_streaming_reads_the_mds_layout(world, tmp_path):
    streaming = pytest.importorskip("streaming", exc_type=ImportError)
    folder = exported(world, tmp_path / "out", "mds")
    streaming.base.util.clean_stale_shared_memory()
    for split, own in world.documents.items():
        read = streaming.StreamingDataset(
            local=str(folder), split=split, batch_size=1, validate_hash="sha256"
        )
        samples = [read[i] for i in range(len(read))]
        assert samples[0]["tokens"].dtype == world.source.manifest.dtype
        found = [(s["doc_id"], s["source"], s["tokens"].tolist()) for s in samples]
        assert found == own


@pytest.mark.filterwarnings("ignore:The given buffer is not writable")  # it copies at once
@pytest.mark.parametrize("block", [9, 65])
def test_litdata_reads_its_layout_but_for_the_rest_of_each_chunk(world, tmp_path, block):
    litdata = pytest.importorskip("litdata", exc_type=ImportError)
    torch = pytest.importorskip("torch")
    folder = exported(world, tmp_path / "out", "litdata")
    kind = {"uint16": torch.uint16, "uint32": torch.int32}[world.source.manifest.dtype]
    for split in world.documents:
        expected = []
        for chunk in json.loads((folder / split / "index.json").read_text())["chunks"]:
            data = b"".join(items((folder / split / chunk["filename"]).read_bytes()))
            ids = ids_of(world.source.manifest.dtype, data)
            expected += [ids[at : at + block] for at in range(0, len(ids) - block + 1, block)]
        read = litdata.StreamingDataset(
            str(folder / split), item_loader=litdata.TokensLoader(block_size=block), shuffle=False
        )
        blocks = list(read)
        assert {found.dtype for found in blocks} == {kind}
        assert [found.tolist() for found in blocks] == expected
        loader = litdata.StreamingDataLoader(read, batch_size=2)
        assert sum(len(batch) for batch in loader) == len(expected)
