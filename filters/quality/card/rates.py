"""What became of the judged documents: shares kept by score bin and by domain.

The keep rate of a bin stands beside what the rule's law gives for just these documents (the mean of
P(keep | s) over them, so that a bin's width does not matter), with Wilson's 95 % interval: of
twenty bins, one may lie outside by chance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from corpus.intervals import wilson
from filters.quality.keep import Rule
from filters.verdict import BoolArray

NUM_BINS = 20

Counts = npt.NDArray[np.float64]


@dataclass(slots=True)
class Rates:
    """Counts of judged documents, added up part by part, in any order."""

    rule: Rule
    num: Counts = field(default_factory=lambda: np.zeros(NUM_BINS))
    num_kept: Counts = field(default_factory=lambda: np.zeros(NUM_BINS))
    expected: Counts = field(default_factory=lambda: np.zeros(NUM_BINS))
    """Sum of P(keep | s) over the documents of the bin."""
    domains: Counter[str] = field(default_factory=Counter)
    domains_kept: Counter[str] = field(default_factory=Counter)

    def add(
        self, scores: npt.NDArray[np.float32], kept: BoolArray, domains: Sequence[str]
    ) -> None:
        """Count some judged documents; each argument is (num_documents,)."""
        bins = np.minimum((scores * np.float32(NUM_BINS)).astype(np.int64), NUM_BINS - 1)
        self.num += np.bincount(bins, minlength=NUM_BINS)
        self.num_kept += np.bincount(bins, kept, minlength=NUM_BINS)
        self.expected += np.bincount(bins, self.rule.probability(scores), minlength=NUM_BINS)
        self.domains.update(domains)
        self.domains_kept.update(d for d, stays in zip(domains, kept, strict=True) if stays)

    def by_score(self) -> list[dict[str, Any]]:
        """Each bin that has documents: their number, share kept, its interval, the law's share."""
        low, high = wilson(self.num_kept, self.num)
        return [
            {
                "low": i / NUM_BINS,
                "high": (i + 1) / NUM_BINS,
                "num": int(self.num[i]),
                "num_kept": int(self.num_kept[i]),
                "rate": float(self.num_kept[i] / self.num[i]),
                "interval": [float(low[i]), float(high[i])],
                "law": float(self.expected[i] / self.num[i]),
            }
            for i in np.flatnonzero(self.num).tolist()
        ]

    def by_domain(self, limit: int) -> list[dict[str, Any]]:
        """The domains with the most judged documents, each with its share kept."""
        largest = sorted(self.domains.items(), key=lambda pair: (-pair[1], pair[0]))[:limit]
        rows = []
        for domain, num in largest:
            num_kept = self.domains_kept[domain]
            low, high = wilson(num_kept, num)
            rows.append(
                {
                    "domain": domain,
                    "num": num,
                    "num_kept": num_kept,
                    "rate": num_kept / num,
                    "interval": [float(low), float(high)],
                }
            )
        return rows
