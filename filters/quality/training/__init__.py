"""Training of the quality classifier, and the card that says how good it is.

Method: positives that leak are left out (leaks.py); domains drawn by keyed hash are held out
(splits.py); the penalty is chosen by folds of the others (sweep.py); the classifier learns from
them; the card (card/) measures it on what it has not seen. Both kinds, logistic regression and
fastText, go the same way over the same split. All of it depends on the documents and the seed
alone, not on their order.
Cost: 31,000 documents of 104 MB take 15 s of a core and 1.2 GB, the choice among five penalties
over five folds included.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import msgspec
import numpy as np

from filters.quality.card import measure
from filters.quality.card.ranking import Ranking
from filters.quality.classifiers import Classifier
from filters.quality.classifiers.features import FloatArray, features
from filters.quality.classifiers.model import Facts, QualityModel, probability
from filters.quality.classifiers.vocabulary import explained_words, telling_words
from filters.quality.settings import QualitySettings
from filters.quality.training.leaks import Twins, find_twins, left_out, seen_in_training
from filters.quality.training.sampling import Examples, check_counts
from filters.quality.training.splits import folds_of, hold_out, units_of
from filters.quality.training.sweep import choose_regularisation, fit
from filters.verdict import BoolArray

CARD_FORMAT = 2  # of card.json; raised when a field would mean something else


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """What one kind of classifier made of the training side."""

    model: Classifier
    scores: FloatArray
    """float64 (num_examples,): of every example, learnt from or not."""
    about: dict[str, Any]
    """Its own lines of the card."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The examples without leaks, and which of them are learnt from and measured on."""

    examples: Examples
    units: Sequence[str]
    is_training: BoolArray
    is_measured: BoolArray
    """bool (num_examples,); a held-out twin of a document learnt from is neither."""
    about: dict[str, Any]
    """What was left out by cause, and the domains on both sides."""


def train(
    examples: Examples, settings: QualitySettings, *, seed: int
) -> tuple[Classifier, dict[str, Any]]:
    """Fit the classifier and measure it; returns the model and its card.

    Raises InputError where leaks leave fewer than `min_documents` of a class.
    """
    split = divide(examples, settings, seed=seed)
    learn = _learn_fasttext if settings.kind == "fasttext" else _learn_logistic
    learnt = learn(split, settings, seed=seed)
    is_positive, measured = split.examples.is_positive, split.is_measured
    seen = Ranking(learnt.scores[split.is_training], is_positive[split.is_training]).figures()
    card = {
        "format": CARD_FORMAT,
        "trained": True,
        "kind": settings.kind,
        "settings": msgspec.to_builtins(settings),
        "seed": seed,
        "training_set": _digest(split),
        "positives": _counts(split, is_positive),
        "negatives": _counts(split, ~is_positive),
        "left_out": split.about["left_out"],
        **learnt.about,
        "train_auc": seen["auc"],
        "held_out": measure(
            learnt.scores[measured],
            is_positive[measured],
            [split.units[i] for i in np.flatnonzero(measured).tolist()],
            settings,
            seed=seed,
        )
        | {"divided_domains": split.about["divided_domains"]},
    }
    return learnt.model, card


def untrained_card(why: str, settings: QualitySettings) -> dict[str, Any]:
    """The card of a run without a classifier."""
    return {
        "format": CARD_FORMAT,
        "trained": False,
        "why": why,
        "settings": msgspec.to_builtins(settings),
    }


def divide(examples: Examples, settings: QualitySettings, *, seed: int) -> Split:
    """Leave the leaks out, and choose what is learnt from and what is measured on."""
    twins = find_twins(examples, seed=seed)
    causes = left_out(examples, twins)
    gone = np.logical_or.reduce(list(causes.values()))
    kept = np.flatnonzero(~gone)
    place = np.full(len(gone), -1, np.int64)
    place[kept] = np.arange(len(kept))
    both = ~(gone[twins.left] | gone[twins.right])
    twins = Twins(place[twins.left[both]], place[twins.right[both]])
    rest = examples.take(kept)
    num_positive = int(rest.is_positive.sum())
    check_counts(num_positive, len(kept) - num_positive, settings, left_out=int(gone.sum()))
    units = units_of(rest)
    held_out, divided = hold_out(rest, units, settings, seed=seed)
    seen = seen_in_training(twins, ~held_out, held_out)
    if not _has_both(rest.is_positive[held_out & ~seen]):
        seen[:] = False  # of a handful of pages all alike, nothing would be left to measure on
    return Split(
        examples=rest,
        units=units,
        is_training=~held_out,
        is_measured=held_out & ~seen,
        about={
            "left_out": {name: int(mask.sum()) for name, mask in causes.items()}
            | {"positives": int(gone.sum()), "held_out_twins": int(seen.sum())},
            "divided_domains": divided,
        },
    )


def _learn_logistic(split: Split, settings: QualitySettings, *, seed: int) -> Learnt:
    examples, learns = split.examples, np.flatnonzero(split.is_training)
    counted = features(
        examples.texts,
        num_features=settings.num_features,
        scale=settings.scale,
        signs=settings.signs,
        ngrams=settings.ngrams,
    )
    is_positive = examples.is_positive[learns]
    # A place that no document fills has a weight of 0; without them a step costs a fifth.
    filled = np.unique(counted[learns].indices)
    seen = counted[learns][:, filled]
    folds = folds_of([split.units[i] for i in learns.tolist()], is_positive, settings, seed=seed)
    chosen, rows = choose_regularisation(seen, is_positive, folds, settings)
    learner = fit(seen, is_positive, settings, chosen)
    weights = np.zeros(settings.num_features)
    weights[filled] = learner.coef_[0]
    model = QualityModel(
        weights=weights,
        intercept=float(learner.intercept_[0]),
        scale=settings.scale,
        signs=settings.signs,
        ngrams=settings.ngrams,
        facts=_facts(split, seed, "scikit-learn", "numpy"),
    )
    num_iterations = int(learner.n_iter_[0])
    about = {
        "regularisation": chosen,
        "sweep": rows,
        "iterations": num_iterations,
        "converged": num_iterations < settings.max_iterations,
        "words": telling_words(
            weights, counted[learns], is_positive, examples.take(learns).texts, settings
        ),
    }
    scores = probability(counted @ weights + model.intercept)
    return Learnt(model=model, scores=scores, about=about)


def _learn_fasttext(split: Split, settings: QualitySettings, *, seed: int) -> Learnt:
    from filters.quality.classifiers import fasttext  # a package that only this kind needs

    examples, learns = split.examples, np.flatnonzero(split.is_training)
    some = examples.take(learns)
    facts = _facts(split, seed, "floret", "numpy")
    model = fasttext.train(some.texts, some.is_positive, settings, seed=seed, facts=facts)
    about = {"sweep": [], "words": explained_words(model, some.is_positive, some.texts)}
    return Learnt(model=model, scores=model.score(examples.texts), about=about)


def _facts(split: Split, seed: int, *libraries: str) -> Facts:
    """What the model says of where it comes from."""
    return Facts(
        seed=seed,
        training_set=_digest(split),
        sources=tuple(sorted(set(split.examples.sources))),
        libraries={name: version(name) for name in libraries},
    )


def _counts(split: Split, is_class: BoolArray) -> dict[str, Any]:
    places = np.flatnonzero(is_class).tolist()
    examples = split.examples
    return {
        "num_train": int((is_class & split.is_training).sum()),
        "num_held_out": int((is_class & split.is_measured).sum()),
        "num_domains": len({examples.domains[i] for i in places}),
        "by_source": dict(sorted(Counter(examples.sources[i] for i in places).items())),
    }


def _digest(split: Split) -> str:
    """SHA-256 of what was learnt from: sorted ids, each with its class and its text."""
    examples, found = split.examples, hashlib.sha256()
    learns = np.flatnonzero(split.is_training)
    ids = examples.doc_ids.take(learns).to_pylist()
    for row in sorted(range(len(learns)), key=lambda i: ids[i]):
        text = str(examples.texts[int(learns[row])]).encode("utf-8", "surrogatepass")
        found.update(ids[row] + bytes([int(examples.is_positive[learns[row]])]))
        found.update(hashlib.sha256(text).digest())
    return found.hexdigest()


def _has_both(is_positive: BoolArray) -> bool:
    return bool(is_positive.any() and not is_positive.all())

