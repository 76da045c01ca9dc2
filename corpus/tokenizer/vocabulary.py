"""The tokenizer: byte-level BPE as GPT-2 has it, trained here or given; GPT-1's in characters.py.

Text is split by GPT-2's pattern or another (splitting.py), each chunk becomes its UTF-8 bytes,
written one character a byte, and the pair of least rank is merged until none is left (Radford et
al. 2019, section 2.2). Every string has ids and comes back from them.

`<|endoftext|>` is the only control token and always the last id. Documents can not write it: the
encoder does not know it, so that its literal text becomes ordinary tokens.

Cost: encoding about 5 MB/s a core.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE

from corpus.errors import InputError
from corpus.tokenizer.bytelevel import byte_characters
from corpus.tokenizer.splitting import GPT2, Splitting

Kind = Literal["bytes", "characters"]

END_OF_TEXT = "<|endoftext|>"
# Bytes of text handed to the encoder at once: bounds its memory, about 40 bytes a byte of text.
BATCH_BYTES = 4 * 2**20


@dataclass(frozen=True)
class Vocabulary:
    """A byte-level BPE: what its tokens are, and text to ids and back."""

    kind: ClassVar[Kind] = "bytes"
    """What the merges begin with."""
    tokens: tuple[str, ...]
    """Each id's token, a character for each byte; the last is end-of-text."""
    merges: tuple[tuple[str, str], ...]
    """Pairs of tokens, in order of rank."""
    splitting: Splitting = GPT2
    """How text is cut before any merge."""

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

    def ids(self, *, end_of_text: bool) -> dict[str, int]:
        """The id of each token, with end-of-text or without."""
        return {token: i for i, token in enumerate(self.tokens[: self.size - (not end_of_text)])}

    def tokenizer(self, *, end_of_text: bool = False) -> Tokenizer:
        """The same for tokenizers; without end-of-text it encodes as this does."""
        ids = self.ids(end_of_text=end_of_text)
        tokenizer = Tokenizer(BPE(vocab=ids, merges=list(self.merges)))
        tokenizer.pre_tokenizer = self.splitting.pre_tokenizer()
        tokenizer.decoder = ByteLevelDecoder()
        return tokenizer

    @cached_property
    def _encoder(self) -> Tokenizer:
        return self.tokenizer()

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text, without end-of-text."""
        encoded: list[list[int]] = []
        for batch in _batches(texts):
            encoded.extend(e.ids for e in self._encoder.encode_batch_fast(batch))
        return encoded

    def decode(self, ids: Iterable[int]) -> str:
        """The text of these ids; bytes that are not UTF-8 become U+FFFD, as GPT-2 has it."""
        return b"".join(self.token_bytes[i] for i in ids).decode("utf-8", "replace")


def checked(
    vocab: dict[str, int],
    merges: Sequence[Sequence[str] | str],
    splitting: Splitting = GPT2,
    *,
    where: str,
) -> Vocabulary:
    """A vocabulary, where it is whole: ids 0..n-1, all bytes, merges known, end-of-text last."""
    tokens, pairs = ordered(vocab, merges, where=where)
    shown = set(byte_characters().values())
    if not shown.issubset(tokens):
        raise InputError(f"{where}: a byte has no token; expected GPT-2's kind of byte-level BPE")
    if not shown.issuperset("".join(tokens[:-1])):
        raise InputError(f"{where}: a token is not of bytes; expected GPT-2's kind of BPE")
    return Vocabulary(tokens, pairs, splitting)


def ordered(
    vocab: dict[str, int], merges: Sequence[Sequence[str] | str], *, where: str
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Tokens by id, and merges, where they make a BPE with end-of-text last; else InputError."""
    tokens = sorted(vocab, key=lambda token: vocab[token])
    if END_OF_TEXT not in vocab:
        tokens.append(END_OF_TEXT)
    pairs = [tuple(m.split(" ")) if isinstance(m, str) else tuple(m) for m in merges]
    known = set(tokens)
    faults = {
        "ids are not 0 to n-1": sorted(vocab.values()) != list(range(len(vocab))),
        f"{END_OF_TEXT} is not the last id": tokens[-1] != END_OF_TEXT,
        "a merge is no pair of tokens that make one": any(
            len(pair) != 2 or not known.issuperset((*pair, "".join(pair))) for pair in pairs
        ),
    }
    for fault, is_so in faults.items():
        if is_so:
            raise InputError(f"{where}: {fault}; expected the kind of BPE that GPT-2 or GPT-1 has")
    return tuple(tokens), tuple((pair[0], pair[1]) for pair in pairs)


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
