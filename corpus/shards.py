"""The token files that trainers read: how ids lie on disk, and how to trust them.

A shard is a pair. `train-00000.bin` has llm.c's header of 1,024 bytes and then little-endian ids,
uint16 where the vocabulary allows; `train-00000.idx` has Megatron's index, whose byte pointers
count from the start of the .bin, header included. So llm.c, modded-nanogpt and Megatron read the
same pair; np.memmap(path, dtype, offset=1024) reads the ids. (Megatron's merge tool recomputes the
pointers and must not be used on these.)

A shard begins with the end-of-text id and has one after each text, so that it reads right for
trainers that put it first (llm.c) and for those that put it last (nanoGPT, Megatron). Documents
never straddle shards. A document that was cut into pieces is one document of several texts: a
Megatron *sequence* is one text, a Megatron *document* all texts of one document. The first
end-of-text belongs to none.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from corpus.errors import Damaged, DataError, NotBuilt

TokenArray = npt.NDArray[np.uint16] | npt.NDArray[np.uint32]
Int64Array = npt.NDArray[np.int64]
Split = Literal["train", "validation"]

SPLITS: tuple[Split, ...] = ("train", "validation")
HEADER_BYTES = 1024  # 256 words of int32
MANIFEST = "shards.json"  # manifest.json is the dataset's own

# llm.c: (magic, version) of a file of uint16, and of llama-3's uint32.
_HEADS = {2: (20240520, 1), 4: (20240801, 7)}
# Megatron's code of each width: uint16, and int32, which has the bytes of uint32 below 2**31.
_MEGATRON_CODES = {2: 8, 4: 4}
_MEGATRON_MAGIC = b"MMIDIDX\x00\x00"
_INDEX_HEAD = struct.Struct("<9sQBQQ")
# Words 3.. of the header are free in every reader known: our own version, eot, and tokenizer.
_LAYOUT_VERSION = 1
# llm.c seeks with a signed 32-bit int: 2 GiB of uint16.
MAX_SHARD_TOKENS = 2**30 - HEADER_BYTES


class ShardInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One shard, as the manifest describes it."""

    name: str
    """File name without .bin or .idx."""
    split: Split
    number: int
    """Number of the shard in its split, from 0."""
    num_tokens: int
    """Ids in the file, every end-of-text included."""
    num_documents: int
    """Document copies."""
    num_texts: int
    """Texts: more than documents where some were cut into pieces."""
    sha256: str
    """Of the .bin file."""
    index_sha256: str
    """Of the .idx file."""
    source_tokens: dict[str, int] = {}
    """Tokens of each source, every end-of-text but the first included; sorted by name."""


class ShardManifest(msgspec.Struct, frozen=True, kw_only=True):
    """shards.json: what a trainer must know, and what it can refuse to go on without."""

    format: str = "winnow-shards"
    version: int = _LAYOUT_VERSION
    tokenizer_sha256: str
    """Of tokenizer.json."""
    vocab_size: int
    """Ids are below it."""
    eot_id: int
    """The end-of-text id."""
    dtype: Literal["uint16", "uint32"]
    """Of the ids, little-endian."""
    seed: int
    """The recipe's."""
    num_tokens: dict[str, int]
    """Tokens of each split."""
    source_tokens: dict[str, int]
    """Tokens of each source in train, over all shards."""
    shards: tuple[ShardInfo, ...]
    """Train first, then validation, each by number: this is the training order."""


def shard_name(split: Split, number: int) -> str:
    """The name of a shard's files, without .bin or .idx."""
    return f"{split}-{number:05d}"


def token_dtype(vocab_size: int) -> np.dtype[np.uint16] | np.dtype[np.uint32]:
    """The narrowest little-endian type that holds every id below vocab_size."""
    return np.dtype("<u2") if vocab_size <= 2**16 else np.dtype("<u4")


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenFormat:
    """What all shards of a dataset share."""

    vocab_size: int
    eot_id: int
    tokenizer_sha256: str

    @property
    def dtype(self) -> np.dtype[np.uint16] | np.dtype[np.uint32]:
        """The type of the ids."""
        return token_dtype(self.vocab_size)

    def header(self, num_tokens: int) -> bytes:
        """llm.c's 1,024 bytes for a file of num_tokens ids."""
        words = np.zeros(HEADER_BYTES // 4, "<i4")
        words[:2] = _HEADS[self.dtype.itemsize]
        words[2] = num_tokens
        words[3:6] = _LAYOUT_VERSION, self.dtype.itemsize, self.eot_id
        words[6:14] = np.frombuffer(bytes.fromhex(self.tokenizer_sha256), "<i4")
        return words.tobytes()


class ShardWriter:
    """Writes one shard as its documents come: `with ShardWriter(...) as shard: shard.add(ids)`."""

    def __init__(self, bin_path: Path, index_path: Path, token_format: TokenFormat) -> None:
        """Open both files; the header is written last, when the count is known."""
        self._format = token_format
        self._bin_path = bin_path
        self._index_path = index_path
        self._text_ends: list[Int64Array] = []
        self._texts_of_documents: list[int] = []
        self._file: BinaryIO = bin_path.open("wb")
        self._file.write(bytes(HEADER_BYTES))
        self._file.write(np.array([token_format.eot_id], token_format.dtype).tobytes())
        self.num_tokens = 1

    def add(self, ids: bytes) -> tuple[int, int]:
        """Append one document, an end-of-text after each of its texts; return its [start, end).

        ids: little-endian, of the format's type. Raises DataError where the last is not
        end-of-text, or the shard grows beyond what llm.c can read.
        """
        tokens = np.frombuffer(ids, self._format.dtype)
        if not len(tokens) or tokens[-1] != self._format.eot_id:
            raise DataError(
                f"{self._bin_path.name}: a document of {len(tokens)} tokens does not end with "
                f"end-of-text ({self._format.eot_id})"
            )
        start, end = self.num_tokens, self.num_tokens + len(tokens)
        if end > MAX_SHARD_TOKENS:
            raise DataError(
                f"{self._bin_path.name}: more than {MAX_SHARD_TOKENS:,} tokens; "
                "lower tokenize.tokens_per_shard"
            )
        text_ends = np.flatnonzero(tokens == self._format.eot_id) + start + 1
        self._text_ends.append(text_ends.astype(np.int64))
        self._texts_of_documents.append(len(text_ends))
        self._file.write(ids)
        self.num_tokens = end
        return start, end

    def __enter__(self) -> ShardWriter:
        """The writer itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Write header and index where nothing went wrong, and close."""
        try:
            if error is None:
                self._file.seek(0)
                self._file.write(self._format.header(self.num_tokens))
                self._index_path.write_bytes(self._index())
        finally:
            self._file.close()

    def _index(self) -> bytes:
        """Megatron's index: head, texts' lengths and byte offsets, documents' bounds in texts."""
        itemsize = self._format.dtype.itemsize
        ends = np.concatenate([np.empty(0, np.int64), *self._text_ends])
        starts = np.concatenate([np.array([1], np.int64), ends])[:-1] if len(ends) else ends
        bounds = np.cumsum([0, *self._texts_of_documents], dtype=np.int64)
        head = _INDEX_HEAD.pack(
            _MEGATRON_MAGIC, 1, _MEGATRON_CODES[itemsize], len(ends), len(bounds)
        )
        lengths = (ends - starts).astype("<i4")
        pointers = (HEADER_BYTES + starts * itemsize).astype("<i8")
        return head + lengths.tobytes() + pointers.tobytes() + bounds.astype("<i8").tobytes()


@dataclass(frozen=True, slots=True)
class ShardIndex:
    """Where texts and documents end in a shard, in tokens from the shard's first."""

    text_ends: Int64Array
    document_ends: Int64Array


def read_tokens(bin_path: Path) -> TokenArray:
    """The ids of a shard, mapped, not read: uint16 or uint32 (num_tokens,).

    Raises Damaged where the file is no shard or its size is not what its header says.
    """
    header = np.fromfile(bin_path, "<i4", HEADER_BYTES // 4)
    heads = {head: width for width, head in _HEADS.items()}
    width = heads.get(tuple(header[:2].tolist())) if len(header) == HEADER_BYTES // 4 else None
    if width is None:
        raise Damaged(f"{bin_path}: not a token shard; expected llm.c's header of 1,024 bytes")
    expected = HEADER_BYTES + width * int(header[2])
    if (size := bin_path.stat().st_size) != expected:
        raise Damaged(f"{bin_path}: {size:,} bytes, but its header says {expected:,}")
    return np.memmap(bin_path, np.dtype(f"<u{width}"), "r", offset=HEADER_BYTES)


def read_index(index_path: Path) -> ShardIndex:
    """Ends of texts and documents of a shard; raises Damaged where the file is no such index."""
    data = index_path.read_bytes()
    if len(data) < _INDEX_HEAD.size or not data.startswith(_MEGATRON_MAGIC):
        raise Damaged(f"{index_path}: not an index; expected Megatron's, version 1")
    _, _, code, num_texts, num_bounds = _INDEX_HEAD.unpack_from(data)
    widths = {code: width for width, code in _MEGATRON_CODES.items()}
    if code not in widths or len(data) != _INDEX_HEAD.size + 12 * num_texts + 8 * num_bounds:
        raise Damaged(f"{index_path}: {len(data):,} bytes are not those its head asks for")
    at = _INDEX_HEAD.size
    lengths = np.frombuffer(data, "<i4", num_texts, at).astype(np.int64)
    pointers = np.frombuffer(data, "<i8", num_texts, at + 4 * num_texts)
    bounds = np.frombuffer(data, "<i8", num_bounds, at + 12 * num_texts)
    text_ends = (pointers - HEADER_BYTES) // widths[code] + lengths
    return ShardIndex(text_ends, text_ends[bounds[1:] - 1])


def write_manifest(path: Path, manifest: ShardManifest) -> None:
    """Write shards.json, indented."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")


def read_manifest(folder: Path) -> ShardManifest:
    """The manifest of a folder of shards; raises NotBuilt or Damaged."""
    path = folder / MANIFEST
    if not path.is_file():
        raise NotBuilt(f"{path}: missing; run tokenize")
    try:
        return msgspec.json.decode(path.read_bytes(), type=ShardManifest)
    except msgspec.MsgspecError as error:
        raise Damaged(f"{path}: {error}") from error


def shard_info(
    token_format: TokenFormat,
    split: Split,
    number: int,
    *,
    num_documents: int,
    source_tokens: dict[str, int],
    files: Sequence[tuple[int, str]],
) -> ShardInfo:
    """What the manifest says of a shard; files: bytes and SHA-256 of the .bin and the .idx.

    All counts follow from the files' sizes, so that no shard is read again.
    """
    (bin_bytes, sha256), (index_bytes, index_sha256) = files
    return ShardInfo(
        name=shard_name(split, number),
        split=split,
        number=number,
        num_tokens=(bin_bytes - HEADER_BYTES) // token_format.dtype.itemsize,
        num_documents=num_documents,
        num_texts=(index_bytes - _INDEX_HEAD.size - 8 * (num_documents + 1)) // 12,
        sha256=sha256,
        index_sha256=index_sha256,
        source_tokens=dict(sorted(source_tokens.items())),
    )


def make_manifest(
    token_format: TokenFormat, shards: list[ShardInfo], *, seed: int
) -> ShardManifest:
    """The manifest of these shards, put in training order."""
    ordered = sorted(shards, key=lambda shard: (SPLITS.index(shard.split), shard.number))
    num_tokens: dict[str, int] = dict.fromkeys(SPLITS, 0)
    source_tokens: dict[str, int] = {}
    for shard in ordered:
        num_tokens[shard.split] += shard.num_tokens
        if shard.split == "train":
            for source, tokens in shard.source_tokens.items():
                source_tokens[source] = source_tokens.get(source, 0) + tokens
    return ShardManifest(
        tokenizer_sha256=token_format.tokenizer_sha256,
        vocab_size=token_format.vocab_size,
        eot_id=token_format.eot_id,
        dtype="uint16" if token_format.dtype.itemsize == 2 else "uint32",
        seed=seed,
        num_tokens=num_tokens,
        source_tokens=dict(sorted(source_tokens.items())),
        shards=tuple(ordered),
    )


def verify(folder: Path) -> ShardManifest:
    """Read every byte of a folder of shards; raises Damaged at the first fault.

    Checked: checksums, counts, ids below the vocabulary, an end-of-text first and at every text's
    end and nowhere else, texts without gaps. Costs one read of the folder.
    """
    manifest = read_manifest(folder)
    for shard in manifest.shards:
        _verify_shard(folder, shard, manifest)
    return manifest


def _verify_shard(folder: Path, shard: ShardInfo, manifest: ShardManifest) -> None:
    bin_path, index_path = folder / f"{shard.name}.bin", folder / f"{shard.name}.idx"
    for path, expected in ((bin_path, shard.sha256), (index_path, shard.index_sha256)):
        if not path.is_file():
            raise Damaged(f"{path}: missing, but {MANIFEST} lists it; run tokenize again")
        if (found := file_sha256(path)) != expected:
            raise Damaged(f"{path}: SHA-256 {found}, but {MANIFEST} says {expected}")
    tokens, index = read_tokens(bin_path), read_index(index_path)
    counts = (len(tokens), len(index.document_ends), len(index.text_ends))
    if counts != (shard.num_tokens, shard.num_documents, shard.num_texts):
        raise Damaged(f"{bin_path}: {counts} tokens, documents and texts, not as {MANIFEST} says")
    if tokens.max() >= manifest.vocab_size:
        raise Damaged(f"{bin_path}: id {tokens.max()} is not below {manifest.vocab_size}")
    ends = np.flatnonzero(tokens == manifest.eot_id) + 1
    if not np.array_equal(ends, np.concatenate([[1], index.text_ends])):
        raise Damaged(f"{bin_path}: end-of-text does not stand where {index_path.name} says")


def file_sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
