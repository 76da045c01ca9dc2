"""Shards as files of whole documents with their offsets: MDS, and litData's chunks.

    mds      SPLIT/shard.00000.mds, SPLIT/index.json, of mosaicml-streaming, version 2
             u32 n; u32[n + 1] offsets from the file's start; the columns as JSON; n samples
             a sample is a document: doc_id and source (str), tokens (ndarray:uint16 or :uint32)
    litdata  SPLIT/chunk-0-0.bin, SPLIT/index.json, read with TokensLoader(block_size=T + 1)
             u32 n; u32[n + 1] offsets from the file's start; the ids of n documents, no header
             no_header_tensor:20 (torch.uint16) or :15 (torch.int32, the same bytes below 2**31)

All numbers are little-endian. A file takes the documents that fit into 64 MiB, as both libraries'
writers do, and starts anew with each shard; a document that is larger has a file of its own, below
the 4 GiB of its offsets as all shards are. index.json of MDS has the SHA-256 of each file.

What their readers leave out: TokensLoader takes dim // block_size blocks of a chunk of dim tokens
and no more, half a block on average (0.003 % at 2,049 of 2**25 tokens), and blocks run over
documents' borders. llm-foundry cuts an MDS sample at its max_seq_len; have it pack shorter ones.

Cost: a read of the shards, and one of the MDS files for their hashes; a document and the places of
a shard's documents in memory. In documents of 800 tokens, a core writes 55 M tokens/s of MDS and
260 M of chunks.
"""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.errors import Damaged
from corpus.shards import (
    BLOCK_TOKENS,
    MANIFEST,
    SPLITS,
    Int64Array,
    ShardInfo,
    Split,
    TokenArray,
    file_sha256,
)

if TYPE_CHECKING:
    from corpus.shard_exports import Exported

FILE_BYTES = 2**26
"""Of a file at most, where its documents allow."""
BATCH_ROWS = 10_000

_HASH = "sha256"
# Place in litData's list of torch's types.
_LITDATA_TYPES = {"uint16": 20, "uint32": 15}
# One leaf, as torch's and litData's treespec_dumps write it.
_LEAF = '[1, {"type": null, "context": null, "children_spec": []}]'
_ONE_AXIS = 1 << 2
_DOC_ID_BYTES = 32  # hexadecimal


def write_mds(source: Exported, folder: Path) -> None:
    """A folder a split with its shards and their index."""
    columns = {"doc_id": "str", "source": "str", "tokens": f"ndarray:{source.manifest.dtype}"}
    config = {
        "version": 2, "format": "mds", "compression": None, "hashes": [_HASH],
        "size_limit": FILE_BYTES, "column_names": list(columns),
        "column_encodings": list(columns.values()), "column_sizes": [None] * len(columns),
    }  # fmt: skip
    head = json.dumps(config, sort_keys=True).encode()
    for split, shards in _of_splits(source):
        into = folder / split
        into.mkdir()
        infos: list[dict[str, Any]] = []
        for part, shard in shards:
            rows = _rows(source, part, shard)
            sizes, tokens = _sample_sizes(rows, source), source.tokens(shard)
            for first, end in _files(sizes, 8 + len(head)):
                path = into / f"shard.{len(infos):05d}.mds"
                with path.open("wb") as file:
                    _write_offsets(file, sizes[first:end], gap=len(head))
                    file.write(head)
                    _write_samples(file, rows.slice(first, end - first), tokens)
                raw = {
                    "basename": path.name, "bytes": path.stat().st_size,
                    "hashes": {_HASH: file_sha256(path)},
                }  # fmt: skip
                infos.append({**config, "raw_data": raw, "samples": end - first, "zip_data": None})
        _write_json(into, {"version": 2, "shards": infos})
    shutil.copyfile(source.tokenizer, folder / source.tokenizer.name)


def write_litdata(source: Exported, folder: Path) -> None:
    """A folder a split with its chunks and their index."""
    dtype = source.manifest.dtype
    config = {
        "chunk_bytes": FILE_BYTES, "chunk_size": None, "compression": None, "encryption": None,
        "data_format": [f"no_header_tensor:{_LITDATA_TYPES[dtype]}"], "data_spec": _LEAF,
        "item_loader": "TokensLoader",
    }  # fmt: skip
    for split, shards in _of_splits(source):
        into = folder / split
        into.mkdir()
        chunks: list[dict[str, Any]] = []
        for _, shard in shards:
            lengths = np.diff(source.index(shard).document_ends, prepend=1)
            starts, tokens = np.cumsum([0, *lengths]), source.tokens(shard)
            sizes = lengths * np.dtype(dtype).itemsize
            for first, end in _files(sizes, 8):
                path = into / f"chunk-0-{len(chunks)}.bin"
                with path.open("wb") as file:
                    _write_offsets(file, sizes[first:end])
                    for at in range(starts[first], starts[end], BLOCK_TOKENS):
                        file.write(tokens[at : min(at + BLOCK_TOKENS, starts[end])].tobytes())
                chunks.append({
                    "chunk_bytes": path.stat().st_size, "chunk_size": end - first,
                    "dim": int(starts[end] - starts[first]), "filename": path.name,
                })  # fmt: skip
        _write_json(into, {"chunks": chunks, "config": config})
    shutil.copyfile(source.tokenizer, folder / source.tokenizer.name)


def _of_splits(source: Exported) -> Iterator[tuple[Split, list[tuple[int, ShardInfo]]]]:
    """Each split that has documents, and its shards with their places in the manifest."""
    for split in SPLITS:
        shards = [
            (part, shard) for part, shard in enumerate(source.manifest.shards)
            if shard.split == split and shard.num_documents
        ]  # fmt: skip
        if shards:
            yield split, shards


def _files(sizes: Int64Array, fixed: int) -> Iterator[tuple[int, int]]:
    """Documents [first, end) of each file: as many as fit beside its fixed bytes, one at least."""
    ends = np.cumsum(sizes + 4)  # with its offset
    first = 0
    while first < len(sizes):
        before = int(ends[first - 1]) if first else 0
        fitting = int(np.searchsorted(ends, before + FILE_BYTES - fixed, "right"))
        end = max(first + 1, fitting)
        yield first, end
        first = end


def _write_offsets(file: BinaryIO, sizes: Int64Array, *, gap: int = 0) -> None:
    """Number of documents, where each begins, and where the last ends, after so many bytes more."""
    first = 8 + 4 * len(sizes) + gap
    file.write(struct.pack("<I", len(sizes)))
    file.write(np.cumsum([first, *sizes]).astype("<u4").tobytes())


def _rows(source: Exported, part: int, shard: ShardInfo) -> pa.Table:
    """Id, source and range of each document; raises Damaged where the index has others."""
    rows = source.rows(part).select(["doc_id", "source", "start", "end"])
    ends = source.index(shard).document_ends
    if not np.array_equal(rows["end"].to_numpy(), ends):
        raise Damaged(
            f"provenance of {shard.name}: its {rows.num_rows:,} ranges are not those of the "
            f"{len(ends):,} documents that {MANIFEST} and the index have; run `winnow shards "
            "verify`"
        )
    return rows


def _sample_sizes(rows: pa.Table, source: Exported) -> Int64Array:
    """Bytes of each document's sample."""
    lengths = pc.subtract(rows["end"], rows["start"]).to_numpy()
    shape = 2 + (lengths >= 2**8) + 2 * (lengths >= 2**16)
    names = pc.binary_length(rows["source"]).to_numpy()
    ids = lengths * np.dtype(source.manifest.dtype).itemsize
    return np.asarray(12 + _DOC_ID_BYTES + names + shape + ids, np.int64)


def _write_samples(file: BinaryIO, rows: pa.Table, tokens: TokenArray) -> None:
    """The sizes of its three columns before each document's; tokens: without the shard's first."""
    for batch in rows.to_batches(max_chunksize=BATCH_ROWS):
        for row in batch.to_pylist():
            ids = tokens[row["start"] - 1 : row["end"] - 1]
            columns = (row["doc_id"].hex().encode(), row["source"].encode(), _array(ids))
            file.write(struct.pack("<3I", *map(len, columns)))
            file.writelines(columns)


def _array(ids: TokenArray) -> bytes:
    """One byte for one axis and the width of its length, the length, and the ids."""
    code = int(len(ids) >= 2**8) + int(len(ids) >= 2**16)
    return bytes([_ONE_AXIS | code]) + len(ids).to_bytes(1 << code, "little") + ids.tobytes()


def _write_json(folder: Path, value: dict[str, Any]) -> None:
    (folder / "index.json").write_text(json.dumps(value, sort_keys=True) + "\n", "utf-8")
