"""How far the scores of one run have moved from another's: by source, in AUC, in weights."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import numpy as np
import pyarrow.compute as pc

from corpus.datasets import Dataset, open_dataset, survivors
from corpus.storage import Store
from filters.quality.card import drift
from filters.quality.classifiers import Classifier, read_classifier

CARD = "card.json"


def compare(before: Store, after: Store) -> dict[str, Any]:
    """The drift from one finished run to another; raises NotBuilt where one has no scores.

    Keys: `sources` (as drift.by_source), `auc_before`, `auc_after`, `auc_change`, and
    `cosine` of the weights; null where a run has no classifier, or another kind.
    """
    cards = [read_card(store) for store in (before, after)]
    aucs: list[Any] = [c["held_out"]["auc"] if c["trained"] else None for c in cards]
    change = None if None in aucs else aucs[1] - aucs[0]
    return {
        "sources": drift.by_source(_histograms(before), _histograms(after)),
        "auc_before": aucs[0],
        "auc_after": aucs[1],
        "auc_change": change,
        "cosine": drift.cosine(read_model(before), read_model(after)),
    }


def read_card(store: Store) -> dict[str, Any]:
    """The card of a root's classifier; raises NotBuilt."""
    published = open_dataset(store, "quality_model")
    card: dict[str, Any] = json.loads(published.store.read(published.name, CARD))
    return card


def read_model(store: Store) -> Classifier | None:
    """A root's classifier; None where none was trained."""
    published = open_dataset(store, "quality_model")
    if published.files() == [CARD]:
        return None
    contents = {name: store.read(published.name, name) for name in published.files()}
    return read_classifier(contents, where=store.path(published.name))


def _histograms(store: Store) -> dict[str, drift.Counts]:
    """Fine histograms of the scores by source."""
    documents, screen, quality = (
        open_dataset(store, name) for name in ("documents", "screen", "quality")
    )
    found: dict[str, drift.Counts] = defaultdict(lambda: np.zeros(drift.FINE_BINS, np.int64))
    for part in range(quality.num_parts):
        for source, scores in _by_source(documents, screen, quality, part).items():
            found[source] += drift.fine_histogram(scores)
    return dict(found)


def _by_source(
    documents: Dataset, screen: Dataset, quality: Dataset, part: int
) -> dict[str, Any]:
    names = survivors(documents, screen, part, ["source"])["source"].combine_chunks()
    scores = quality.read(part, ["score"])["score"].combine_chunks()
    return {
        name: scores.filter(pc.equal(names, name)).drop_null().to_numpy()
        for name in sorted(set(names.unique().to_pylist()))
    }
