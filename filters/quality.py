"""Quality: does this page read like the pages that people chose?

Method (GPT-3, appendix A): a logistic regression on hashed word counts tells positive documents
(pages that were linked with enough karma, and what else the recipe names) from raw crawl; every
document gets the probability s of being a positive, and a judged one is kept iff
`np.random.pareto(alpha) > 1 - s`. numpy's `pareto` is the Lomax law, whose support begins at 0:
P(keep | s) = (2 - s)^-alpha, 1 at s = 1 and 1 in 512 at s = 0 for alpha = 9. The classical Pareto
law begins at 1 and would keep everything.

Chosen where the paper is silent:
- words have the normal form of corpus/words.py; counts are hashed by murmur3 into 2^18 places
  (Spark's HashingTF has as many), without signs, and each document's counts are scaled to length 1:
  bare counts push long pages to 0 or 1 (log loss 0.07 for 0.05) and take four times the steps;
- class_weight "balanced": s is then the probability under equal priors, whatever the two samples'
  sizes, so that alpha means the same for every corpus;
- negatives are taken after the screen: the classifier judges nothing else, and need not learn
  again what the screen knows.
The held-out split is by registered domain, so that a site's template cannot pass for quality.
Limit: a faithful baseline, not the state of the art. Cost: 10 to 17 MB/s to score.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.config import Settings
from corpus.errors import Damaged
from corpus.identity import keyed_uniform
from corpus.sources import Source
from filters.verdict import BoolArray, verdicts

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import HashingVectorizer

LOW_QUALITY = "low_quality"

COLUMNS = ("source", "text")
"""Columns of `documents` that scoring reads."""
FORMAT = 1  # of the saved model; raised when old weights would mean something else

FloatArray = npt.NDArray[np.float64]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityModel:
    """A linear classifier over hashed words: numbers only, no code."""

    weights: FloatArray
    """float64 (num_features,): what each occurrence of a hashed word adds."""
    intercept: float
    scale: str
    """As in QualitySettings."""

    def score(self, texts: Iterable[str | None]) -> FloatArray:
        """Probability of being a positive, float64 (num_documents,); of no words, the prior's."""
        counted = features(texts, num_features=len(self.weights), scale=self.scale)
        return 0.5 + 0.5 * np.tanh(0.5 * (counted @ self.weights + self.intercept))

    def to_bytes(self) -> bytes:
        """The model as an .npz archive, the same bytes for the same model."""
        file = io.BytesIO()
        about = json.dumps({"format": FORMAT, "scale": self.scale}, sort_keys=True)
        np.savez(
            file, weights=self.weights, intercept=np.float64(self.intercept), about=np.str_(about)
        )
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes, *, where: str) -> QualityModel:
        """Read and check a saved model; raises Damaged. Nothing in it is executed."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                about = json.loads(str(arrays["about"]))
                weights, intercept = arrays["weights"], float(arrays["intercept"])
        except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise Damaged(
                f"{where}: no quality model: {error}; run the stage quality again"
            ) from error
        sound = weights.ndim == 1 and weights.dtype == np.float64 and np.isfinite(weights).all()
        if about.get("format") != FORMAT or not sound or not np.isfinite(intercept):
            raise Damaged(
                f"{where}: quality model of format {about.get('format')} with weights "
                f"{weights.dtype} {weights.shape}, expected format {FORMAT} with finite float64; "
                "run the stage quality again"
            )
        return cls(weights=weights, intercept=intercept, scale=str(about["scale"]))


def features(texts: Iterable[str | None], *, num_features: int, scale: str) -> Any:
    """Hashed word counts: a scipy CSR matrix (num_documents, num_features)."""
    return _vectorizer(num_features, scale).transform(text or "" for text in texts)


def keep_probability(scores: FloatArray, *, alpha: float) -> FloatArray:
    """P(Lomax(alpha) > 1 - s) = (2 - s)^-alpha for each score."""
    return np.power(2.0 - scores, -alpha)


def keeps(
    scores: FloatArray, doc_ids: pa.Array | pa.ChunkedArray, *, settings: QualitySettings, seed: int
) -> BoolArray:
    """The keep rule's answer, drawn by (seed, doc_id): bool (num_documents,)."""
    if settings.keep == "pareto":
        drawn = keyed_uniform(doc_ids, seed=seed, stage="quality")
        return drawn < keep_probability(scores, alpha=settings.alpha)
    if settings.keep == "threshold":
        return scores >= settings.threshold
    return np.ones(len(scores), np.bool_)


def judge(
    documents: pa.Table,
    model: QualityModel | None,
    settings: QualitySettings,
    sources: Mapping[str, Source],
    *,
    seed: int,
) -> pa.Table:
    """Score every document and drop judged ones; returns rows of the table `quality`, in order.

    Documents of positive and trusted sources are scored and always kept. Without a model all are
    kept and have no score.
    """
    ids = documents["doc_id"]
    if model is None:
        nothing = pa.nulls(documents.num_rows, pa.string())
        return verdicts("quality", ids, nothing, score=pa.nulls(documents.num_rows, pa.float32()))
    scores = model.score(documents["text"].to_pylist())
    judged = [sources[name].quality == "judged" for name in documents["source"].to_pylist()]
    drops = np.array(judged, np.bool_) & ~keeps(scores, ids, settings=settings, seed=seed)
    reasons = [LOW_QUALITY if dropped else None for dropped in drops]
    return verdicts("quality", ids, reasons, score=scores)


@cache
def _vectorizer(num_features: int, scale: str) -> HashingVectorizer:
    # A second to import, which recipes and command lines need not wait for.
    from sklearn.feature_extraction.text import HashingVectorizer

    return HashingVectorizer(
        n_features=num_features,
        alternate_sign=False,
        norm="l2" if scale == "length" else None,
        lowercase=True,
        token_pattern=r"[^\W_]+",  # what str.isalnum holds for: `\w` is that and `_`
    )
