"""An evaluation's figures of clean items, of dirty ones, and of all, by the contamination tables.

Dirty is an item of which an N-gram is in the corpus (GPT-3, appendix C). A line of a text that the
tables have not is blank, and clean; a question that they have not is of another file, and neither.
Shares of right answers have Wilson's intervals and the difference of clean and dirty Welch's, as
`winnow contamination export` has them; other figures, and those of rows with several questions,
have standard errors.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from corpus.datasets import MANIFEST, open_dataset
from corpus.storage import Store
from corpus.trainer.evaluation.tasks import TASKS

if TYPE_CHECKING:
    from corpus.trainer.evaluation.results import Figure, TaskResult

Told = dict[str, Any]


def dirty_items(store: Store, benchmark: str) -> dict[str, bool] | None:
    """Whether each item of a benchmark is dirty; None where the root has not judged it."""
    if not store.exists("benchmark_items", MANIFEST):
        return None
    rows = open_dataset(store, "benchmark_items").read_all(["benchmark", "item_id", "dirty"])
    own = rows.filter(pc.equal(rows["benchmark"], benchmark))
    found = dict(zip(own["item_id"].to_pylist(), own["dirty"].to_pylist(), strict=True))
    return found or None


def told(result: TaskResult, dirty: Mapping[str, bool] | None) -> Told:
    """A result as plain values, each figure of all items and, where judged, clean and dirty."""
    own = {
        "benchmark": result.benchmark,
        "task": result.task,
        "shots": result.num_shots,
        "num": len(result.item_ids),
        "chance": result.chance,
        "num_cut": result.num_cut,
        "bad_rows": result.bad_rows,
        "notes": list(result.notes),
    }
    judged = None
    if dirty is not None:
        unknown = False if TASKS[result.task].kind == "text" else None
        judged = [dirty.get(item_id, unknown) for item_id in result.item_ids]
        own["num_not_judged"] = judged.count(None)
    own["figures"] = [_figure(figure, result.item_ids, judged) for figure in result.figures]
    first = result.figures[0]
    units = first.units or [1.0] * len(first.amounts)
    own["items"] = [
        list(row) for row in zip(result.item_ids, first.amounts, units, strict=True)
    ]
    return own


def _figure(figure: Figure, rows: Sequence[str], judged: Sequence[bool | None] | None) -> Told:
    found: Told = {"name": figure.name, "all": _part(figure, rows, None)}
    if judged is None:
        return found
    for name, is_dirty in (("clean", False), ("dirty", True)):
        chosen = np.array([one is is_dirty for one in judged], np.bool_)
        found[name] = _part(figure, rows, chosen)
    found["difference"] = _difference(figure, rows, judged, found)
    return found


def _part(
    figure: Figure, rows: Sequence[str], chosen: np.ndarray[Any, np.dtype[np.bool_]] | None
) -> Told:
    """Number, value and standard error of some items, with an interval where each is a 0 or 1."""
    amounts = np.array(figure.amounts, np.float64)
    taken = amounts if chosen is None else amounts[chosen]
    found: Told = {
        "num": len(taken), "value": _number(figure.value(chosen)),
        "error": _number(figure.error(rows, chosen)),
    }  # fmt: skip
    if _is_share(figure, rows):
        from filters.contamination.scores import mean

        own = mean(taken)
        found |= {"low": _number(own.low), "high": _number(own.high)}
    return found


def _difference(
    figure: Figure, rows: Sequence[str], judged: Sequence[bool | None], parts: Told
) -> Told:
    """Clean less dirty, with Welch's interval of shares, else a standard error."""
    if _is_share(figure, rows):
        from filters.contamination.scores import compare

        pairs = [
            (amount, one) for amount, one in zip(figure.amounts, judged, strict=True)
            if one is not None
        ]  # fmt: skip
        found = compare([amount for amount, _ in pairs], [one for _, one in pairs]).difference
        return {
            "value": _number(found.value), "low": _number(found.low), "high": _number(found.high)
        }  # fmt: skip
    clean, dirty = parts["clean"], parts["dirty"]
    value = error = None
    if clean["value"] is not None and dirty["value"] is not None:
        value = clean["value"] - dirty["value"]
        if clean["error"] is not None and dirty["error"] is not None:
            error = math.hypot(clean["error"], dirty["error"])
    return {"value": value, "error": error}


def _is_share(figure: Figure, rows: Sequence[str]) -> bool:
    """Whether it is a share of right answers of rows with a question each."""
    return figure.is_mean and not figure.is_exponential and len({*rows}) == len(rows)


def _number(value: float) -> float | None:
    """As JSON has it: null for what cannot be said."""
    return value if math.isfinite(value) else None
