"""What of a document is benchmark text, and what is cut away with it?

GPT-3's training-set filter (appendix C): a benchmark's N-grams, N being the 5th percentile of its
texts' lengths within 8..13 words, are looked for in every document. N-grams in more than 10
documents are boilerplate and stay. Overlapping N-grams are one match; it is cut with 200 characters
on either side; pieces under 200 characters go; a document cut into more than 10 pieces goes whole.
Where the paper is silent: the text of a field is what is looked for, never across two fields; texts
under 8 words have no say in N; pieces are counted before the short ones go; a document without a
match keeps its whole text, however short.

index.py finds the N-grams and confirms them word by word (kernels.py), matches.py names the items,
cuts.py judges the documents, items.py the benchmarks' items: GPT-3's clean and dirty.
"""

from __future__ import annotations

import msgspec

from corpus.benchmarks import BenchmarkSettings
from corpus.config import Settings


class ContaminationSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which benchmarks must not be trained on, and how their text is found and cut."""

    benchmarks: dict[str, BenchmarkSettings] = msgspec.field(default_factory=dict)
    """Files and fields of each benchmark, by name; none: nothing is looked for."""
    min_ngram_size: int = 8
    """Words; least N, and texts shorter than it have no say in N (GPT-3 appendix C)."""
    max_ngram_size: int = 13
    """Words; greatest N (GPT-3 appendix C)."""
    length_percentile: float = 5.0
    """N is this percentile of the lengths of a benchmark's texts (GPT-3 appendix C)."""
    max_documents: int = 10
    """An N-gram in more documents than this is boilerplate and is not cut (GPT-3 appendix C)."""
    window_characters: int = 200
    """Cut with a match, on either side (GPT-3 appendix C)."""
    min_piece_characters: int = 200
    """A shorter piece that a cut leaves is dropped (GPT-3 appendix C)."""
    max_pieces: int = 10
    """A document cut into more pieces is dropped whole (GPT-3 appendix C)."""
    measured_ngram_size: int = 8
    """Words; size of the N-grams in the overlap table (GPT-2 section 4)."""
    false_positive_rate: float = 1e-8
    """Bound on the overlap table's wrong finds, over all sources together (GPT-2 section 4)."""

    def __post_init__(self) -> None:
        """Refuse settings without a meaning."""
        if not 1 <= self.min_ngram_size <= self.max_ngram_size:
            raise ValueError(
                f"min_ngram_size {self.min_ngram_size}, max_ngram_size {self.max_ngram_size}: "
                "expected 1 <= min <= max"
            )
        if not 0 <= self.length_percentile <= 100:
            raise ValueError(f"length_percentile {self.length_percentile}: expected 0..100")
        if self.measured_ngram_size < 1:
            raise ValueError(f"measured_ngram_size {self.measured_ngram_size}: expected 1 or more")
        if not 1e-15 <= self.false_positive_rate <= 0.5:
            raise ValueError(f"false_positive_rate {self.false_positive_rate}: expected 1e-15..0.5")
        counts = (self.max_documents, self.window_characters, self.min_piece_characters)
        if min(counts) < 0 or self.max_pieces < 1:
            raise ValueError(
                "max_documents, window_characters, min_piece_characters: expected 0 or more; "
                "max_pieces: expected 1 or more"
            )
