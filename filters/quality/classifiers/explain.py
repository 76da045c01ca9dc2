"""Why a text has its score: what each of its words adds to the log-odds."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A word of the text (or a run of words, where the model has n-grams)."""

    word: str
    count: int
    """How often the text has it."""
    contribution: float
    """What all its occurrences add to the log-odds."""
    shares_with: tuple[str, ...] = ()
    """Other words of the text that are hashed to the same place, and so have the same weight,
    whichever word of the training texts it was learnt from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A score and what made it; intercept + contributions are the log-odds of the score."""

    score: float
    intercept: float
    parts: tuple[Part, ...]
    """The largest contribution first, whatever its sign."""

    def to_json(self, num_words: int) -> dict[str, Any]:
        """Plain values, with so many words of each sign."""
        for_it = [part for part in self.parts if part.contribution > 0]
        against = [part for part in self.parts if part.contribution < 0]
        return {
            "score": self.score,
            "intercept": self.intercept,
            "num_words": sum(part.count for part in self.parts),
            "for": [asdict(part) for part in for_it[:num_words]],
            "against": [asdict(part) for part in against[:num_words]],
        }


def explain_parts(
    words: Iterable[str],
    contribution_of: Callable[[str], float],
    place_of: Callable[[str], int | None],
) -> tuple[Part, ...]:
    """The parts of a text.

    contribution_of: of one occurrence of a word. place_of: the place it is hashed to, None for a
    word that has its own.
    """
    counts = Counter(words)
    places = {word: place_of(word) for word in counts}
    inhabitants: defaultdict[int | None, list[str]] = defaultdict(list)
    for word in counts:
        if (place := places[word]) is not None:
            inhabitants[place].append(word)
    parts = [
        Part(
            word=word,
            count=count,
            contribution=count * contribution_of(word),
            shares_with=tuple(other for other in inhabitants[places[word]] if other != word),
        )
        for word, count in counts.items()
    ]
    return tuple(sorted(parts, key=lambda part: (-abs(part.contribution), part.word)))
