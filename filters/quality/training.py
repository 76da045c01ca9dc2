"""Training of the quality classifier, and the card that says how good it is.

Method: documents of positive sources against those of judged sources; domains drawn by keyed
hash are held out, very large ones document by document; a scikit-learn LogisticRegression learns
from the others. The card measures the model that is used, on what it has not seen: ranking (AUC,
average precision), calibration and score histograms. All of it depends on the documents and the
seed alone, not on their order.
Cost: 20,000 + 20,000 web pages take about two minutes and 1 GB.
"""

from __future__ import annotations

import hashlib
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.sparse import vstack
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    log_loss,
    roc_auc_score,
)

from corpus.errors import InputError
from corpus.identity import UInt64Array, keyed_hash
from corpus.sources import Source
from corpus.urls import registered_domain
from filters.quality.features import features
from filters.quality.keep import keep_probability
from filters.quality.model import FORMAT, FloatArray, QualityModel
from filters.quality.settings import QualitySettings
from filters.verdict import BoolArray

SAMPLE = "quality-sample"  # key of the draw
MAX_DOMAIN_SHARE = 0.1  # of a class, for a domain to be held out whole
NUM_BINS = 20  # of the histograms


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Places of the training documents drawn so far; each array is (num_drawn,)."""

    keys: UInt64Array
    """Keyed hash of the document: the smallest of each class are drawn."""
    is_positive: BoolArray
    part: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]
    """Row among the part's survivors."""

    @classmethod
    def nothing(cls) -> Drawn:
        """No document."""
        none = np.zeros(0, np.int64)
        return cls(keys=np.zeros(0, np.uint64), is_positive=none.astype(bool), part=none, row=none)

    def num(self, *, positive: bool) -> int:
        """Documents of one class."""
        return int((self.is_positive == positive).sum())

    def parts(self) -> list[int]:
        """Parts with a drawn document, in order."""
        return [int(part) for part in np.unique(self.part)]

    def rows(self, part: int) -> npt.NDArray[np.int64]:
        """Rows drawn of one part, in order."""
        return np.sort(self.row[self.part == part])


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """Training documents of both classes."""

    features: Any
    """scipy CSR matrix (num_examples, num_features)."""
    is_positive: BoolArray
    doc_ids: pa.Array
    sources: Sequence[str]
    domains: Sequence[str]
    """Registered domain, or the document's own id where it has no address."""


def draw(
    drawn: Drawn,
    table: pa.Table,
    part: int,
    sources: Mapping[str, Source],
    settings: QualitySettings,
    *,
    seed: int,
) -> Drawn:
    """Add the documents of one part (doc_id, source) and keep the smallest keys of each class."""
    qualities = np.array([sources[name].quality for name in table["source"].to_pylist()], object)
    candidates = np.flatnonzero((qualities == "positive") | (qualities == "judged"))
    keys = keyed_hash(table["doc_id"], seed=seed, stage=SAMPLE)
    keys = np.concatenate([drawn.keys, keys[candidates]])
    is_positive = np.concatenate([drawn.is_positive, qualities[candidates] == "positive"])
    parts = np.concatenate([drawn.part, np.full(len(candidates), part)])
    rows = np.concatenate([drawn.row, candidates])
    kept = np.zeros(len(keys), np.bool_)
    for is_class in (is_positive, ~is_positive):
        places = np.flatnonzero(is_class)
        kept[places[np.argsort(keys[places], kind="stable")[: settings.max_documents]]] = True
    return Drawn(keys=keys[kept], is_positive=is_positive[kept], part=parts[kept], row=rows[kept])


def read_examples(
    table: pa.Table, sources: Mapping[str, Source], settings: QualitySettings
) -> Examples:
    """Features of drawn documents (doc_id, source, url, text)."""
    names = table["source"].to_pylist()
    ids = table["doc_id"].combine_chunks()
    urls = table["url"].to_pylist()
    domains = [
        (url and registered_domain(url)) or doc_id.hex()
        for url, doc_id in zip(urls, ids.to_pylist(), strict=True)
    ]
    return Examples(
        features=features(table["text"], num_features=settings.num_features, scale=settings.scale),
        is_positive=np.array([sources[name].quality == "positive" for name in names], np.bool_),
        doc_ids=ids,
        sources=names,
        domains=domains,
    )


def join(examples: Sequence[Examples], *, seed: int) -> Examples:
    """All examples, in the order of their keyed hashes: that of the parts does not matter."""
    ids = pa.concat_arrays([e.doc_ids for e in examples])
    order = np.argsort(keyed_hash(ids, seed=seed, stage=SAMPLE), kind="stable")
    sources = [name for e in examples for name in e.sources]
    domains = [domain for e in examples for domain in e.domains]
    return Examples(
        features=vstack([e.features for e in examples], format="csr")[order],
        is_positive=np.concatenate([e.is_positive for e in examples])[order],
        doc_ids=ids.take(pa.array(order)),
        sources=[sources[i] for i in order],
        domains=[domains[i] for i in order],
    )


def check_counts(num_positive: int, num_negative: int, settings: QualitySettings) -> None:
    """Raise InputError unless both classes have documents enough."""
    for num, kind, quality in (
        (num_positive, "positive", "positive"), (num_negative, "negative", "judged"),
    ):  # fmt: skip
        if num < settings.min_documents:
            raise InputError(
                f'quality: {num} {kind} documents (of sources with quality = "{quality}") came '
                f"through the screen, expected at least {settings.min_documents} to learn from; "
                "name more sources, lower quality.min_documents, or set quality.enabled = false"
            )


def train(
    examples: Examples, settings: QualitySettings, *, seed: int
) -> tuple[QualityModel, dict[str, Any]]:
    """Fit the classifier and measure it; returns the model and its card."""
    held_out, divided = hold_out(examples, settings, seed=seed)
    learner = LogisticRegression(
        C=settings.regularisation, class_weight="balanced", max_iter=settings.max_iterations
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the card says it
        learner.fit(examples.features[~held_out], examples.is_positive[~held_out])
    model = QualityModel(
        weights=np.ascontiguousarray(learner.coef_[0], np.float64),
        intercept=float(learner.intercept_[0]),
        scale=settings.scale,
    )
    scores = learner.predict_proba(examples.features)[:, 1]
    num_iterations = int(learner.n_iter_[0])
    card = {
        "format": FORMAT,
        "trained": True,
        "settings": msgspec.to_builtins(settings),
        "seed": seed,
        "iterations": num_iterations,
        "converged": num_iterations < settings.max_iterations,
        "positives": _counts(examples, examples.is_positive, held_out),
        "negatives": _counts(examples, ~examples.is_positive, held_out),
        "train_auc": float(roc_auc_score(examples.is_positive[~held_out], scores[~held_out])),
        "held_out": measure(scores[held_out], examples.is_positive[held_out], settings)
        | {"divided_domains": divided},
    }
    return model, card


def untrained_card(why: str, settings: QualitySettings) -> dict[str, Any]:
    """The card of a run without a classifier."""
    return {
        "format": FORMAT, "trained": False, "why": why, "settings": msgspec.to_builtins(settings),
    }  # fmt: skip


def hold_out(
    examples: Examples, settings: QualitySettings, *, seed: int
) -> tuple[BoolArray, list[str]]:
    """Examples to measure on, bool (num_examples,), and the domains that stand on both sides.

    A domain is held out whole, unless it has more than a tenth of its class: then its documents are
    drawn one by one, since it would be most of what is measured, or missing from it.
    """
    large = _large_domains(examples)
    keys = [
        f"{domain} {doc_id.hex()}" if domain in large else domain
        for domain, doc_id in zip(examples.domains, examples.doc_ids.to_pylist(), strict=True)
    ]
    held_out = _drawn(keys, settings.held_out, seed)
    if not _has_both(held_out, examples.is_positive):  # a handful of documents
        for is_class in (examples.is_positive, ~examples.is_positive):
            places = np.flatnonzero(is_class)
            held_out[places[0]], held_out[places[-1]] = True, False
    sides = [
        {domain for domain, out in zip(examples.domains, held_out, strict=True) if out == side}
        for side in (False, True)
    ]
    return held_out, sorted(sides[0] & sides[1])


def _large_domains(examples: Examples) -> set[str]:
    large: set[str] = set()
    for is_class in (examples.is_positive, ~examples.is_positive):
        counts = Counter(examples.domains[i] for i in np.flatnonzero(is_class).tolist())
        most = MAX_DOMAIN_SHARE * is_class.sum()
        large |= {domain for domain, count in counts.items() if count > most}
    return large


def measure(
    scores: FloatArray, is_positive: BoolArray, settings: QualitySettings
) -> dict[str, Any]:
    """Ranking, calibration and histograms of scores against the truth."""
    edges = np.linspace(0, 1, NUM_BINS + 1)
    weights = np.where(is_positive, 0.5 / is_positive.sum(), 0.5 / (~is_positive).sum())
    return {
        "num_positives": int(is_positive.sum()),
        "num_negatives": int((~is_positive).sum()),
        "auc": float(roc_auc_score(is_positive, scores)),
        "average_precision": float(average_precision_score(is_positive, scores)),
        # Under equal priors, as the classifier was trained.
        "brier": float(brier_score_loss(is_positive, scores, sample_weight=weights)),
        "log_loss": float(log_loss(is_positive, scores, sample_weight=weights)),
        "histogram_edges": edges.tolist(),
        "histogram_positives": np.histogram(scores[is_positive], edges)[0].tolist(),
        "histogram_negatives": np.histogram(scores[~is_positive], edges)[0].tolist(),
        "calibration": _calibration(scores, is_positive, weights),
        "pareto_keeps_positives": _pareto_rate(scores[is_positive], settings),
        "pareto_keeps_negatives": _pareto_rate(scores[~is_positive], settings),
    }


def _calibration(
    scores: FloatArray, is_positive: BoolArray, weights: FloatArray
) -> list[dict[str, float]]:
    """For each tenth of the scale with scores in it: their number, mean, and share of positives."""
    bins = np.minimum((scores * 10).astype(np.int64), 9)
    found = []
    for number in np.unique(bins):
        inside = bins == number
        found.append(
            {
                "low": float(number / 10),
                "num": int(inside.sum()),
                "mean_score": float(np.average(scores[inside], weights=weights[inside])),
                "positive_share": float(np.average(is_positive[inside], weights=weights[inside])),
            }
        )
    return found


def _pareto_rate(scores: FloatArray, settings: QualitySettings) -> float:
    return float(keep_probability(scores, alpha=settings.alpha).mean())


def _counts(examples: Examples, is_class: BoolArray, held_out: BoolArray) -> dict[str, Any]:
    places = np.flatnonzero(is_class).tolist()
    return {
        "num_train": int((is_class & ~held_out).sum()),
        "num_held_out": int((is_class & held_out).sum()),
        "num_domains": len({examples.domains[i] for i in places}),
        "by_source": dict(sorted(Counter(examples.sources[i] for i in places).items())),
    }


def _has_both(held_out: npt.NDArray[np.bool_], is_positive: BoolArray) -> bool:
    """Whether each class stands on each side."""
    sides = {(bool(a), bool(b)) for a, b in zip(held_out, is_positive, strict=True)}
    return len(sides) == 4


def _drawn(keys: Sequence[str], share: float, seed: int) -> BoolArray:
    """Whether each key belongs to the share drawn by its hash."""
    limit = int(share * 2**64)

    def number(key: str) -> int:
        data = f"{seed}\x00quality-held-out\x00{key}".encode("utf-8", "surrogatepass")
        return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")

    return np.array([number(key) < limit for key in keys], np.bool_)
