"""The funnel: what each stage was given, what it kept, and why the rest fell."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from jobs.reporting.charts import plural, share, stacked_bar
from jobs.reporting.facts import DOCUMENT_STAGES, Facts, StageFacts

NUM_REASONS = 8  # of a stage, the rest folded away


def funnel(facts: Facts) -> str:
    """The funnel of documents, and that of links where there are some."""
    stages = {stage.name: stage for stage in facts.stages}
    documents = [stages[name] for name in DOCUMENT_STAGES]
    total = max(1, documents[0].taken)
    rows = "".join(_funnel_row(stage, total) for stage in documents)
    links = stages["links"]
    link_rows = _funnel_row(links, max(1, links.taken)) + _outcomes(facts)
    head = "<tr><th>stage</th><th></th><th>in</th><th>kept</th><th>share</th></tr>"
    body = f'<table class="funnel">{head}{rows}</table>'
    if links.taken:
        body += f'<h3>Links</h3><table class="funnel">{head}{link_rows}</table>'
    return body


def _funnel_row(stage: StageFacts, total: int) -> str:
    dropped = sum(stage.dropped.values())
    bar = stacked_bar([("kept", stage.kept), ("fell", dropped)], total)
    kept_share = share(stage.kept / stage.taken) if stage.taken else "-"
    return f"""
<tr><th scope="row">{escape(stage.name)}</th><td class="wide">{bar}</td>
<td>{stage.taken:,}</td><td>{stage.kept:,}</td><td>{kept_share}</td></tr>
{_reasons(stage.dropped)}"""


def _outcomes(facts: Facts) -> str:
    found = {k: v for k, v in facts.link_outcomes.items() if k != "failed"}
    failed = facts.link_outcomes.get("failed", 0)
    reasons = facts.link_failures if facts.link_failures else {}
    stage = StageFacts(
        name="fetch",
        taken=sum(facts.link_outcomes.values()),
        kept=sum(found.values()),
        dropped=reasons if sum(reasons.values()) == failed else {"failed": failed},
    )
    notes = ", ".join(f"{count:,} {escape(outcome)}" for outcome, count in found.items())
    return _funnel_row(stage, max(1, stage.taken)) + (
        f'<tr class="note"><td></td><td colspan="4">{notes}</td></tr>' if notes else ""
    )


def _reasons(dropped: dict[str, int]) -> str:
    shown = [(reason, count) for reason, count in dropped.items() if count]
    if not shown:
        return ""
    largest = max(count for _, count in shown)
    first, rest = shown[:NUM_REASONS], shown[NUM_REASONS:]
    body = _reason_table(first, largest)
    if rest:
        fell = sum(count for _, count in rest)
        body += (
            f"<details><summary>{len(rest)} more, {fell:,} in all</summary>"
            f"{_reason_table(rest, largest)}</details>"
        )
    total = sum(count for _, count in shown)
    return f"""<tr class="note"><td></td><td colspan="4">
<p>{total:,} fell, for {len(shown)} {plural(len(shown), "reason")}</p>{body}</td></tr>"""


def _reason_table(reasons: Sequence[tuple[str, int]], largest: int) -> str:
    rows = "".join(
        f"<tr><th>{escape(reason)}</th><td class='wide'>{stacked_bar([('fell', n)], largest)}</td>"
        f"<td>{n:,}</td></tr>"
        for reason, n in reasons
    )
    return f'<table class="reasons">{rows}</table>'
