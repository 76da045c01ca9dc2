"""De-tokenizers: tokenized sets as the plain text that a model was trained on, and back.

WikiText-2 and the Penn Treebank come with blanks about punctuation and between the parts of words.
Radford et al. 2019 (section 3.1) undo this by "invertible de-tokenizers", so that the likelihood of
the text is still one of the data set, and gain 2.5 to 5 in perplexity; their rules are not
published. These are ours. Each has its inverse, and a line that does not come back from its plain
form word by word is left as it is, so that nothing is lost. `N` and `<unk>` stay: what they stand
for is gone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Rule = tuple[str, str | Callable[[re.Match[str]], str]]
"""A regular expression, and what takes its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detokenizer:
    """Rules from a tokenized line to plain text, and those back."""

    plain: Callable[[str], str]
    tokenized: Callable[[str], str]

    def undo(self, line: str) -> tuple[str, bool]:
        """A line as plain text; as it is, with False, where it would not come back."""
        words = line.split()
        bare = " ".join(words)
        found = self.plain(bare)
        if self.tokenized(found).split() != words:
            return bare, False
        return found, True


def _by_rules(*rules: Rule) -> Callable[[str], str]:
    compiled = [(re.compile(pattern), new) for pattern, new in rules]

    def apply(text: str) -> str:
        for pattern, new in compiled:
            text = pattern.sub(new, text)
        return text

    return apply


_ENDINGS = r"'(?:s|S|re|ve|ll|d|m)"  # what follows a word in one breath
_MONEY = r"[$£¥€]"
# Words of WikiText-2 whose full stop is their own: no inverse rule could know them.
_SHORT = (
    r"(?:[A-Z]|\S*\.[A-Za-z]|Bros|Co|Col|Corp|Dr|Fr|Gen|Gov|Inc|Jr|Lt|Ltd|Maj|Mr|Mrs|Ms|No|Nos|Prof"
    r"|Rev|Sgt|Sr|St|ca|cf|pp|v|vs)"
)


def _wikitext_plain(line: str) -> str:
    return _WIKITEXT_PLAIN(_plain_quotes(line))


def _wikitext_tokenized(text: str) -> str:
    return _WIKITEXT_TOKENIZED(text.replace('"', ' " '))


def _plain_quotes(line: str) -> str:
    """The first of each two quotation marks joined to the word after it, the second before it."""
    parts = line.split('"')
    joined = parts[0]
    for number, part in enumerate(parts[1:], 1):
        is_opening = number % 2 == 1
        before, after = (joined, part.lstrip(" ")) if is_opening else (joined.rstrip(" "), part)
        joined = f'{before}"{after}'
    return joined


def _full_stop(found: re.Match[str]) -> str:
    """A full stop as a word of its own, where it is not that of a short word."""
    return found[1] or " ."


_WIKITEXT_PLAIN = _by_rules(
    (r" @([-,.])@ ", r"\1"),
    (rf" ({_ENDINGS}|'t)(?= |$)", r"\1"),
    (r"(?<=s) '(?= [^'])", "'"),
    (rf"({_MONEY}) (?=\d)", r"\1"),
    (r"(?<=\d) (?=%(?: |$))", ""),
    (r" ([.,:;!?])(?= |$)", r"\1"),
    (r"([(\[]) ", r"\1"),
    (r" (?=[)\]])", ""),
    (r"= (?==)", "="),
)
_WIKITEXT_TOKENIZED = _by_rules(
    (r"=(?==)", "= "),
    (r"([(\[])", r" \1 "),
    (r"([)\]])", r" \1 "),
    (r"(?<=[\w>])-(?=[\w<])", " @-@ "),
    (r"(?<=[\d>])([,.])(?=[\d<])", r" @\1@ "),
    (rf"({_MONEY})(?=\d)", r"\1 "),
    (r"(?<=\d)%", " %"),
    (r"(?<=[^ ])([,:;!?])(?= |$|[.,:;!?])", r" \1"),
    (rf"(?:(?<=^)|(?<= ))({_SHORT}\.)(?= |$)|(?<=[^ .])\.(?= |$)", _full_stop),
    (rf"(?<=[^ ])({_ENDINGS}|'t)(?= |$)", r" \1"),
    (r"(?<=s)'(?= |$)", " '"),
)

_PTB_PLAIN = _by_rules(
    (rf" ({_ENDINGS})(?= |$)", r"\1"),
    (r"(?<=s) '(?= |$)", "'"),
    (r" (n't)(?= |$)", r"\1"),
    (r"\bcan not\b", "cannot"),
    (r"((?:^| )[a-z]*[$#]) (?=N)", r"\1"),
    (r"\\/", "/"),
)
_PTB_TOKENIZED = _by_rules(
    (r"/", r"\\/"),
    (r"((?:^| )[a-z]*[$#])(?=N)", r"\1 "),
    (r"\bcannot\b", "can not"),
    (r"(?<=\w)(n't)(?= |$)", r" \1"),
    (rf"(?<=[^ ])({_ENDINGS})(?= |$)", r" \1"),
    (r"(?<=s)'(?= |$)", " '"),
)

_LAMBADA_PLAIN = _by_rules(
    (r"`` ", '"'),
    (r" ''(?= |$)", '"'),
    (rf" ({_ENDINGS})(?= |$)", r"\1"),
    (r" (n't)(?= |$)", r"\1"),
    (r" ([.,:;!?])(?= |$|\")", r"\1"),
)
_LAMBADA_TOKENIZED = _by_rules(
    (r"(?:(?<=^)|(?<= ))\"", "`` "),
    (r"\"", " ''"),
    (r"(?<=[^ ])([.,:;!?])(?= |$)", r" \1"),
    (r"(?<=\w)(n't)(?= |$)", r" \1"),
    (rf"(?<=[^ ])({_ENDINGS})(?= |$)", r" \1"),
)

DETOKENIZERS: Mapping[str, Detokenizer] = {
    "wikitext": Detokenizer(plain=_wikitext_plain, tokenized=_wikitext_tokenized),
    "ptb": Detokenizer(plain=_PTB_PLAIN, tokenized=_PTB_TOKENIZED),
    "lambada": Detokenizer(plain=_LAMBADA_PLAIN, tokenized=_LAMBADA_TOKENIZED),
}
