"""The tokenizer: byte-level BPE as GPT-2 has it, trained here or given.

Text is split by GPT-2's pattern, each chunk becomes its UTF-8 bytes, written one character a byte,
and the pair of least rank is merged until none is left (Radford et al. 2019, section 2.2). Every
string has ids and comes back from them. Training and encoding are Hugging Face tokenizers'; the
merges do not depend on threads or on the order of texts, as pairs of equal count go by their ids.

`<|endoftext|>` is the only control token and always the last id. Documents can not write it: the
encoder does not know it, so that its literal text becomes ordinary tokens.

Cost: encoding about 5 MB/s a core, training about 6 MB/s and the distinct chunks in memory.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import AddedToken, Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer

from corpus.config import Settings
from corpus.errors import DataError, InputError
from corpus.shards import token_dtype

END_OF_TEXT = "<|endoftext|>"
TOKENIZER_FILE = "tokenizer.json"
NUM_BYTES = 256
MIN_PAIR_COUNT = 2  # a pair seen once is no pattern; small corpora end earlier for it
# Hugging Face's trainer counts pairs in 32 bits and wraps silently: 2 GB can not fill them.
MAX_TRAIN_BYTES = 2 * 10**9
# Bytes of text handed to the encoder at once: bounds its memory, about 40 bytes a byte of text.
BATCH_BYTES = 4 * 2**20
REPORT_BYTES = 2**20  # sample over which report.json measures bytes per token


class TokenizeSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The vocabulary, and how its tokens are cut into shards."""

    vocab_size: int = 50257
    """Tokens of the vocabulary, 256 bytes and end-of-text included; GPT-2's. A small corpus may
    have fewer pairs worth merging and end below it."""
    vocabulary: str = ""
    """A vocabulary to use instead of training one: a tokenizer.json, or a folder with GPT-2's
    encoder.json and vocab.bpe (or vocab.json and merges.txt). Empty: train."""
    train_bytes: int = 200_000_000
    """UTF-8 bytes of the mixture that the vocabulary is trained on, drawn by document."""
    tokens_per_shard: int = 100_000_000
    """Tokens that a shard holds on average: 100 M as llm.c's. Documents are placed by chance, so
    that shards differ by the few documents that this leaves."""

    def __post_init__(self) -> None:
        """Check ranges."""
        if not NUM_BYTES + 1 <= self.vocab_size <= 2**24:
            raise ValueError(f"vocab_size is {self.vocab_size}, expected 257 to {2**24}")
        if not 1 <= self.train_bytes <= MAX_TRAIN_BYTES:
            raise ValueError(f"train_bytes is {self.train_bytes}, expected 1 to {MAX_TRAIN_BYTES}")
        if not 1 <= self.tokens_per_shard <= 2**29:
            raise ValueError(f"tokens_per_shard is {self.tokens_per_shard}, expected 1 to {2**29}")


@dataclass(frozen=True)
class Vocabulary:
    """A byte-level BPE: what its tokens are, and text to ids and back."""

    tokens: tuple[str, ...]
    """Each id's token, a character for each byte; the last is end-of-text."""
    merges: tuple[tuple[str, str], ...]
    """Pairs of tokens, in order of rank."""

    @property
    def size(self) -> int:
        """Number of ids, end-of-text included."""
        return len(self.tokens)

    @property
    def eot_id(self) -> int:
        """The end-of-text id: the last."""
        return len(self.tokens) - 1

    @cached_property
    def token_bytes(self) -> tuple[bytes, ...]:
        """The bytes that each id stands for; of end-of-text, those of its name."""
        table = {character: byte for byte, character in byte_characters().items()}
        named = [bytes(table[character] for character in token) for token in self.tokens[:-1]]
        return (*named, END_OF_TEXT.encode())

    @cached_property
    def _encoder(self) -> Tokenizer:
        return _bare_tokenizer(self)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text, without end-of-text."""
        encoded: list[list[int]] = []
        for batch in _batches(texts):
            encoded.extend(e.ids for e in self._encoder.encode_batch_fast(batch))
        return encoded

    def encode_documents(self, documents: Sequence[Sequence[str]]) -> list[bytes]:
        """Each document's texts as one string of little-endian ids, end-of-text after each text."""
        dtype = token_dtype(self.size)
        encoded = iter(self.encode([text for texts in documents for text in texts]))
        joined: list[bytes] = []
        for texts in documents:
            ids: list[int] = []
            for _ in texts:
                ids += next(encoded)
                ids.append(self.eot_id)
            joined.append(np.array(ids, dtype).tobytes())
        return joined

    def decode(self, ids: Iterable[int]) -> str:
        """The text of these ids; bytes that are not UTF-8 become U+FFFD, as GPT-2 has it."""
        return b"".join(self.token_bytes[i] for i in ids).decode("utf-8", "replace")


def train(texts: Iterable[str], *, vocab_size: int) -> Vocabulary:
    """Learn a vocabulary of at most vocab_size tokens; raises DataError where there is no text."""
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = _pre_tokenizer()
    # No special tokens: end-of-text joins after the merges, so that its id is the last, as GPT-2's.
    trainer = BpeTrainer(
        vocab_size=vocab_size - 1,
        min_frequency=MIN_PAIR_COUNT,
        show_progress=False,
        special_tokens=[],
        initial_alphabet=list(byte_characters().values()),
    )
    num_texts = 0

    def counted() -> Iterator[str]:
        nonlocal num_texts
        for text in texts:
            num_texts += 1
            yield text

    tokenizer.train_from_iterator(counted(), trainer)
    if not num_texts:
        raise DataError("tokenizer: no text to train on; the mixture draws no train document")
    model = json.loads(tokenizer.to_str())["model"]
    return _vocabulary(model["vocab"], model["merges"], where="trained tokenizer")


def load(path: Path) -> Vocabulary:
    """Read a tokenizer.json, a folder that save() wrote, or a folder with GPT-2's two files.

    Raises InputError where it is no byte-level BPE of GPT-2's kind.
    """
    files = [Path(file) for file in vocabulary_files(str(path))]
    if len(files) == 1:
        return read_tokenizer(files[0].read_bytes(), where=str(files[0]))
    return _read_pair(*files)


def vocabulary_files(vocabulary: str) -> list[str]:
    """The files that load() would read; raises InputError where they are missing."""
    path = Path(vocabulary)
    if path.is_file():
        return [str(path)]
    if (path / TOKENIZER_FILE).is_file():
        return [str(path / TOKENIZER_FILE)]
    return [str(file) for file in _gpt2_files(path)]


def read_tokenizer(data: bytes, *, where: str) -> Vocabulary:
    """A vocabulary from the bytes of a tokenizer.json; raises InputError as load() does."""
    found = _read_json(data, where)
    try:
        model, splitter = found["model"], found["pre_tokenizer"]
        added = {token["content"]: token["id"] for token in found["added_tokens"]}
        is_gpt2 = (
            model["type"] == "BPE" and splitter["type"] == "ByteLevel" and splitter["use_regex"]
            and not splitter["add_prefix_space"] and found["normalizer"] is None
        )
        vocab, merges = model["vocab"] | added, model["merges"]
    except (KeyError, TypeError) as error:
        raise InputError(f"{where}: not a tokenizer.json of tokenizers: {error!r}") from error
    if not is_gpt2:
        raise InputError(
            f"{where}: not GPT-2's kind of tokenizer; expected byte-level BPE with GPT-2's "
            "pattern, no prefix space and no normalizer"
        )
    return _vocabulary(vocab, merges, where=where)


def save(vocabulary: Vocabulary, folder: Path, report: dict[str, Any]) -> None:
    """Write tokenizer.json, vocab.json, merges.txt, ranks.tiktoken, and what measure() said."""
    ids = {token: i for i, token in enumerate(vocabulary.tokens)}
    merges = "".join(f"{left} {right}\n" for left, right in vocabulary.merges)
    ranks = "".join(
        f"{base64.b64encode(token).decode()} {i}\n"
        for i, token in enumerate(vocabulary.token_bytes[:-1])
    )
    files = {
        TOKENIZER_FILE: _full_tokenizer(vocabulary).to_str(pretty=True),
        "vocab.json": json.dumps(ids),
        "merges.txt": f"#version: 0.2\n{merges}",
        "ranks.tiktoken": ranks,
        "report.json": json.dumps(report),
    }
    for name, text in files.items():
        (folder / name).write_bytes(text.encode())


def measure(vocabulary: Vocabulary, sample: Sequence[str]) -> dict[str, Any]:
    """What a reader asks of a vocabulary: its size, and how long its tokens are on the sample.

    token_bytes has each id's bytes, 0 for end-of-text: loss in bits per byte needs them.
    """
    num_bytes = sum(len(text.encode()) for text in sample)
    num_tokens = sum(len(ids) for ids in vocabulary.encode(sample))
    lengths = [len(token) for token in vocabulary.token_bytes[:-1]]
    return {
        "vocab_size": vocabulary.size,
        "eot_id": vocabulary.eot_id,
        "num_merges": len(vocabulary.merges),
        "sample_texts": len(sample),
        "sample_bytes": num_bytes,
        "sample_tokens": num_tokens,
        "bytes_per_token": round(num_bytes / num_tokens, 4) if num_tokens else None,
        "token_bytes": [*lengths, 0],
    }


def byte_characters() -> dict[int, str]:
    """GPT-2's printable character for each byte: itself where printable, else U+0100 and on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(NUM_BYTES) if byte not in printable]
    shown = {byte: chr(byte) for byte in printable}
    return shown | {byte: chr(NUM_BYTES + n) for n, byte in enumerate(others)}


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for text in texts:
        if batch and size + len(text) > BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text)
    if batch:
        yield batch


def _pre_tokenizer() -> ByteLevel:
    return ByteLevel(add_prefix_space=False, use_regex=True)


def _bare_tokenizer(vocabulary: Vocabulary) -> Tokenizer:
    """The encoder: end-of-text is no token of it."""
    ids = {token: i for i, token in enumerate(vocabulary.tokens[:-1])}
    tokenizer = Tokenizer(BPE(vocab=ids, merges=list(vocabulary.merges)))
    tokenizer.pre_tokenizer = _pre_tokenizer()
    return tokenizer


def _full_tokenizer(vocabulary: Vocabulary) -> Tokenizer:
    """What other tools read: end-of-text is its special token."""
    ids = {token: i for i, token in enumerate(vocabulary.tokens)}
    tokenizer = Tokenizer(BPE(vocab=ids, merges=list(vocabulary.merges)))
    tokenizer.pre_tokenizer = _pre_tokenizer()
    tokenizer.decoder = ByteLevelDecoder()
    tokenizer.add_special_tokens([AddedToken(END_OF_TEXT, special=True, normalized=False)])
    return tokenizer


def _read_pair(vocab_path: Path, merges_path: Path) -> Vocabulary:
    lines = merges_path.read_text(encoding="utf-8").split("\n")
    merges = [line.split(" ") for line in lines if line and not line.startswith("#version")]
    vocab = _read_json(vocab_path.read_bytes(), str(vocab_path))
    return _vocabulary(vocab, merges, where=str(merges_path))


def _gpt2_files(folder: Path) -> tuple[Path, Path]:
    """GPT-2's two files under OpenAI's or Hugging Face's names, with any prefix."""
    found: list[Path] = []
    for pattern in (r"(.*encoder|.*vocab)\.json", r".*vocab\.bpe|.*merges\.txt"):
        names = folder.iterdir() if folder.is_dir() else []
        matches = sorted(path for path in names if re.fullmatch(pattern, path.name))
        if len(matches) != 1:
            raise InputError(
                f"{folder}: {len(matches)} files like {pattern}, expected one; tokenize.vocabulary "
                "takes a tokenizer.json, or a folder with encoder.json and vocab.bpe"
            )
        found += matches
    return found[0], found[1]


def _read_json(data: bytes, where: str) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError as error:
        raise InputError(f"{where}: not JSON: {error}") from error
    if not isinstance(found, dict):
        raise InputError(f"{where}: {type(found).__name__}, expected an object")
    return found


def _vocabulary(
    vocab: dict[str, int], merges: Sequence[Sequence[str] | str], *, where: str
) -> Vocabulary:
    """Check that a vocabulary is whole: ids 0..n-1, all bytes, merges known, end-of-text last."""
    tokens = sorted(vocab, key=lambda token: vocab[token])
    if END_OF_TEXT not in vocab:
        tokens.append(END_OF_TEXT)
    pairs = [tuple(m.split(" ")) if isinstance(m, str) else tuple(m) for m in merges]
    known = set(tokens)
    faults = {
        "ids are not 0 to n-1": sorted(vocab.values()) != list(range(len(vocab))),
        f"{END_OF_TEXT} is not the last id": tokens[-1] != END_OF_TEXT,
        "a byte has no token": not known.issuperset(byte_characters().values()),
        "a merge is no pair of tokens that make one": any(
            len(pair) != 2 or not known.issuperset((*pair, "".join(pair))) for pair in pairs
        ),
        "a token is not of bytes": not set("".join(tokens[:-1])) <= set(byte_characters().values()),
    }
    for fault, is_so in faults.items():
        if is_so:
            raise InputError(f"{where}: {fault}; expected GPT-2's kind of byte-level BPE")
    return Vocabulary(tuple(tokens), tuple((pair[0], pair[1]) for pair in pairs))
