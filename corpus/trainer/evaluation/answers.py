"""Is what a model wrote the answer? Free-form answers found in a completion, and compared.

A number is the one after the last "####", as GSM8K's answers end, or else the last in the text;
signs of money and thousands are left out, and 3 equals 3.0. Words are compared as SQuAD's script
compares them (Rajpurkar et al. 2016): lower-case, without punctuation, articles and white space.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation

_NUMBER = re.compile(r"-?\$?\d[\d,]*(?:\.\d+)?|-?\$?\.\d+")
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def number(text: str) -> str | None:
    """The number that a worked answer ends in, in its plainest form; None where there is none."""
    mark = text.rfind("####")
    found = _NUMBER.findall(text[mark + 4 :]) if mark >= 0 else []
    if found:
        return _plain(found[0])
    every = _NUMBER.findall(text)
    return _plain(every[-1]) if every else None


def _plain(digits: str) -> str | None:
    try:
        return f"{Decimal(digits.replace('$', '').replace(',', '')).normalize():f}"
    except InvalidOperation:
        return None


def words(text: str) -> str | None:
    """The words of a short answer's first line; None where there are none."""
    lines = text.strip().split("\n")
    bare = _ARTICLES.sub(" ", lines[0].lower().translate(_PUNCTUATION))
    return " ".join(bare.split()) or None


EXTRACTIONS: Mapping[str, Callable[[str], str | None]] = {"number": number, "words": words}


def is_right(completion: str, answers: tuple[str, ...], extract: str) -> bool:
    """Whether the answer found in a completion is that of one of the right texts."""
    find = EXTRACTIONS[extract]
    found = find(completion)
    return found is not None and found in {find(answer) for answer in answers}
