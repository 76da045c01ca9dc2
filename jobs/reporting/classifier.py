"""Reads what the quality classifier's card says of a run: scores, verdicts and domains.

Narrow columns only, part by part; nothing here depends on the order of the parts.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from corpus.datasets import open_dataset, survivors
from corpus.storage import Store
from corpus.urls import registered_domain
from filters.quality.card.rates import NUM_BINS, Rates
from filters.quality.keep import Rule
from jobs.quality_drift import compare, read_card
from jobs.reporting.facts import ClassifierFacts

Counts = npt.NDArray[np.int64]

RULE = "rule.json"
NUM_POINTS = 101  # of the rule's law, as drawn
NO_ADDRESS = "(no address)"


def gather_classifier(
    store: Store, *, num_domains: int = 20, against: str = ""
) -> ClassifierFacts:
    """The classifier's facts of a root whose stage quality has finished; raises NotBuilt.

    against: root of another run to compare the scores with; empty: none.
    """
    card = read_card(store)
    found: dict[str, Any] = json.loads(open_dataset(store, "quality_rule").store.read(
        "quality_rule", RULE))  # fmt: skip
    if not card["trained"]:
        return ClassifierFacts(card=card, rule=found)
    rule = Rule(**found)
    rates, counts = _count(store, rule)
    scores = np.linspace(0, 1, NUM_POINTS)
    return ClassifierFacts(
        card=card,
        rule=found,
        rates=rates.by_score(),
        scores={name: counts[name].tolist() for name in sorted(counts)},
        law=list(zip(scores.tolist(), rule.probability(scores).tolist(), strict=True)),
        domains=rates.by_domain(num_domains),
        against=against,
        drift=compare(Store(against), store) if against else {},
    )


def _count(store: Store, rule: Rule) -> tuple[Rates, dict[str, Counts]]:
    """What was kept of the judged documents, and every document's score by source."""
    documents, screen, scores, quality = (
        open_dataset(store, name) for name in ("documents", "screen", "quality_scores", "quality")
    )
    rates = Rates(rule)
    counts: dict[str, Counts] = defaultdict(lambda: np.zeros(NUM_BINS, np.int64))
    for part in range(quality.num_parts):
        table = survivors(documents, screen, part, ["source", "url"])
        scored = scores.read(part, ["judged", "score"])
        judged = scored["judged"]
        for name in pc.unique(table["source"]).to_pylist():
            own = scored["score"].filter(pc.equal(table["source"], name)).to_numpy()
            counts[name] += np.histogram(own, NUM_BINS, (0.0, 1.0))[0]
        rates.add(
            scored["score"].filter(judged).to_numpy(),
            quality.read(part, ["keep"])["keep"].filter(judged).to_numpy().astype(np.bool_),
            [_domain(url) for url in table["url"].filter(judged).to_pylist()],
        )
    return rates, counts


def _domain(url: str | None) -> str:
    return (registered_domain(url) if url else None) or NO_ADDRESS
