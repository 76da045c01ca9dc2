"""GPT-1's kind of tokenizer: BPE over the characters of words, with a mark where each word ends.

As Radford et al. 2018 (section 4.1) have it, after Sennrich et al. 2016: text is repaired by ftfy
(Speer 2019), dashes, ellipses and accents that stand for quotes are written in ASCII, and letters
are made small (`text_standardize` of GPT-1's code). Words are what white space and punctuation
part, each sign by itself, as BERT's splitter has it and transformers' OpenAIGPTTokenizerFast;
GPT-1's were spaCy's, which keeps "..." together and cuts "don't" into "do" and "n't". The rest of
`text_standardize` sets spaces about signs, which such words do without.

It is lossy: capitals, spaces and lines are gone, and a character that the vocabulary does not know
is `<unk>`. Decoding gives words with a space after each. Ids begin with `<unk>`; then come the
characters by code point, then the same with the mark, then the merges; end-of-text is the last.

Cost: words are counted at 3 MB/s a core, most of which ftfy takes for text beyond plain ASCII.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from tokenizers import Tokenizer, normalizers
from tokenizers.decoders import BPEDecoder
from tokenizers.models import BPE
from tokenizers.normalizers import Lowercase, Normalizer, Replace
from tokenizers.pre_tokenizers import BertPreTokenizer, PreTokenizer

from corpus.errors import InputError
from corpus.tokenizer.vocabulary import END_OF_TEXT, Kind, Vocabulary, ordered

UNKNOWN = "<unk>"
WORD_END = "</w>"
_IN_ASCII = {"\u2014": "-", "\u2013": "-", "\u2015": "-", "\u2026": "...", "\xb4": "'"}
# All of ASCII that ftfy may change: entities of HTML, and control characters.
_MAY_CHANGE = re.compile(r"[^\t\n -%'-~]")


@dataclass(frozen=True)
class CharacterVocabulary(Vocabulary):
    """A BPE over the characters of words; `splitting` has no part in it."""

    kind: ClassVar[Kind] = "characters"

    @cached_property
    def token_bytes(self) -> tuple[bytes, ...]:
        """What each id adds to a decoded text: a space where its word ends, U+FFFD for `<unk>`."""
        named = [_shown(token).encode() for token in self.tokens[1:-1]]
        return ("\ufffd".encode(), *named, END_OF_TEXT.encode())

    def tokenizer(self, *, end_of_text: bool = False) -> Tokenizer:
        """The same for tokenizers, which leaves out ftfy."""
        ids, merges = self.ids(end_of_text=end_of_text), list(self.merges)
        tokenizer = Tokenizer(BPE(ids, merges, unk_token=UNKNOWN, end_of_word_suffix=WORD_END))
        tokenizer.normalizer = normalizer()
        tokenizer.pre_tokenizer = word_splitter()
        tokenizer.decoder = BPEDecoder(WORD_END)
        return tokenizer

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text once repaired, without end-of-text."""
        return super().encode([repaired(text) for text in texts])

    def decode(self, ids: Iterable[int]) -> str:
        """The words of these ids, with a space between them."""
        found = list(ids)
        text = b"".join(self.token_bytes[i] for i in found).decode()
        return text[:-1] if found and self.tokens[found[-1]].endswith(WORD_END) else text


def repaired(text: str) -> str:
    """The text as ftfy mends it, which tokenizers can not do."""
    if text.isascii() and not _MAY_CHANGE.search(text):
        return text
    import ftfy  # 50 ms, for those who ask for it

    return ftfy.fix_text(text)


def normalizer() -> Normalizer:
    """What makes signs ASCII and letters small, each character by itself."""
    signs = [Replace(sign, ascii_) for sign, ascii_ in _IN_ASCII.items()]
    return normalizers.Sequence([*signs, Lowercase()])


def word_splitter() -> PreTokenizer:
    """What parts words: white space, which goes, and punctuation, which stays."""
    return BertPreTokenizer()


def checked_characters(
    vocab: dict[str, int], merges: Sequence[Sequence[str] | str], *, where: str
) -> CharacterVocabulary:
    """A vocabulary, where it is whole: as `checked` has it, and `<unk>` is the first id."""
    tokens, pairs = ordered(vocab, merges, where=where)
    if tokens[0] != UNKNOWN:
        raise InputError(f"{where}: the first id is {tokens[0]!r}, expected {UNKNOWN}")
    return CharacterVocabulary(tokens, pairs)


def _shown(token: str) -> str:
    return token[: -len(WORD_END)] + " " if token.endswith(WORD_END) else token
