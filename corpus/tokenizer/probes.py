"""Texts on which encoders that are meant to be the same would differ, and whether they do.

An encoder can differ in where it cuts text (its regular expressions, its version of Unicode, its
cases for speed) and in how it merges. Each is asked by a vocabulary and texts of its own:

- cuts: a small vocabulary that merges an ASCII sign with any byte beside it, so that each cut shows
  in the ids, and code points of all planes beside a letter, a digit, a full stop, an apostrophe and
  blanks. With a real vocabulary few cuts show, until a text comes where one does. And hard texts:
  white space of every kind, contractions in every case, emoji, scripts, long runs, control
  characters, the literal name of end-of-text.
- merges: the vocabulary itself on its own tokens, alone between line ends and side by side as they
  are drawn, and on some of the hard texts.

Cost: 0.5 MB of text, of which the reference encodes 5 MB/s on a quiet machine. Limit: a sample; the
tests go through all of planes 0 and 1 and random texts with the versions of constraints.txt.
"""

# ruff: noqa: RUF001  (letters of other scripts that look like Latin ones are the point)

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from corpus.tokenizer.bytelevel import byte_characters
from corpus.tokenizer.splitting import Splitting
from corpus.tokenizer.vocabulary import END_OF_TEXT, Vocabulary
from corpus.utf8 import NUM_CODE_POINTS, Int64Array

if TYPE_CHECKING:
    from corpus.tokenizer.encoders import Encoder

SEED = 0
# One code point is drawn of so many: of planes 0 and 1, where most scripts are, and of the others.
# A new version of Unicode adds hundreds beside each other (the least of late: 622 ideographs).
_NEAR, _FAR = 32, 256
_SURROGATES = range(0xD800, 0xE000)
_BESIDE = "a1.' "  # a sign of each kind, with which the vocabulary of the cuts merges bytes
MAX_TOKENS = 2**13
_TOKENS_PER_TEXT = 128
_SIGNS_PER_TEXT = 128
_SHOWN = 40  # characters of a text around the place where encoders differ

_BLANKS = " \t\n\r\x0b\x0c\x1c\x85\xa0\u1680\u2003\u2028\u2029\u202f\u205f\u3000\u200b\ufeff\u180e"
_CONTRACTIONS = ("s", "t", "re", "ve", "m", "ll", "d", "\u017f")  # the last lower-cases to an s
_EMOJI = (
    "🙂👩‍👩‍👧‍👦👍🏽🏴󠁧󠁢󠁥󠁮󠁧󠁿🇫🇷🇫🇷🇫 1️⃣ ☺️☺︎ ❤️‍🔥",
    "e\u0301\u0301\u0301 a\u0300b\u0308 \u0301 o\u20dd\u0315 Z̷̛̪a̴͎l̸͇g̶̱o",
)
_SCRIPTS = (
    "Größe, naïve café: œuvre ﬁn İstanbul ıI", "Привет, мир! Щука съела 3 ёлки.",
    "Γειά σου Κόσμε, ὦ ἄνδρες", "שלום עולם, בְּרֵאשִׁית", "مرحبا بالعالم، السَّلامُ ١٢٣",
    "नमस्ते दुनिया, हिन्दी में १२३", "হ্যালো বিশ্ব", "வணக்கம் உலகம்", "สวัสดีชาวโลก ๑๒๓", "မင်္ဂလာပါ",
    "你好，世界！两千零二十六年", "こんにちは世界、カタカナ。ｶﾀｶﾅ", "안녕하세요 세계 ㅋㅋㅋ",
    "გამარჯობა", "Բարեւ աշխարհ", "ሰላም ልዑል", "ꦲꦤꦕꦫꦏ 𐐷𐐲𐑌 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 ①②③ Ⅷ ½ ²³",
)  # fmt: skip
_CODE = (
    "def f(x):\n\tif x != 0x1F:\n\t    return {'a': [1.5e-3, *x]}  # they're\n\n\n\tpass\n",
    "<p class=\"x\">&nbsp;it's</p>\r\n\r\n<!-- -->\r\n",
    "https://example.org/a?b=c&d=%20#e user@example.org $1,234.56 10:30AM",
)
_CONTROLS = ("\x00\x00a\x00 \x00\n\x00", "\x01\x02\x7f\x80\x9f\ufffe\uffff\ufffd\U0010ffff", "")
_RUNS = ("a", " ", "\n", "0", ".", "\r\n", "\t", "é", "日", "ab", "' ", "\u3000")
_RUN = 3000


@dataclass(frozen=True, slots=True)
class Probe:
    """A vocabulary, texts, and the ids that they have by the reference, Vocabulary.encode."""

    vocabulary: Vocabulary
    texts: pa.Array
    expected: list[list[int]]

    def difference(self, encoder: Encoder) -> str | None:
        """What of the first text that the encoder encodes differently; None if there is none."""
        found = encoder.encode(self.texts)
        starts = [0, *found.ends.tolist()]
        ids = found.ids.tolist()
        for i, expected in enumerate(self.expected):
            if (its_ids := ids[starts[i] : starts[i + 1]]) != expected:
                return _described(self.texts[i].as_py(), its_ids, expected)
        return None


def _described(text: str, ids: list[int], expected: list[int]) -> str:
    same = [i == j for i, j in zip(ids, expected, strict=False)]
    at = same.index(False) if False in same else len(same)
    return (
        f"{text[:_SHOWN]!r}... has {ids[at : at + 4]} as ids {at} and on, expected "
        f"{expected[at : at + 4]}"
    )


def merge_probe(vocabulary: Vocabulary) -> Probe:
    """Whether an encoder merges as the vocabulary says."""
    return _probe(vocabulary, [*_SCRIPTS, *_CODE, *_long_runs(), *token_texts(vocabulary)])


@lru_cache(maxsize=1)
def cut_probe(splitting: Splitting) -> Probe:
    """Whether an encoder cuts text as the splitting says."""
    return _probe(cut_vocabulary(splitting), [*hard_texts(), *code_point_texts(drawn_signs())])


def _probe(vocabulary: Vocabulary, texts: list[str]) -> Probe:
    return Probe(vocabulary, pa.array(texts, pa.large_string()), vocabulary.encode(texts))


def cut_vocabulary(splitting: Splitting) -> Vocabulary:
    """One in which a byte merges with an ASCII sign before it, and with one after it."""
    shown = byte_characters()
    signs, others = [shown[ord(sign)] for sign in _BESIDE], [shown[b] for b in range(128, 256)]
    pairs = (
        *((sign, byte) for sign in signs for byte in shown.values()),
        *((byte, sign) for byte in others for sign in signs),
    )
    made = (left + right for left, right in pairs)
    return Vocabulary((*shown.values(), *made, END_OF_TEXT), pairs, splitting)


def drawn_signs() -> list[str]:
    """Code points of all planes, the same in every process."""
    rng = np.random.default_rng(SEED)
    drawn = [
        first + int(rng.integers(step))
        for start, end, step in ((0, 2**17, _NEAR), (2**17, NUM_CODE_POINTS, _FAR))
        for first in range(start, end, step)
    ]
    return [chr(code) for code in drawn if code not in _SURROGATES]


def code_point_texts(signs: Sequence[str]) -> list[str]:
    """Texts that have each sign beside those of other kinds, and twice."""
    seen = [f"a{sign}1{sign}.{sign}'{sign}{sign}a  {sign}\n" for sign in signs]
    return ["".join(seen[i : i + _SIGNS_PER_TEXT]) for i in range(0, len(seen), _SIGNS_PER_TEXT)]


def hard_texts() -> list[str]:
    """The texts that are the same for every vocabulary."""
    rng = np.random.default_rng(SEED)
    apostrophes = ("'", "\u2019", " '", "x'", "1'", "''")
    cases = (str.lower, str.upper, str.title)
    contractions = [
        f"{mark}{case(end)}{after}"
        for mark in apostrophes for end in _CONTRACTIONS for case in cases for after in ("", "x ")
    ]  # fmt: skip
    ends = [
        f"{before}{END_OF_TEXT}{after}" for before in ("", "a", " ", "\n") for after in ("", "b")
    ]
    mixes = [*_BLANKS, *" \n  ", "a", "B", "1", ".", "'s", "é"]
    return [
        *("".join(rng.choice(mixes, 60)) for _ in range(400)),
        "".join(contractions), *ends, END_OF_TEXT * 2, END_OF_TEXT[:-1], *_EMOJI, *_SCRIPTS,
        *_CODE, *_CONTROLS, *_long_runs(),
    ]  # fmt: skip


def _long_runs() -> list[str]:
    return [*(run * _RUN for run in _RUNS), *(f"{run * 99}x" for run in _RUNS)]


def token_texts(vocabulary: Vocabulary) -> list[str]:
    """Texts of the vocabulary's tokens: each alone, and MAX_TOKENS drawn to stand side by side.

    Of large vocabularies MAX_TOKENS alone. Bytes that are no text are left out.
    """
    rng = np.random.default_rng(SEED)
    alone: Int64Array = rng.permutation(vocabulary.eot_id)[:MAX_TOKENS]
    joined = rng.integers(vocabulary.eot_id, size=MAX_TOKENS)
    return [
        joiner.join(vocabulary.token_bytes[i] for i in group.tolist()).decode("utf-8", "ignore")
        for drawn, joiner in ((alone, b"\n"), (joined, b""))
        for group in np.split(drawn, range(_TOKENS_PER_TEXT, len(drawn), _TOKENS_PER_TEXT))
    ]
