"""The tables that `winnow eval` prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jobs.contamination_cli.text import table

Told = Mapping[str, Any]


def lines(found: Told) -> Iterator[str]:
    """All that is printed."""
    if found["validation"]:
        yield from _validation(found["validation"])
    if found["benchmarks"]:
        yield from _benchmarks(found["benchmarks"])


def _validation(rows: Sequence[Told]) -> Iterator[str]:
    head = ("validation", "nats/token", "bits/byte", "tokens", "bytes")
    cells = [head]
    for row in rows:
        cells.append((
            row["source"], _shown(row["loss"], ".4f"), _shown(row["bits_per_byte"], ".4f"),
            f"{row['num_tokens']:,}", f"{row['num_bytes']:,}",
        ))  # fmt: skip
    yield from table(cells, numbers=range(1, len(head)))
    yield ""


def _benchmarks(results: Sequence[Told]) -> Iterator[str]:
    is_judged = any("clean" in figure for one in results for figure in one["figures"])
    head: tuple[str, ...] = ("benchmark", "shots", "figure", "all", "chance", "items")
    if is_judged:
        head = (*head, "clean", "dirty", "of these", "clean - dirty")
    cells: list[tuple[str, ...]] = [head]
    for one in results:
        cells += [_row(one, place, is_judged) for place in range(_num_shown(one))]
    yield from table(cells, numbers=range(3, len(head)))
    yield (
        "In brackets: 95 % intervals, Wilson's of shares and Welch's of their differences; else "
        "standard errors."
    )
    for one in results:
        yield from _remarks(one)


def _num_shown(result: Told) -> int:
    """How many figures: of a choice that by the task's own normalisation, else all."""
    names = [figure["name"] for figure in result["figures"]]
    return 1 if any(name.startswith("accuracy_") for name in names) else len(names)


def _row(result: Told, place: int, is_judged: bool) -> tuple[str, ...]:
    figure = result["figures"][place]
    is_first = place == 0
    cells = (
        result["benchmark"] if is_first else "", f"{result['shots']}" if is_first else "",
        figure["name"], _part(figure["all"]),
        _shown(result["chance"], ".3f") if is_first else "", f"{figure['all']['num']:,}",
    )  # fmt: skip
    if not is_judged:
        return cells
    if "clean" not in figure:
        return (*cells, "-", "-", "-", "-")
    nums = f"{figure['clean']['num']:,} + {figure['dirty']['num']:,}"
    return (*cells, _part(figure["clean"]), _part(figure["dirty"]), nums, _difference(figure))


def _part(part: Told) -> str:
    if part["value"] is None:
        return "beyond bounds" if part["num"] else "-"
    if "low" in part:
        return f"{part['value']:.3f} [{_shown(part['low'], '.3f')}, {_shown(part['high'], '.3f')}]"
    form = ".3f" if part["value"] < 100 else ",.0f"
    error = "" if part["error"] is None else f" ± {part['error']:{form}}"
    return f"{part['value']:{form}}{error}"


def _difference(figure: Told) -> str:
    found = figure["difference"]
    if found["value"] is None:
        return "-"
    if found.get("low") is None:
        form = ".3f" if abs(found["value"]) < 100 else ",.0f"
        error = "" if found.get("error") is None else f" ± {found['error']:{form}}"
        return f"{found['value']:+{form}}{error}"
    return f"{found['value']:+.3f} [{found['low']:+.3f}, {found['high']:+.3f}]"


def _remarks(result: Told) -> Iterator[str]:
    name = result["benchmark"]
    if result.get("num_not_judged"):
        yield f"{name}: {result['num_not_judged']:,} are not in the contamination tables"
    if result["num_cut"]:
        yield (
            f"{name}: {result['num_cut']:,} of {result['num']:,} did not fit the model's context; "
            "their beginning was not read"
        )
    for reason, number in result["bad_rows"].items():
        yield f"{name}: {number:,} rows not asked: {reason}"
    for note in result["notes"]:
        yield f"{name}: {note}"


def _shown(value: float | None, form: str) -> str:
    return "-" if value is None else f"{value:{form}}"
