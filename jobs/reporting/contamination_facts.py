"""What the page on contamination says, as plain values.

contamination.py reads them, contamination_page.py and contamination_data.py write them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

PLAIN, FOUND, EXEMPT = range(3)
TOO_SHORT, CLEAN = "too_short", "clean"
CUT, STAYS = "cut", "stays"


class Piece(NamedTuple):
    """A stretch of a text: PLAIN, FOUND in a document, or found and EXEMPT from being removed."""

    kind: int
    text: str


Marked = list[Piece]
"""A text in pieces, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkCounts:
    """One row of `benchmarks`."""

    benchmark: str
    ngram_size: int
    num_items: int
    num_dirty: int
    num_near_whole: int
    num_quote: int
    num_template: int
    num_too_short: int
    num_ngrams: int
    num_ngrams_found: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A match of an item in a document, with the text around it."""

    field: str
    doc_id: str
    source: str
    url: str
    start: int
    end: int
    num_ngrams: int
    document_frequency: int
    exempt: bool
    fate: str
    """What became of it: CUT, STAYS, or why the document was dropped; empty where not judged."""
    text: Marked


@dataclass(frozen=True, slots=True, kw_only=True)
class Ngram:
    """One N-gram that was found, and the item that it is named for."""

    words: str
    num_documents: int
    benchmark: str
    item_id: str
    exempt: bool
    num_items: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemTexts:
    """What is shown of an item besides its counts."""

    fields: list[tuple[str, Marked]]
    passages: list[Passage]
    frequent: list[Ngram]
    """Its N-grams that most documents hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemCounts:
    """An item that was found, or that is too short to be found."""

    benchmark: str
    item_id: str
    how: str
    """near_whole, quote, template or too_short."""
    ngram_size: int
    num_words: int
    num_ngrams: int
    num_found: int
    num_exempt: int
    num_covered: int
    num_hits: int
    num_documents: int
    """Documents of its hits."""
    texts: ItemTexts | None
    """None where the page has no room left for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContaminationFacts:
    """Everything on the page."""

    benchmarks: list[BenchmarkCounts]
    items: list[ItemCounts]
    """The most contaminated first; those that are too short last."""
    clean: list[tuple[str, list[str]]]
    """Ids of the clean items by benchmark, in its order."""
    num_unlisted: int
    """Items beyond what the page lists."""
    num_passages: int
    """Most passages shown of an item."""
    ngrams: list[Ngram]
    """The most frequent N-grams."""
    num_ngrams: int
    num_exempt: int
    self_test: dict[str, Any] = field(default_factory=dict)
    """As filters/contamination/selftest.py has it; empty where nothing was planted."""
