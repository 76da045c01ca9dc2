"""What is held out, and the folds of what is not: by registered domain.

A site's pages share a template, which must not pass for quality: a domain stands on one side whole,
unless it has more than a tenth of its class. Then its documents are drawn one by one, since it
would be most of what is measured, or missing from it; the card names such domains. What is drawn,
a domain or a document of a large one, is a *unit*: folds and the bootstrap go by units as well.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from filters.quality.settings import QualitySettings
from filters.quality.training.sampling import Examples
from filters.verdict import BoolArray

MAX_DOMAIN_SHARE = 0.1  # of a class, for a domain to be held out whole
HELD_OUT, FOLDS = "quality-held-out", "quality-folds"  # keys of the draws


def units_of(examples: Examples) -> list[str]:
    """What each document is drawn with: its domain, or itself where the domain is large."""
    large = _large_domains(examples)
    return [
        f"{domain} {doc_id.hex()}" if domain in large else domain
        for domain, doc_id in zip(examples.domains, examples.doc_ids.to_pylist(), strict=True)
    ]


def hold_out(
    examples: Examples, units: Sequence[str], settings: QualitySettings, *, seed: int
) -> tuple[BoolArray, list[str]]:
    """Examples to measure on, bool (num_examples,), and the domains that stand on both sides."""
    limit = int(settings.held_out * 2**64)
    held_out = np.array([_hash(unit, HELD_OUT, seed) < limit for unit in units], np.bool_)
    if not _has_both(held_out, examples.is_positive):  # a handful of documents
        for is_class in (examples.is_positive, ~examples.is_positive):
            places = np.flatnonzero(is_class)
            held_out[places[0]], held_out[places[-1]] = True, False
    sides = [
        {domain for domain, out in zip(examples.domains, held_out, strict=True) if out == side}
        for side in (False, True)
    ]
    return held_out, sorted(sides[0] & sides[1])


def folds_of(
    units: Sequence[str], is_positive: BoolArray, settings: QualitySettings, *, seed: int
) -> npt.NDArray[np.int64]:
    """The fold of each document, int64 (num_documents,): units are dealt in order of their hash.

    Units with a positive and those without are dealt apart, so that each fold has of both where
    there are as many units.
    """
    with_positive = {unit for unit, positive in zip(units, is_positive, strict=True) if positive}
    fold: dict[str, int] = {}
    for is_class in (True, False):
        own = sorted(
            {unit for unit in units if (unit in with_positive) == is_class},
            key=lambda unit: _hash(unit, FOLDS, seed),
        )
        fold.update({unit: place % settings.num_folds for place, unit in enumerate(own)})
    return np.array([fold[unit] for unit in units], np.int64)


def _large_domains(examples: Examples) -> set[str]:
    large: set[str] = set()
    for is_class in (examples.is_positive, ~examples.is_positive):
        counts = Counter(examples.domains[i] for i in np.flatnonzero(is_class).tolist())
        most = MAX_DOMAIN_SHARE * is_class.sum()
        large |= {domain for domain, count in counts.items() if count > most}
    return large


def _has_both(held_out: BoolArray, is_positive: BoolArray) -> bool:
    """Whether each class stands on each side."""
    sides = {(bool(a), bool(b)) for a, b in zip(held_out, is_positive, strict=True)}
    return len(sides) == 4


def _hash(unit: str, stage: str, seed: int) -> int:
    data = f"{seed}\x00{stage}\x00{unit}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")
