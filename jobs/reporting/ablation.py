"""The ablation as a section of side a's page; `winnow ablate` leaves its figures in the root."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any

from corpus.storage import Store
from jobs.reporting.charts import number, plural, share
from jobs.reporting.sections import section

FOLDER, FILE = "ablation", "ablation.json"
"""In the root of side a."""

NAME, TITLE = "ablation", "What a stage buys"
KINDS = {
    "unseen": "Texts that no side was trained on",
    "seen by one side": "Texts that one side was trained on",
    "dropped by one side": "Texts of the sort that a stage of one side removes",
}

Row = Mapping[str, Any]


def gather_ablation(store: Store) -> dict[str, Any] | None:
    """The figures of the root's last ablation; None where there was none."""
    if not store.exists(FOLDER, FILE):
        return None
    found: dict[str, Any] = json.loads(store.read(FOLDER, FILE))
    return found


def scale(found: Row) -> str:
    """How large it was, with the word that keeps small runs from being taken for large ones."""
    size = (
        f"{number(found['num_parameters'])} parameters, {number(found['num_tokens'])} tokens, "
        f"{len(found['seeds'])} {plural(len(found['seeds']), 'seed')}"
    )
    return f"toy scale: {size}" if found["is_toy"] else size


def caution(found: Row) -> str:
    """What the intervals are of, and how many would miss by chance."""
    rows = len(found["rows"])
    if len(found["seeds"]) == 1:
        return "One seed: a difference may be the chance of weights and order."
    return (
        "Intervals are Student's of 95 % over the seeds' paired differences: they tell the chance "
        "of weights and order, not that of the texts. "
        f"Of {rows} {plural(rows, 'row')} {rows / 20:.1f} would miss by chance."
    )


def interval(row: Row) -> str:
    """The ends of a row's interval."""
    return "-" if row["low"] is None else f"{row['low']:+.4f} to {row['high']:+.4f}"


def ablation_section(found: Row | None) -> str:
    """The section `ablation`; nothing where there was none."""
    if found is None:
        return ""
    lead = (
        "The same model, tokens, tokenizer and seeds on corpora that differ in a stage, in bits "
        f"per byte of the same texts: less is better. {_begun(scale(found))}. "
        f"{caution(found)}"
    )
    body = _sides(found["sides"])
    titles = {side["name"]: side["title"] for side in found["sides"]}
    for other, rows in groupby(found["rows"], key=lambda row: row["other"]):
        body += f"<h3>{escape(_begun(titles[other]))}</h3>" + "".join(_tables(list(rows)))
    return section(NAME, TITLE, lead, body)


def _begun(words: str) -> str:
    """As a sentence begins; the rest stays, as an M of millions must."""
    return words[:1].upper() + words[1:]


def _sides(sides: Sequence[Row]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(side["name"])}</th><td>{escape(side["title"])}</td>'
        f"<td>{side['num_documents']:,}</td><td>{number(side['num_tokens'])}</td>"
        f"<td>{side['epochs']:.2f}</td></tr>"
        f'<tr class="note"><td colspan="5"><p>{_shares(side["shares"])}</p></td></tr>'
        for side in sides
    )
    head = (
        "<tr><th>side</th><th>corpus</th><th>documents</th><th>tokens</th>"
        "<th>epochs trained</th></tr>"
    )
    return f"<table>{head}{rows}</table>"


def _shares(shares: Mapping[str, float]) -> str:
    return escape(", ".join(f"{source} {share(part)}" for source, part in shares.items()))


def _tables(rows: Sequence[Row]) -> Iterator[str]:
    for kind, own in groupby(rows, key=lambda row: row["kind"]):
        named = list(own)
        first, other = named[0]["first"], named[0]["other"]
        head = (
            f"<tr><th>{KINDS[kind]}</th><th>texts</th><th>{escape(first)}</th>"
            f"<th>{escape(other)}</th><th>difference</th><th>95 %</th><th></th></tr>"
        )
        yield f"<table>{head}{''.join(map(_row, named))}</table>"


def _row(row: Row) -> str:
    means = "".join(f"<td>{row['mean'][row[side]]:.4f}</td>" for side in ("first", "other"))
    return (
        f'<tr><th scope="row">{escape(row["set"])}</th><td>{row["num_texts"]:,}</td>{means}'
        f"<td>{row['difference']:+.4f}</td><td>{interval(row)}</td><td>{row['verdict']}</td></tr>"
    )
