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
from collections.abc import Iterator, Sequence
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
BLOCK_TOKENS = 2**22  # read at once where all tokens are looked at: 8 or 16 MB


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
    recipe: str = ""
    """Name of the recipe that the shards were made by."""
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
    if not bin_path.is_file():
        raise Damaged(f"{bin_path}: missing; run `winnow shards verify`")
    header = np.fromfile(bin_path, "<i4", HEADER_BYTES // 4)
    heads = {head: width for width, head in _HEADS.items()}
    width = heads.get(tuple(header[:2].tolist())) if len(header) == HEADER_BYTES // 4 else None
    if width is None:
        raise Damaged(f"{bin_path}: not a token shard; expected llm.c's header of 1,024 bytes")
    expected = HEADER_BYTES + width * int(header[2])
    if (size := bin_path.stat().st_size) != expected:
        raise Damaged(f"{bin_path}: {size:,} bytes, but its header says {expected:,}")
    if header[2] < 1:
        raise Damaged(f"{bin_path}: {header[2]} tokens; expected an end-of-text first")
    return np.memmap(bin_path, np.dtype(f"<u{width}"), "r", offset=HEADER_BYTES)


def read_index(index_path: Path) -> ShardIndex:
    """Ends of texts and documents of a shard; raises Damaged where the file is no such index."""
    if not index_path.is_file():
        raise Damaged(f"{index_path}: missing; run `winnow shards verify`")
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
    is_sound = num_bounds > 0 and bounds[0] == 0 and bounds[-1] == num_texts
    if not is_sound or (np.diff(bounds) < 1).any():
        raise Damaged(f"{index_path}: documents' bounds do not rise from 0 to {num_texts:,} texts")
    if not np.array_equal(text_ends - lengths, np.concatenate([[1], text_ends[:-1]])[:num_texts]):
        raise Damaged(f"{index_path}: texts do not follow each other without gaps")
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
    token_format: TokenFormat, shards: list[ShardInfo], *, seed: int, recipe: str = ""
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
        recipe=recipe,
        num_tokens=num_tokens,
        source_tokens=dict(sorted(source_tokens.items())),
        shards=tuple(ordered),
    )


def verify(folder: Path) -> ShardManifest:
    """Read every byte of a folder of shards; raises Damaged at the first fault.

    Checked: what `shard_faults` checks, of each shard. Costs two reads of the folder.
    """
    manifest = read_manifest(folder)
    for shard in manifest.shards:
        for fault in shard_faults(folder, shard, manifest):
            raise Damaged(fault)
    return manifest


def shard_faults(folder: Path, shard: ShardInfo, manifest: ShardManifest) -> Iterator[str]:
    """What is wrong with a shard, each fault as what, where, got, expected; none where nothing is.

    Checked: checksums, header, sizes, counts, ids below the vocabulary, an end-of-text first and at
    every text's end and nowhere else, texts without gaps. Memory: the index, and a block of ids.
    """
    bin_path, index_path = folder / f"{shard.name}.bin", folder / f"{shard.name}.idx"
    is_whole = True
    for path, expected in ((bin_path, shard.sha256), (index_path, shard.index_sha256)):
        if not path.is_file():
            yield f"{path}: missing, but {MANIFEST} lists it; run tokenize again"
            is_whole = False
        elif (found := file_sha256(path)) != expected:
            yield f"{path}: SHA-256 {found}, but {MANIFEST} says {expected}; run tokenize again"
    if not is_whole:
        return
    try:
        tokens, index = read_tokens(bin_path), read_index(index_path)
    except Damaged as error:
        yield str(error)
        return
    yield from _header_faults(bin_path, manifest)
    counts = (len(tokens), len(index.document_ends), len(index.text_ends))
    listed = (shard.num_tokens, shard.num_documents, shard.num_texts)
    if counts != listed:
        yield (
            f"{bin_path}: {counts} tokens, documents and texts, but {MANIFEST} says {listed}; run "
            "tokenize again"
        )
    yield from _token_faults(bin_path, tokens, index, manifest)


def _header_faults(bin_path: Path, manifest: ShardManifest) -> Iterator[str]:
    form = TokenFormat(
        vocab_size=manifest.vocab_size,
        eot_id=manifest.eot_id,
        tokenizer_sha256=manifest.tokenizer_sha256,
    )
    found = np.fromfile(bin_path, "<i4", HEADER_BYTES // 4)
    expected = np.frombuffer(form.header(int(found[2])), "<i4")
    for word in np.flatnonzero(found != expected)[:1].tolist():
        yield (
            f"{bin_path}: word {word} of the header is {found[word]}, but by {MANIFEST} it is "
            f"{expected[word]}; run tokenize again"
        )


def _token_faults(
    bin_path: Path, tokens: TokenArray, index: ShardIndex, manifest: ShardManifest
) -> Iterator[str]:
    expected = np.concatenate([[1], index.text_ends])
    num_ends = 0
    for start in range(0, len(tokens), BLOCK_TOKENS):
        block = tokens[start : start + BLOCK_TOKENS]
        top = int(block.argmax())
        if block[top] >= manifest.vocab_size:
            yield (
                f"{bin_path}: id {block[top]} at token {start + top:,}, expected ids below "
                f"{manifest.vocab_size:,}; run tokenize again"
            )
        ends = np.flatnonzero(block == manifest.eot_id) + start + 1
        due = expected[num_ends : num_ends + len(ends)]
        num_ends += len(ends)
        if not np.array_equal(ends, due):
            wrong = np.flatnonzero(ends[: len(due)] != due)
            at = int(ends[wrong[0]] if len(wrong) else ends[len(due)]) - 1
            yield (
                f"{bin_path}: end-of-text does not stand where {index_name(bin_path)} says, first "
                f"at token {at:,}; run tokenize again"
            )
            return
    if num_ends != len(expected):
        yield (
            f"{bin_path}: {num_ends:,} end-of-text, but {index_name(bin_path)} asks for "
            f"{len(expected):,}; run tokenize again"
        )


def index_name(bin_path: Path) -> str:
    """File name of the index beside a .bin."""
    return bin_path.with_suffix(".idx").name


def range_faults(starts: Int64Array, ends: Int64Array, index: ShardIndex) -> Iterator[str]:
    """What is wrong with the ranges that `provenance` gives the documents of a shard, in order."""
    if len(starts) != len(index.document_ends):
        yield f"{len(starts):,} documents, but the index has {len(index.document_ends):,}"
        return
    due = np.concatenate([np.array([1], np.int64), index.document_ends])
    wrong = np.flatnonzero((starts != due[:-1]) | (ends != due[1:]))
    for row in wrong[:1].tolist():
        yield (
            f"document {row:,} has tokens {starts[row]:,} to {ends[row]:,}, but the index says "
            f"{due[row]:,} to {due[row + 1]:,}"
        )


def file_sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
