"""How the classifier learns, and what is kept by its score."""

from __future__ import annotations

from typing import Literal

from corpus.config import Settings


class QualitySettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the classifier learns, and what is kept by its score."""

    enabled: bool = True
    """Whether a classifier is trained; else all is kept and the score is null. The same holds for
    a recipe in which no source is judged."""
    keep: Literal["pareto", "threshold", "all"] = "pareto"
    """pareto: GPT-3's draw; threshold: score at least `threshold`; all: scored, nothing dropped."""
    alpha: float = 9.0
    """Exponent of the Pareto rule (GPT-3: 9; Pile-CC: 3). Higher keeps less."""
    threshold: float = 0.5
    """Smallest score kept by the threshold rule."""
    num_features: int = 2**18
    """Places that words are hashed into (Spark's HashingTF default)."""
    scale: Literal["length", "counts"] = "length"
    """length: each document's counts are scaled to Euclidean length 1; counts: as they are."""
    regularisation: float = 10.0
    """scikit-learn's C, the inverse of the L2 penalty; GPT-3's is not published. Swept 1, 10, 100
    on news and articles against forum posts: held-out log loss 0.09, 0.05, 0.04; on classes that
    are alike 0.70, 0.75, 0.94."""
    max_iterations: int = 200
    """Most steps of L-BFGS; the card says how many it took."""
    max_documents: int = 20_000
    """Most training documents of each class, drawn by keyed hash."""
    min_documents: int = 20
    """Fewest of each class; with fewer the stage stops."""
    held_out: float = 0.2
    """Share of the domains that the card is measured on and the model never sees."""

    def __post_init__(self) -> None:
        """Refuse what no training could use."""
        if self.alpha <= 0:
            raise ValueError(f"alpha is {self.alpha}, expected above 0")
        if not 0 < self.held_out < 1:
            raise ValueError(f"held_out is {self.held_out}, expected between 0 and 1")
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold is {self.threshold}, expected 0..1")
        if not 1 <= self.min_documents <= self.max_documents:
            raise ValueError("expected 1 <= min_documents <= max_documents")
        if self.num_features < 2 or self.regularisation <= 0 or self.max_iterations < 1:
            raise ValueError("num_features, regularisation and max_iterations must be positive")
