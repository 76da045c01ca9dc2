"""How the classifier learns, and what is kept by its score."""

from __future__ import annotations

from typing import Literal

from corpus.config import Settings


class QualitySettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the classifier learns, and what is kept by its score."""

    enabled: bool = True
    """Whether documents are scored; else all is kept and the score is null. The same holds for
    a recipe in which no source is judged."""
    model: str = ""
    """A folder that `winnow quality train` wrote: its model scores this run, and none is trained.
    Empty: the stage trains one."""
    kind: Literal["logistic", "fasttext"] = "logistic"
    """What is trained. logistic: GPT-3's regression on hashed words; fasttext: fastText's
    classifier, as Pile-CC and DCLM use it. A given model says itself which it is."""
    keep: Literal["pareto", "threshold", "top_fraction", "proportional", "all"] = "pareto"
    """pareto: GPT-3's draw; threshold: score at least `threshold`; top_fraction: the best of all
    judged documents (DCLM); proportional: a document stays with a chance of its score (PaLM
    section 3: low scores are sampled less, none is barred); all: scored, nothing dropped."""
    alpha: float | Literal["fit"] = 9.0
    """Exponent of the Pareto rule (GPT-3: 9; Pile-CC: 3); higher keeps less. "fit": the one whose
    kept negatives score as held-out positives do, GPT-3's own criterion (alpha.py); of a given
    model, that of its card."""
    threshold: float = 0.5
    """Smallest score kept by the threshold rule."""
    top_fraction: float = 0.1
    """Share of the judged documents that the top_fraction rule keeps (DCLM section 4.3: 10 %)."""
    num_features: int = 2**18
    """Places that words are hashed into (Spark's HashingTF default)."""
    ngrams: int = 1
    """Runs of up to so many words are features too; 1: single words, as in GPT-3."""
    signs: bool = False
    """Whether half of the words count down, so that words that share a place cancel rather than
    add up. Spark's HashingTF has no signs; scikit-learn's vectoriser has."""
    scale: Literal["length", "counts"] = "length"
    """length: each document's counts are scaled to Euclidean length 1; counts: as they are."""
    regularisation: float | tuple[float, ...] | Literal["cv"] = "cv"
    """scikit-learn's C, the inverse of the L2 penalty; GPT-3's is not published. A list: the one of
    them with the least log loss over folds of domains; "cv": of 0.1, 1, 10, 100 and 1000. Held-out
    log loss at 1, 10, 100: 0.09, 0.05, 0.04 on news and articles against forum posts; 0.70, 0.75,
    0.94 on classes that are alike: no one value serves both."""
    num_folds: int = 5
    """Folds of domains that the regularisation is chosen over."""
    max_iterations: int = 200
    """Most steps of L-BFGS; the card says how many it took."""
    max_documents: int = 20_000
    """Most training documents of each class, drawn by keyed hash."""
    max_characters: int = 20_000
    """Of a training document, read from its beginning: 3,500 words say what a book is like, and
    20,000 whole books would be 10 GB."""
    min_documents: int = 20
    """Fewest of each class; with fewer the stage stops."""
    held_out: float = 0.2
    """Share of the domains that the card is measured on and the model never sees."""

    def __post_init__(self) -> None:
        """Refuse what no training could use."""
        if not isinstance(self.alpha, str) and self.alpha <= 0:
            raise ValueError(f'alpha is {self.alpha}, expected above 0, or "fit"')
        if not 0 < self.held_out < 1:
            raise ValueError(f"held_out is {self.held_out}, expected between 0 and 1")
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold is {self.threshold}, expected 0..1")
        if not 0 < self.top_fraction <= 1:
            raise ValueError(f"top_fraction is {self.top_fraction}, expected above 0, at most 1")
        if not 1 <= self.min_documents <= self.max_documents:
            raise ValueError("expected 1 <= min_documents <= max_documents")
        if not self.candidates() or min(self.candidates()) <= 0:
            raise ValueError(
                f"regularisation is {self.regularisation}, expected positive numbers, or \"cv\""
            )
        if self.num_features < 2 or not 1 <= self.ngrams <= 5 or self.num_folds < 2:
            raise ValueError(
                "expected num_features and num_folds of at least 2, and ngrams of 1..5"
            )
        if self.max_iterations < 1 or self.max_characters < 1:
            raise ValueError("max_iterations and max_characters must be positive")

    def candidates(self) -> tuple[float, ...]:
        """The values of C to choose from, the strongest penalty first."""
        if self.regularisation == "cv":
            return GRID
        if isinstance(self.regularisation, tuple):
            return tuple(sorted(set(self.regularisation)))
        return (float(self.regularisation),)


# Decades from "hardly learns" to "learns by heart" for counts of length 1: on real pages the best
# has been 1 (classes alike), 10 and 100; the ends are there to be seen not to win.
GRID = (0.1, 1.0, 10.0, 100.0, 1000.0)
