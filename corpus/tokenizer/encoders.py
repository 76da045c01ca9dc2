"""The encoder of a vocabulary: the fastest library here whose ids are those of the reference.

The reference is Vocabulary.encode, which is Hugging Face's tokenizers: right for every vocabulary,
and slow. Faster libraries are tried in the order of LIBRARIES. Each that is installed must cut and
merge hard texts (probes.py) as the reference does, when it is opened, in every process: a
difference refuses it. So the ids are the same whichever encodes.

Texts are Arrow's, ids are flat arrays; of the fast libraries no Python object is made for a token.

Cost on a busy core: 107 MB/s by fastokens, 5 to 12 by tiktoken, 2 by tokenizers, over 109 MB of
text that they had not seen; the ids of the first two were equal. Opening takes 1.2 s, most of it
the reference on the probes and fastokens reading 50,257 tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal, NamedTuple, Protocol

import numpy as np
import pyarrow as pa

from corpus.errors import ConfigError
from corpus.shards import TokenArray, token_dtype
from corpus.tokenizer.encoder_libraries import EncodeBatch, open_library
from corpus.tokenizer.probes import Probe, cut_probe, merge_probe
from corpus.tokenizer.vocabulary import Vocabulary
from corpus.utf8 import Int64Array, text_bytes

EncoderName = Literal["auto", "fastokens", "tiktoken", "tokenizers"]
REFERENCE: EncoderName = "tokenizers"
LIBRARIES: tuple[EncoderName, ...] = ("fastokens", "tiktoken", REFERENCE)
# Bytes of text handed to a library at once, or one text: bounds what it keeps beside the ids, the
# reference 30 bytes a byte. Swept from 256 KiB to 16 MiB: fastokens is as fast with all.
BATCH_BYTES = 2**20
_MAX_OPEN = 4  # vocabularies whose encoders a process keeps; a run has one


class Encoded(NamedTuple):
    """The ids of some texts, one text after the other, without end-of-text."""

    ids: TokenArray
    """(num_tokens,), little-endian, of the vocabulary's token_dtype."""
    ends: Int64Array
    """(num_texts,): where each text's ids end."""


class Encoder(Protocol):
    """Texts to ids."""

    @property
    def name(self) -> str:
        """Of the library."""

    def encode(self, texts: pa.Array) -> Encoded:
        """The ids of each text; texts: string or large_string without nulls."""


class Opened(NamedTuple):
    """An encoder, and why it is no faster one."""

    encoder: Encoder
    refused: tuple[str, ...]
    """Of each faster library: why it is not used."""


@dataclass(frozen=True, slots=True)
class _Batches:
    """A library's encoder, handed texts by batches."""

    name: str
    encode_batch: EncodeBatch
    dtype: np.dtype[np.uint16] | np.dtype[np.uint32]

    def encode(self, texts: pa.Array) -> Encoded:
        """The ids of each text."""
        if texts.null_count:
            raise TypeError(f"{texts.null_count} of {len(texts)} texts are null, expected none")
        ids, ends, size = [np.zeros(0, self.dtype)], [np.zeros(0, np.int64)], 0
        for batch in _batches(texts):
            found = self.encode_batch(batch)
            ids.append(found.ids.astype(self.dtype))
            ends.append(found.ends + size)
            size += len(found.ids)
        return Encoded(np.concatenate(ids), np.concatenate(ends))


def _batches(texts: pa.Array) -> Iterator[pa.Array]:
    """The texts in slices of about BATCH_BYTES, or of one text."""
    (text,) = text_bytes(texts)
    turn = (text.ends - text.starts[:1]) // BATCH_BYTES
    edges = (np.flatnonzero(np.diff(turn)) + 1).tolist()
    for first, end in zip([0, *edges], [*edges, len(texts)], strict=True):
        if end > first:
            yield texts.slice(first, end - first)


def open_encoder(vocabulary: Vocabulary, *, name: EncoderName = "auto") -> Opened:
    """The encoder of that name, or the fastest that is the same as the reference.

    Kept for the life of the process: asking again for an equal vocabulary costs its hash (some
    milliseconds), so ask once a task. Raises ConfigError where the one named cannot be used.
    """
    return _opened(vocabulary, name)


@lru_cache(maxsize=_MAX_OPEN)
def _opened(vocabulary: Vocabulary, name: EncoderName) -> Opened:
    merges = cache(lambda: merge_probe(vocabulary))  # made if a library is here that needs it
    if name != "auto":
        found = _tried(name, vocabulary, merges)
        if isinstance(found, str):
            raise ConfigError(
                f"encoder {name}: {found}; expected the ids of tokenizers; choose auto, or install "
                "the libraries that Winnow is tested with: pip install 'winnow[fast]'"
            )
        return Opened(found, ())
    refused: list[str] = []
    for library in LIBRARIES:
        found = _tried(library, vocabulary, merges)
        if not isinstance(found, str):
            return Opened(found, tuple(refused))
        refused.append(f"{library}: {found}")
    raise AssertionError("the reference refuses nothing")


def _tried(name: EncoderName, vocabulary: Vocabulary, merges: Callable[[], Probe]) -> Encoder | str:
    """A library's encoder, or why it cannot be used."""
    try:
        encoder = _encoder(name, vocabulary)
        if name == REFERENCE:
            return encoder
        cuts = cut_probe(vocabulary.splitting)
        difference = cuts.difference(_encoder(name, cuts.vocabulary))
        difference = difference or merges().difference(encoder)
    except ImportError:
        return "not installed"
    except (RuntimeError, ValueError) as error:
        return f"does not take the vocabulary: {' '.join(str(error).split())}"
    return difference or encoder


def _encoder(name: EncoderName, vocabulary: Vocabulary) -> Encoder:
    return _Batches(name, open_library(name, vocabulary), token_dtype(vocabulary.size))


def encode_documents(
    encoder: Encoder, texts: pa.Array, num_texts: Int64Array, *, eot_id: int, vocab_size: int
) -> tuple[pa.LargeBinaryArray, Int64Array]:
    """Each document's ids as little-endian bytes, end-of-text after each text; and how many.

    texts: those of all documents, one document after the other; num_texts: (num_documents,), how
    many are of each.
    """
    found = encoder.encode(texts)
    dtype = token_dtype(vocab_size)
    ids = np.insert(found.ids, found.ends, np.array(eot_id, dtype))
    num_tokens = count_tokens(found.ends, num_texts)
    starts = np.concatenate((np.zeros(1, np.int64), np.cumsum(num_tokens)))
    offsets = pa.py_buffer(starts * dtype.itemsize)
    buffers = [None, offsets, pa.py_buffer(ids)]
    encoded = pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(num_texts), buffers)
    return encoded, num_tokens


def count_tokens(ends: Int64Array, num_texts: Int64Array) -> Int64Array:
    """How many ids each document has, an end-of-text after each text included.

    ends: where each text's ids end, without end-of-text; num_texts: (num_documents,).
    """
    if num_texts.sum() != len(ends):
        raise ValueError(f"documents have {num_texts.sum()} texts, but {len(ends)} are given")
    text_starts = np.concatenate((np.zeros(1, np.int64), ends + np.arange(1, len(ends) + 1)))
    return np.diff(text_starts[np.concatenate((np.zeros(1, np.int64), np.cumsum(num_texts)))])

