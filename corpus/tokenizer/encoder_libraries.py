"""The libraries that can encode, each as a function from a batch of texts to ids.

All are built from the same tokens and merges without end-of-text, so that none can write it, and
all run on the calling thread: one task of Spark has one core. None is trusted to be the same as
tokenizers; encoders.py asks.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer
from tokenizers.models import BPE

from corpus.tokenizer.bytelevel import NUM_BYTES
from corpus.tokenizer.vocabulary import Vocabulary
from corpus.utf8 import Int64Array, UInt32Array

# What tiktoken's own file has for GPT-2: the same cuts, without going back over long runs, at which
# its regular expressions give up (a million blanks).
_GPT2_WITHOUT_BACKTRACKING = (
    r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"
)


class BatchIds(NamedTuple):
    """Ids of a batch, one text after the other."""

    ids: UInt32Array
    ends: Int64Array
    """Where each text's ids end."""


EncodeBatch = Callable[[pa.Array], BatchIds]


def open_library(name: str, vocabulary: Vocabulary) -> EncodeBatch:
    """A library's encoder of large_string without nulls.

    Raises ImportError where it is not installed, and RuntimeError or ValueError where it does not
    take the vocabulary.
    """
    makers: dict[str, Callable[[Vocabulary], EncodeBatch]] = {
        "fastokens": _fastokens,
        "tiktoken": _tiktoken,
        "tokenizers": _tokenizers,
    }
    if vocabulary.kind != "bytes" and name != "tokenizers":
        raise ValueError(f"it merges {vocabulary.kind}, not bytes")
    return makers[name](vocabulary)


def _json_for_fastokens(vocabulary: Vocabulary) -> str:
    """A tokenizer.json; to the regular expressions of PCRE2 alone, U+180E is white space."""
    splitting = vocabulary.splitting
    found = json.loads(vocabulary.tokenizer().to_str())
    if not splitting.is_gpt2:
        split = found["pre_tokenizer"]["pretokenizers"][0]["pattern"]
        pattern = splitting.pattern.replace(r"\s", r"\p{White_Space}")
        split["Regex"] = pattern.replace(r"\S", r"\P{White_Space}")
    return json.dumps(found)


def _fastokens(vocabulary: Vocabulary) -> EncodeBatch:
    """Its cache is bounded (150 MB at most on words never seen before)."""
    import fastokens

    tokenizer = fastokens.Tokenizer.from_json_str(_json_for_fastokens(vocabulary))
    with _one_thread():
        tokenizer.encode_batch_flat(["a", "b"])  # which starts its threads

    def encode(texts: pa.Array) -> BatchIds:
        ids, offsets = tokenizer.encode_batch_flat(texts.to_pylist())
        return BatchIds(np.frombuffer(ids, "<u4"), np.frombuffer(offsets, "<i8")[1:])

    return encode


@contextmanager
def _one_thread() -> Iterator[None]:
    """Rayon, which some of them use, starts its threads when first needed, one for each core."""
    name = "RAYON_NUM_THREADS"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _tiktoken(vocabulary: Vocabulary) -> EncodeBatch:
    import tiktoken

    _check_ranks(vocabulary)
    is_gpt2 = vocabulary.splitting.is_gpt2
    encoding = tiktoken.Encoding(
        "winnow",
        pat_str=_GPT2_WITHOUT_BACKTRACKING if is_gpt2 else vocabulary.splitting.pattern,
        mergeable_ranks={token: i for i, token in enumerate(vocabulary.token_bytes[:-1])},
        special_tokens={},
    )

    def encode(text: str) -> UInt32Array:
        try:
            return encoding.encode_to_numpy(text, disallowed_special=())
        except ValueError:  # a run so long that the regular expression gives up
            return np.array(vocabulary.encode([text])[0], np.uint32)

    return lambda texts: _joined([encode(text) for text in texts.to_pylist()])


def _check_ranks(vocabulary: Vocabulary) -> None:
    """Raise ValueError where merging by ranks of tokens is not merging by the list of merges.

    tiktoken joins the neighbours that together are the token of least id; the list says which
    neighbours may be joined, and in what order. It is the same where the merges make each token
    once, in the order of ids, and each token is what its own bytes become. For neighbours within a
    token come about alike wherever it stands, as no merge has crossed its ends: had they another
    way to be joined, the token's own bytes would have become them and not it.
    """
    ids = vocabulary.ids(end_of_text=False)
    made = np.array([ids[left + right] for left, right in vocabulary.merges], np.int64)
    if len(made) != len(ids) - NUM_BYTES or (np.diff(made) <= 0).any():
        raise ValueError("its merges do not make each token once, in the order of ids")
    unsplit = Tokenizer(BPE(vocab=ids, merges=list(vocabulary.merges)))
    for i, found in enumerate(unsplit.encode_batch_fast(list(ids))):
        if found.ids != [i]:
            raise ValueError(f"token {i} is none that its own bytes become")


def _tokenizers(vocabulary: Vocabulary) -> EncodeBatch:
    """The reference."""

    def encode(texts: pa.Array) -> BatchIds:
        ids = vocabulary.encode(texts.to_pylist())
        ends = np.cumsum(np.fromiter(map(len, ids), np.int64, len(ids)))
        flat = np.fromiter(chain.from_iterable(ids), np.uint32, int(ends[-1]) if len(ids) else 0)
        return BatchIds(flat, ends)

    return encode


def _joined(ids: list[UInt32Array]) -> BatchIds:
    ends = np.cumsum(np.fromiter(map(len, ids), np.int64, len(ids)))
    return BatchIds(np.concatenate([np.zeros(0, np.uint32), *ids]), ends)
