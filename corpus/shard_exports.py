"""Shards in the layouts of other trainers, and as text again.

    nanogpt    train.bin, val.bin: ids alone, end-of-text after each text; uint16 only
    megatron   train.bin/.idx, validation.bin/.idx: ids alone, and MMIDIDX version 1, whose
               sequences are texts and whose documents are documents
    datatrove  SPLIT/00000.ds, .ds.index, .ds.metadata: ids alone, uint64 ends of documents
    mds        SPLIT/shard.00000.mds, SPLIT/index.json: a sample a document (corpus/shard_chunks.py)
    litdata    SPLIT/chunk-0-0.bin, SPLIT/index.json: chunks of documents (corpus/shard_chunks.py)
    jsonl.zst  SPLIT-00000.jsonl.zst: a line a text, with id, source and address
    parquet    SPLIT-00000.parquet: the same, with its ids

The first end-of-text of each shard belongs to no text and is left out, so that ids alone have one
after each text, as those trainers expect it. Document order is that of the shards. Texts
without a token (of masked documents) are no rows; among ids they stay.

Cost: one read of the shards, one shard's index and a block of ids or rows in memory. Text is
decoded at about 5 M tokens/s.
"""

from __future__ import annotations

import os
import shutil
import struct
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec
import numpy as np
import pyarrow as pa

from corpus.errors import Damaged, InputError
from corpus.shard_chunks import write_litdata, write_mds
from corpus.shards import (
    BLOCK_TOKENS,
    MANIFEST,
    SPLITS,
    ShardIndex,
    ShardInfo,
    ShardManifest,
    Split,
    TokenArray,
    read_index,
    read_tokens,
)
from corpus.storage import storage_errors

if TYPE_CHECKING:
    from corpus.tokenizer.vocabulary import Vocabulary

Row = dict[str, Any]

_MEGATRON_CODES = {2: 8, 4: 4}  # uint16, and int32: the same bytes below 2**31
BATCH_TOKENS = 2**20  # of texts handed to a writer at once: some 4 MB of text
BATCH_ROWS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What is exported: the shards, and what gives them meaning."""

    folder: Path
    manifest: ShardManifest
    vocabulary: Vocabulary
    tokenizer: Path
    """tokenizer.json, which goes along with ids."""
    rows: Callable[[int], pa.Table]
    """The rows of `provenance` of the shard at this place of the manifest."""

    def of_split(self, split: Split) -> list[ShardInfo]:
        """The shards of a split, in order."""
        return [shard for shard in self.manifest.shards if shard.split == split]

    def tokens(self, shard: ShardInfo) -> TokenArray:
        """The ids of a shard after its first end-of-text, mapped."""
        return read_tokens(self.folder / f"{shard.name}.bin")[1:]

    def index(self, shard: ShardInfo) -> ShardIndex:
        """The index of a shard; raises Damaged where its counts are not those of shards.json."""
        path = self.folder / f"{shard.name}.idx"
        index = read_index(path)
        counts = (len(index.text_ends), len(index.document_ends))
        if counts != (shard.num_texts, shard.num_documents):
            raise Damaged(
                f"{path}: {counts} texts and documents, but {MANIFEST} says "
                f"{(shard.num_texts, shard.num_documents)}; run `winnow shards verify`"
            )
        return index


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A folder to write, which becomes the target where nothing went wrong.

    Raises InputError where the target is not empty, or no folder.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(
            f"{target}: is there and not empty; expected a new or empty folder: name another, or "
            "remove it"
        )
    with storage_errors(str(target)):
        target.parent.mkdir(parents=True, exist_ok=True)
        built = target.parent / f".{target.name}.{uuid.uuid4().hex}"
        built.mkdir()
        try:
            yield built
            for path in built.rglob("*"):
                if path.is_file():
                    _flush(path)
            built.replace(target)
        finally:
            shutil.rmtree(built, ignore_errors=True)


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def write_nanogpt(source: Exported, folder: Path) -> None:
    """train.bin and val.bin; raises InputError where ids need more than 16 bits."""
    if source.manifest.dtype != "uint16":
        raise InputError(
            f"--to nanogpt: its files are uint16, but the vocabulary has "
            f"{source.manifest.vocab_size:,} ids; expected at most 65,536: export to megatron or "
            "datatrove"
        )
    for split, name in (("train", "train.bin"), ("validation", "val.bin")):
        with (folder / name).open("wb") as file:
            for shard in source.manifest.shards:
                if shard.split == split:
                    _copy(source.tokens(shard), file)
    shutil.copyfile(source.tokenizer, folder / "tokenizer.json")


def write_megatron(source: Exported, folder: Path) -> None:
    """A .bin and an .idx a split; nothing for a split without shards."""
    for split in SPLITS:
        shards = source.of_split(split)
        if not shards:
            continue
        with (folder / f"{split}.bin").open("wb") as file:
            for shard in shards:
                _copy(source.tokens(shard), file)
        with (folder / f"{split}.idx").open("wb") as file:
            _write_megatron_index(source, shards, file)
    shutil.copyfile(source.tokenizer, folder / "tokenizer.json")


def _write_megatron_index(source: Exported, shards: Sequence[ShardInfo], file: BinaryIO) -> None:
    """Head, lengths, pointers, bounds: three passes, an index at a time."""
    itemsize = np.dtype(source.manifest.dtype).itemsize
    num_texts = sum(shard.num_texts for shard in shards)
    num_documents = sum(shard.num_documents for shard in shards)
    file.write(b"MMIDIDX\x00\x00")
    file.write(struct.pack("<QBQQ", 1, _MEGATRON_CODES[itemsize], num_texts, num_documents + 1))
    for shard in shards:
        ends = source.index(shard).text_ends
        file.write(np.diff(ends, prepend=1).astype("<i4").tobytes())
    at = 0
    for shard in shards:
        ends = source.index(shard).text_ends - 1  # without the first end-of-text
        starts = np.concatenate([np.zeros(1, np.int64), ends])[: len(ends)]
        file.write(((at + starts) * itemsize).astype("<i8").tobytes())
        at += int(ends[-1]) if len(ends) else 0
    file.write(struct.pack("<q", 0))
    num_before = 0
    for shard in shards:
        index = source.index(shard)
        bounds = np.searchsorted(index.text_ends, index.document_ends) + 1
        file.write((num_before + bounds).astype("<i8").tobytes())
        num_before += len(index.text_ends)


def write_datatrove(source: Exported, folder: Path) -> None:
    """A .ds, its index and its metadata for each shard, the splits in folders of their own."""
    width = np.dtype(source.manifest.dtype).itemsize
    for shard in source.manifest.shards:
        path = folder / shard.split / f"{shard.number:05d}.ds"
        path.parent.mkdir(exist_ok=True)
        with path.open("wb") as file:
            _copy(source.tokens(shard), file)
        ends = source.index(shard).document_ends - 1
        path.with_name(f"{path.name}.index").write_bytes(ends.astype("<u8").tobytes())
        num = shard.num_tokens - 1
        path.with_name(f"{path.name}.metadata").write_text(
            f"tokenizer.json|{width}\n{num}\n{num:,} tokens", encoding="utf-8"
        )
    shutil.copyfile(source.tokenizer, folder / "tokenizer.json")


def write_jsonl(source: Exported, folder: Path) -> None:
    """A line a text, compressed."""
    import zstandard

    for part, shard in enumerate(source.manifest.shards):
        path = folder / f"{shard.name}.jsonl.zst"
        compressor = zstandard.ZstdCompressor(level=3, write_checksum=True)
        with path.open("wb") as raw, compressor.stream_writer(raw) as file:
            for batch in _texts(source, part):
                for row in batch:
                    row = {**row, "doc_id": row["doc_id"].hex()}
                    del row["ids"]
                    file.write(msgspec.json.encode(row) + b"\n")


def write_parquet(source: Exported, folder: Path) -> None:
    """A row a text, a file a shard."""
    import pyarrow.parquet as pq

    ids = pa.uint16() if source.manifest.dtype == "uint16" else pa.uint32()
    schema = pa.schema([
        ("doc_id", pa.string()), ("copy", pa.int32()), ("piece", pa.int32()),
        ("source", pa.string()), ("url", pa.string()), ("num_tokens", pa.int32()),
        ("text", pa.large_string()), ("ids", pa.large_list(ids)),
    ])  # fmt: skip
    for part, shard in enumerate(source.manifest.shards):
        path = folder / f"{shard.name}.parquet"
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            for batch in _texts(source, part):
                rows = [{**row, "doc_id": row["doc_id"].hex()} for row in batch]
                writer.write_table(pa.Table.from_pylist(rows, schema=schema))


EXPORTS: dict[str, Callable[[Exported, Path], None]] = {
    "nanogpt": write_nanogpt,
    "megatron": write_megatron,
    "datatrove": write_datatrove,
    "mds": write_mds,
    "litdata": write_litdata,
    "jsonl.zst": write_jsonl,
    "parquet": write_parquet,
}


def _copy(tokens: TokenArray, file: BinaryIO) -> None:
    for start in range(0, len(tokens), BLOCK_TOKENS):
        file.write(tokens[start : start + BLOCK_TOKENS].tobytes())


def _texts(source: Exported, part: int) -> Iterator[list[Row]]:
    """The texts of a shard with their ids, in batches: what is in a row of the text exports."""
    shard = source.manifest.shards[part]
    tokens = read_tokens(source.folder / f"{shard.name}.bin")
    eot = source.manifest.eot_id
    batch: list[Row] = []
    num_tokens = 0
    for rows in source.rows(part).to_batches(max_chunksize=BATCH_ROWS):
        for row in rows.to_pylist():
            ids = tokens[row["start"] : row["end"]]
            start = 0
            for piece, end in enumerate(np.flatnonzero(ids == eot).tolist()):
                if end > start:
                    own = ids[start:end]
                    batch.append({
                        "doc_id": row["doc_id"], "copy": row["copy"], "piece": piece,
                        "source": row["source"], "url": row["url"], "num_tokens": end - start,
                        "text": source.vocabulary.decode(own.tolist()), "ids": own,
                    })  # fmt: skip
                    num_tokens += end - start
                start = end + 1
            if num_tokens >= BATCH_TOKENS or len(batch) >= BATCH_ROWS:
                yield batch
                batch, num_tokens = [], 0
    if batch:
        yield batch
