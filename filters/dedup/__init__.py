"""How is a duplicate decided?

1. Exact copies first: texts whose normal form has the same 128-bit digest are one text, and its
   best copy speaks for all of them from here on (copies.py).
2. A text is the set of its word n-grams (shingles.py).
3. MinHash proposes: documents that share one LSH band become a candidate pair (minhash.py,
   bands.py, buckets.py; Broder 1997, Indyk and Motwani 1998). Of those, 48 bytes of each document
   rule out what cannot be one (sketches.py).
4. Exact similarity proves: a pair below the threshold is no pair (verify.py).
5. Clusters grow over proved pairs alone. In the keep policy's order (preference.py) the best copy
   stays and removes what it was proved near to, so that every removed document names a kept one
   that it has been compared with (clusters.py).
6. Where asked for, runs of 50 words and more that stand twice in what is left are cut (spans.py).

What MinHash misses stays in the corpus, with the chance that `bands.detection_probability` gives;
what it proposes wrongly costs time and nothing else. No decision depends on the order of arrival.

decide.py has it all in memory; jobs/dedup.py does the same by Spark, moving the records of
records.py. plants.py and selftest.py measure what a run finds, explain.py says why. SCALE.md has
what it costs, from a million documents to three billion.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from corpus.config import Settings

Scheme = Literal["affine32", "legacy"]
"""How a shingle's hash becomes a permutation's value, by datasketch's names (minhash.py)."""

Measure = Literal["jaccard", "containment"]
"""What a pair is proved by (verify.py)."""


class Banding(NamedTuple):
    """What is compared, and how it is proposed."""

    ngram_size: int
    """Words a shingle."""
    threshold: float
    """Smallest similarity of duplicates."""
    num_bands: int
    """LSH bands; 0: datasketch's optimum."""
    num_rows: int
    """Hashes a band; 0: datasketch's optimum."""
    scheme: Scheme = "affine32"
    """Permutations of the hashes."""
    num_features: int = 0
    """Places that words are hashed to, as GPT-3's and MT-NLG's features; 0: n-grams as they are."""
    measure: Measure = "jaccard"
    """What a pair is proved by."""


# 20 bands of 5: a pair at 0.8 is missed with a chance of 0.0004, and of the pairs of one page
# template, at 0.43, 0.26 are proposed. Swept (tests/benchmarks/dedup_sweep.py) on 15,000 real texts
# with 1,492 near pairs, of which 16 bands of 4, 18 of 5 and all larger ones find each and 14 of 8
# miss 1 %; and on a million synthetic ones, of which those remove the same 152,920 to 1 in 7,000,
# and 14 of 8 leave 400. 16 of 4 would send a fifth fewer keys, and propose 0.43 of the template's
# pairs; 28 of 4 sends 40 % more, and proposes 0.62.
DEFAULT = Banding(ngram_size=5, threshold=0.8, num_bands=20, num_rows=5)

# Settings as published. A 0 stands where no paper or code gives the bands. What is not published is
# ours: gpt3's threshold (only its 10 hash tables are printed), and the shingles of opt.
PUBLISHED: dict[str, Banding] = {
    # GPT-3 appendix A: Spark's MinHashLSH with 10 hashes over HashingTF's 2^18 features of words
    "gpt3": Banding(1, 0.8, 10, 1, num_features=1 << 18),
    "fineweb": Banding(5, 0.75, 14, 8),  # FineWeb section 3: 112 hashes, "at least 75 % similar"
    "refinedweb": Banding(5, 0.8, 450, 20),  # RefinedWeb G.3.1, read as 450 bands of 20 (see below)
    # MT-NLG section 3.2: HashingVectorizer's 2^20 features of words, 260 hashes, Jaccard over 0.8
    "mt_nlg": Banding(1, 0.8, 20, 13, num_features=1 << 20),
    "gopher": Banding(13, 0.8, 0, 0),  # Gopher A1.1: 13-grams, Jaccard over 0.8
    "opt": Banding(5, 0.95, 0, 0),  # OPT section 2.3: Jaccard of 0.95 and more
}
# RefinedWeb's main text says "20 buckets of 450": that finds nothing below a similarity of 0.98.
# Only the swapped reading gives the behaviour that it describes (0.76 at 0.75, 0.995 at 0.8).


class DedupSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What counts as a duplicate, which copy stays, and which clusters are held out."""

    published: Literal["", "gpt3", "fineweb", "refinedweb", "mt_nlg", "gopher", "opt"] = ""
    """A published setting by name; replaces ngram_size, num_features, threshold, num_bands and
    num_rows."""
    ngram_size: int = DEFAULT.ngram_size
    """Words a shingle (FineWeb, RefinedWeb: 5; Gopher: 13; GPT-3: 1); a shorter text is one."""
    num_features: int = 0
    """Places that words are hashed to, for ngram_size = 1: a text is then the set of its places, as
    in GPT-3 (2^18) and MT-NLG (2^20). 0: shingles are told apart by 64 bits."""
    threshold: float = DEFAULT.threshold
    """Smallest similarity of two shingle sets that makes their documents duplicates."""
    measure: Measure = DEFAULT.measure
    """What the threshold is of: jaccard, what both have over all that either has; or containment,
    what both have over the smaller one, which sees a text within a longer one and wants keep =
    longest. Bands propose by Jaccard similarity in any case."""
    num_bands: int = DEFAULT.num_bands
    """LSH bands; 0 for both takes datasketch's optimum for num_hashes. More bands find more, at
    24 bytes a band and document through the shuffle."""
    num_rows: int = DEFAULT.num_rows
    """Hashes a band. More of them propose fewer pairs below the threshold."""
    num_hashes: int = 128
    """Hashes at most that datasketch's optimum may use."""
    scheme: Scheme = DEFAULT.scheme
    """Permutations, as datasketch names them: affine32 is its default, and signs five times
    as fast as legacy, its only one before version 2.0."""
    false_negative_weight: float = 0.5
    """Weight of missed pairs in that optimum, 0..1; that of false candidates is the rest."""
    max_bucket: int = 32
    """Documents of one band key that are compared each with each. In a larger bucket (a page
    template, a licence) each is compared with the best one alone: 99 pairs of 100 documents, not
    4,950. Of 152,941 documents that comparing all removes of a million synthetic ones, 8 leaves
    116, 32 leaves 14, and 64 leaves 1, for 1.5 times the comparisons."""
    keep: Literal["best", "longest", "oldest", "none", "all"] = "best"
    """Which copy stays: the best quality score, then the longest, then the oldest; or with the
    named one of these first. Ties go to the smallest doc_id. none: where there are copies, no one
    stays. all: duplicates are found and every copy stays; those of a cluster still share a split,
    and what is near a held-out source goes."""
    source_order: tuple[str, ...] = ()
    """Sources whose copies stay before all others', first first; those not listed come last."""
    held_out_fraction: float = 0.01
    """Share of clusters held out for validation, 0..1 (GPT-2 section 3: 5 % of WebText)."""
    held_out_sources: tuple[str, ...] = ()
    """Sources that are validation sets: all of it is held out, and nothing that a chain of proved
    pairs connects to it stays in training (GPT-3 section 2.2)."""
    against: tuple[str, ...] = ()
    """Roots of finished corpora: what is near one of their documents goes, and names it. They must
    have been deduplicated with the same shingles, bands and seed."""
    max_edges: int = 10_000_000
    """Proved pairs that one machine connects by union-find, at 130 bytes each; more are connected
    by Spark first, to the same clusters."""
    plant: int = 0
    """Mutated copies to plant beside the corpus, about so many, to measure what the run finds."""
    repeated_words: int = 0
    """Words in a row that are cut where they stand in the corpus a second time (RefinedWeb G.3.2:
    50 tokens); 0: none are."""

    def __post_init__(self) -> None:
        """Raise ValueError where a value is out of its range."""
        for name in ("ngram_size", "num_hashes", "max_edges"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, expected at least 1")
        if self.max_bucket < 2:
            raise ValueError(f"max_bucket is {self.max_bucket}, expected at least 2")
        for name in ("num_bands", "num_rows", "plant"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 0 or more")
        if (self.num_bands == 0) != (self.num_rows == 0):
            raise ValueError("num_bands and num_rows: expected both, or 0 for both")
        if not 0 < self.threshold <= 1:
            raise ValueError(f"threshold is {self.threshold}, expected above 0 and at most 1")
        for name in ("false_negative_weight", "held_out_fraction"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 0..1")
        self._check_together()

    def _check_together(self) -> None:
        if self.num_features and (self.ngram_size != 1 or self.num_features < 2):
            raise ValueError("num_features: expected 2 or more, with ngram_size = 1")
        if self.repeated_words and self.repeated_words < 8:
            raise ValueError(f"repeated_words is {self.repeated_words}, expected 0, or 8 and more")
        if self.measure == "containment" and self.keep not in ("longest", "all"):
            raise ValueError(
                'measure = "containment" wants keep = "longest" (or "all"): where one text holds '
                "the other, the longer one has all"
            )


__all__ = ["DEFAULT", "PUBLISHED", "Banding", "DedupSettings", "Measure", "Scheme"]
