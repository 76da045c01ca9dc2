"""GPT-1's input transforms: the ids of a structured input -> sequences that a decoder reads.

A sequence begins with a start token, has a delimiter between its parts, and ends with the extract
token, whose hidden state the task's layer reads (Radford et al. 2018, section 3.3, figure 1):

    classification    start text extract
    entailment        start premise $ hypothesis extract
    similarity        start a $ b extract, and start b $ a extract
    multiple_choice   start context question $ choice extract, for each choice

The three tokens are new: their ids follow the vocabulary's, whose own none of them is.

Too long an input loses the ends of its parts, never one of the three tokens: as often as needed the
longest part loses its last token, of equally long ones the last of them. So a passage is cut for a
question's sake, and not the other way. Choices are cut as the longest one, so that of context and
question the same is left before each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

NUM_SPECIAL = 3

Ids = tuple[int, ...]


class Special(NamedTuple):
    """Ids of the tokens that fine-tuning adds."""

    start: int
    delimiter: int
    extract: int


def special_ids(vocab_size: int) -> Special:
    """The three ids after those of a vocabulary."""
    return Special(*range(vocab_size, vocab_size + NUM_SPECIAL))


def classification(text: Sequence[int], special: Special, *, context: int) -> tuple[Ids]:
    """The sequence of a text."""
    (size,) = fit([len(text)], context - 2)
    return ((special.start, *text[:size], special.extract),)


def entailment(
    premise: Sequence[int], hypothesis: Sequence[int], special: Special, *, context: int
) -> tuple[Ids]:
    """The sequence of a premise and a hypothesis."""
    left, right = fit([len(premise), len(hypothesis)], context - 3)
    return (_pair(premise[:left], hypothesis[:right], special),)


def similarity(
    a: Sequence[int], b: Sequence[int], special: Special, *, context: int
) -> tuple[Ids, Ids]:
    """The sequences of two texts in both orders, as neither comes first; of the same cuts."""
    left, right = fit([len(a), len(b)], context - 3)
    return (_pair(a[:left], b[:right], special), _pair(b[:right], a[:left], special))


def multiple_choice(
    given: Sequence[Sequence[int]],
    choices: Sequence[Sequence[int]],
    special: Special,
    *,
    context: int,
) -> tuple[Ids, ...]:
    """A sequence for each choice; given: what is before it, a context and perhaps a question."""
    *sizes, longest = fit([*map(len, given), max(map(len, choices))], context - 3)
    before = [i for part, size in zip(given, sizes, strict=True) for i in part[:size]]
    return tuple(_pair(before, choice[:longest], special) for choice in choices)


def _pair(left: Sequence[int], right: Sequence[int], special: Special) -> Ids:
    return (special.start, *left, special.delimiter, *right, special.extract)


def fit(sizes: Sequence[int], room: int) -> list[int]:
    """Sizes cut to sum to `room` at most: the longest loses one, of equals the last, until they do.

    Raises ValueError where there is no room for a token of each.
    """
    if room < len(sizes):
        raise ValueError(f"room for {room} tokens, expected at least 1 for each of {len(sizes)}")
    if sum(sizes) <= room:
        return list(sizes)
    low, high = 0, max(sizes)  # the largest size at which all fit is in [low, high)
    while high - low > 1:
        level = (low + high) // 2
        fits = sum(min(size, level) for size in sizes) <= room
        low, high = (level, high) if fits else (low, level)
    found = [min(size, low) for size in sizes]
    spare = room - sum(found)
    for place, size in enumerate(sizes):
        if size > low and spare:
            found[place] += 1
            spare -= 1
    return found
