r"""How text is cut into pre-tokens, whose ends no token crosses.

GPT-2's pattern (Radford et al. 2019, section 2.2; `encoder.py` of its code) keeps words, numbers
and other characters apart, each with the space before it. Two ways to differ from it:

- `split_digits`: each digit is a token of its own, and white space stands apart from it, so that
  numbers are spelt out alike wherever they stand (PaLM: Chowdhery et al. 2022, section 2).
- `words_per_token`: up to so many words of letters with single spaces between them stay together,
  so that a token may be an expression such as "of the" or a name (Jurassic-1: Lieber et al. 2021).
  Words are taken by so many from the left: of k spaces between words, one is crossed by no token.
  On English held out, 50,257 tokens from 10 MB had 4.71 bytes each with three words, 4.39 with one;
  131,072 had 5.14. Training takes six times as long, for there are more distinct pre-tokens.

A pattern reads alike in Oniguruma (tokenizers), fancy-regex (tiktoken) and Python's `regex`, apart
from characters that their versions of Unicode do not share.
"""

from __future__ import annotations

from dataclasses import dataclass

from tokenizers import Regex
from tokenizers.pre_tokenizers import ByteLevel, PreTokenizer, Sequence, Split

# Eight words of English have 45 bytes; longer stretches seldom come twice, and each is kept in
# memory as a pre-token of its own.
MAX_WORDS_PER_TOKEN = 8

_CONTRACTIONS = "'s|'t|'re|'ve|'m|'ll|'d"
_OTHERS = r" ?[^\s\p{L}\p{N}]+"
_SPACE = r"\s+(?!\S)|\s+"  # all but the last of a run, which goes to what follows if a space
_SPACE_BEFORE_DIGITS = r"\s+(?![^\s\p{N}])|\s+"  # and all of it before a digit


@dataclass(frozen=True)
class Splitting:
    """Where text is cut; GPT-2's way, if nothing else is said."""

    split_digits: bool = False
    """Whether each digit stands alone, apart from white space before it."""
    words_per_token: int = 1
    """Words that may share a token, with single spaces between them: 1 to 8."""

    def __post_init__(self) -> None:
        """Check the range."""
        if not 1 <= self.words_per_token <= MAX_WORDS_PER_TOKEN:
            raise ValueError(
                f"words_per_token is {self.words_per_token}, expected 1 to {MAX_WORDS_PER_TOKEN}"
            )

    @property
    def is_gpt2(self) -> bool:
        """Whether this is GPT-2's own."""
        return self == GPT2

    @property
    def pattern(self) -> str:
        """The regular expression whose matches, one after the other, are the pre-tokens."""
        more = self.words_per_token - 1
        words = r" ?\p{L}+" + (rf"(?: \p{{L}}+){{0,{more}}}" if more else "")
        digits, space = (
            (r"\p{N}", _SPACE_BEFORE_DIGITS) if self.split_digits else (r" ?\p{N}+", _SPACE)
        )
        return "|".join((_CONTRACTIONS, words, digits, _OTHERS, space))

    def pre_tokenizer(self) -> PreTokenizer:
        """The splitter of tokenizers, which also writes bytes as characters."""
        if self.is_gpt2:
            return ByteLevel(add_prefix_space=False, use_regex=True)
        split = Split(Regex(self.pattern), "isolated")
        return Sequence([split, ByteLevel(add_prefix_space=False, use_regex=False)])


GPT2 = Splitting()


def splittings() -> list[Splitting]:
    """All there are, GPT-2's first."""
    return [
        Splitting(split_digits=split_digits, words_per_token=words)
        for split_digits in (False, True)
        for words in range(1, MAX_WORDS_PER_TOKEN + 1)
    ]
