"""Rows of the comparison: which texts each is of, and what the sides make of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from jobs.ablating.comparing import paired
from jobs.ablating.scores import FloatArray
from jobs.ablating.sides import Side
from jobs.ablating.texts import BENCHMARK, DOCUMENT, HeldText

UNSEEN, SEEN, DROPPED = "unseen", "seen by one side", "dropped by one side"
"""What a row's texts are to the two sides. dropped: of the sort that a stage of one removes."""

ALL = "all held out"

Nats = Mapping[str, Sequence[FloatArray]]
"""Of each side, by seed: float64 (num_texts,)."""


def compare(sides: Sequence[Side], texts: Sequence[HeldText], nats: Nats) -> list[dict[str, Any]]:
    """The rows of each side against the first, in order of the sides."""
    first, *others = sides
    return [
        _row(rows, first, other, texts, nats) | {"set": name, "kind": kind}
        for other in others
        for name, kind, rows in row_texts(first.name, other.name, sides, texts)
    ]


def row_texts(
    first: str, other: str, sides: Sequence[Side], texts: Sequence[HeldText]
) -> list[tuple[str, str, list[int]]]:
    """Name, kind and texts of each row of a comparison; a row without a text is left out."""
    everyone = frozenset(side.name for side in sides)
    common = [n for n, t in enumerate(texts) if t.held_by == everyone and not t.found_on]
    documents = [n for n in common if texts[n].kind == DOCUMENT]
    rows = [(ALL, UNSEEN, documents)]
    for kind, head in ((DOCUMENT, "held out, "), (BENCHMARK, "")):
        own = [n for n in common if texts[n].kind == kind]
        for group in sorted({texts[n].group for n in own}):
            rows.append((head + group, UNSEEN, [n for n in own if texts[n].group == group]))
    for one, of_it in ((first, other), (other, first)):
        for kind, head in ((DOCUMENT, "near copies of held-out"), (BENCHMARK, "benchmark text")):
            seen = [
                n for n, t in enumerate(texts)
                if t.kind == kind and one in t.found_on and of_it not in t.found_on
                and {one, of_it} <= t.held_by
            ]  # fmt: skip
            rows.append((f"{head} in the training of {one}", SEEN, seen))
        dropped = [
            n for n, t in enumerate(texts)
            if one in t.held_by and of_it not in t.held_by and not t.found_on
        ]  # fmt: skip
        rows.append((f"held out by {one}, dropped by {of_it}", DROPPED, dropped))
    return [row for row in rows if row[2]]


def _row(
    rows: Sequence[int], first: Side, other: Side, texts: Sequence[HeldText], nats: Nats
) -> dict[str, Any]:
    num_bytes = sum(texts[n].num_bytes for n in rows)
    mine, its = (
        [math.fsum(of_seed[list(rows)]) / math.log(2) / num_bytes for of_seed in nats[side.name]]
        for side in (first, other)
    )
    found = paired(mine, its)
    return {
        "first": first.name,
        "other": other.name,
        "num_texts": len(rows),
        "num_bytes": num_bytes,
        "bits_per_byte": {first.name: mine, other.name: its},
        "mean": {first.name: float(np.mean(mine)), other.name: float(np.mean(its))},
        **{name: value for name, value in asdict(found).items() if name != "number"},
        "verdict": found.verdict,
    }
