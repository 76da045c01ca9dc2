"""How is a duplicate decided?

1. A text is the set of its word n-grams (shingles.py).
2. MinHash proposes: documents that share one LSH band become a candidate pair (minhash.py,
   bands.py; Broder 1997, Indyk and Motwani 1998).
3. Exact Jaccard similarity proves: a pair below the threshold is no pair (verify.py).
4. Clusters grow over proved pairs alone; the best copy stays, and every removed document names a
   kept one that it has been compared with (clusters.py).

What MinHash misses stays in the corpus, with the chance that `bands.detection_probability` gives;
what it proposes wrongly costs time and nothing else. No decision depends on the order of arrival.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from corpus.config import Settings

Scheme = Literal["affine32", "legacy"]
"""How a shingle's hash becomes a permutation's value, by datasketch's names (minhash.py)."""


class Banding(NamedTuple):
    """What is compared, and how it is proposed."""

    ngram_size: int
    """Words a shingle."""
    threshold: float
    """Smallest Jaccard similarity of duplicates."""
    num_bands: int
    """LSH bands; 0: datasketch's optimum."""
    num_rows: int
    """Hashes a band; 0: datasketch's optimum."""
    scheme: Scheme = "affine32"
    """Permutations of the hashes."""


# Settings as published. A 0 stands where no paper or code gives the bands. What is not published is
# ours: gpt3's threshold (only its 10 hash tables are printed), and the shingles of mt_nlg and opt.
PUBLISHED: dict[str, Banding] = {
    "gpt3": Banding(1, 0.8, 10, 1),  # GPT-3 appendix A: Spark's MinHashLSH, 10 hashes, unigram sets
    "fineweb": Banding(5, 0.75, 14, 8),  # FineWeb section 3: 112 hashes, "at least 75 % similar"
    "refinedweb": Banding(5, 0.8, 450, 20),  # RefinedWeb G.3.1, read as 450 bands of 20 (see below)
    "mt_nlg": Banding(5, 0.8, 20, 13),  # MT-NLG section 3.2: 260 hashes, Jaccard over 0.8
    "gopher": Banding(13, 0.8, 0, 0),  # Gopher A1.1: 13-grams, Jaccard over 0.8
    "opt": Banding(5, 0.95, 0, 0),  # OPT section 2.3: Jaccard of 0.95 and more
}
# RefinedWeb's main text says "20 buckets of 450": that finds nothing below a similarity of 0.98.
# Only the swapped reading gives the behaviour that it describes (0.76 at 0.75, 0.995 at 0.8).


class DedupSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What counts as a duplicate, which copy stays, and which clusters are held out."""

    published: Literal["", "gpt3", "fineweb", "refinedweb", "mt_nlg", "gopher", "opt"] = ""
    """A published setting by name; replaces ngram_size, threshold, num_bands and num_rows."""
    ngram_size: int = 5
    """Words a shingle (FineWeb, RefinedWeb: 5; Gopher: 13; GPT-3: 1); a shorter text is one."""
    threshold: float = 0.8
    """Smallest Jaccard similarity of two shingle sets that makes their documents duplicates."""
    num_bands: int = 28
    """LSH bands. 28 bands of 4 propose a pair at 0.8 with a chance of 0.9999995, and proof takes
    care of what is proposed below; 0 for both takes datasketch's optimum for num_hashes."""
    num_rows: int = 4
    """Hashes a band."""
    num_hashes: int = 128
    """Hashes at most that datasketch's optimum may use."""
    scheme: Scheme = "affine32"
    """Permutations, as datasketch names them: affine32 is its default, and signs five times
    as fast as legacy, its only one before version 2.0."""
    false_negative_weight: float = 0.5
    """Weight of missed pairs in that optimum, 0..1; that of false candidates is the rest."""
    max_bucket: int = 100
    """Documents of one band digest that are compared each with each. In a larger bucket (a page
    template, a licence) each is compared with the best one alone: 100 pairs of 101 documents, not
    5,050."""
    keep: Literal["best", "longest", "oldest"] = "best"
    """Which copy stays: the best quality score, then the longest, then the oldest; or with the
    named one of these first. Ties go to the smallest doc_id."""
    source_order: tuple[str, ...] = ()
    """Sources whose copies stay before all others', first first; those not listed come last."""
    held_out_fraction: float = 0.01
    """Share of clusters held out for validation, 0..1 (GPT-2 section 3: 5 % of WebText)."""

    def __post_init__(self) -> None:
        """Raise ValueError where a value is out of its range."""
        for name in ("ngram_size", "num_hashes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, expected at least 1")
        if self.max_bucket < 2:
            raise ValueError(f"max_bucket is {self.max_bucket}, expected at least 2")
        if self.num_bands < 0 or self.num_rows < 0:
            raise ValueError("num_bands and num_rows must not be negative")
        if (self.num_bands == 0) != (self.num_rows == 0):
            raise ValueError("num_bands and num_rows: expected both, or 0 for both")
        if not 0 < self.threshold <= 1:
            raise ValueError(f"threshold is {self.threshold}, expected above 0 and at most 1")
        for name in ("false_negative_weight", "held_out_fraction"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 0..1")


__all__ = ["PUBLISHED", "Banding", "DedupSettings", "Scheme"]
