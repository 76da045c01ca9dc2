"""Duplicates as a section of the page. Every word of a document is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from jobs.reporting.charts import histogram, measured, plural, stacked_bar
from jobs.reporting.facts import Cluster, DuplicateFacts, Member
from jobs.reporting.sections import section

MAX_TITLE = 120  # characters of a title or address that are shown
HEAD = ("kind", "planted", "mean similarity", "due", "found", "promised", "falsely taken")


def duplicates_section(facts: DuplicateFacts) -> str:
    """The section `duplicates`."""
    num_clusters = sum(count for _, count in facts.sizes)
    lead = (
        f"{escape(facts.bands)}. {facts.num_candidates:,} candidate "
        f"{plural(facts.num_candidates, 'pair')} shared a band; {facts.num_compared:,} of them, "
        "which their sketches did not rule out, were compared, and "
        f"{facts.num_verified:,} proved to be near-duplicates. With the exact copies they form "
        f"{num_clusters:,} "
        f"{plural(num_clusters, 'cluster')}."
    )
    body = _reasons(facts) + _curve(facts) + _self_test(facts.self_test)
    body += "<h3>Compared pairs</h3>" + histogram(
        {"pairs": facts.jaccards},
        [i / len(facts.jaccards) for i in range(len(facts.jaccards) + 1)],
        title="Compared pairs by exact similarity",
        axis="Jaccard similarity of a compared pair",
    )
    body += _sizes(facts.sizes)
    body += _clusters("The largest clusters", facts.largest)
    body += _clusters("Clusters drawn by chance", facts.drawn)
    return section("duplicates", "Duplicates", lead, body)


def _reasons(facts: DuplicateFacts) -> str:
    rows = "".join(
        f"<tr><th>{escape(reason)}</th><td>{count:,}</td></tr>"
        for reason, count in sorted(facts.reasons.items())
    )
    anchored = (
        f"<tr><th>pairs of large buckets, compared with the best alone</th>"
        f"<td>{facts.num_anchored:,}</td></tr>"
    )
    return f"<table class='narrow headless'>{rows}{anchored}</table>"


def _curve(facts: DuplicateFacts) -> str:
    """The chance to be proposed, and what was measured of planted copies where there were some."""
    points = [
        ((one["low"] + one["high"]) / 2, one["share"], tuple(one["interval"]))
        for one in facts.self_test.get("bins", ())
    ]
    said = "Dots: planted copies, with intervals of 95 %." if points else ""
    chart = measured(
        points,
        facts.curve,
        title="Share of pairs that share a band, by similarity",
        axis="Jaccard similarity",
    )
    lead = f"The line is 1 - (1 - s^rows)^bands, the chance that the bands find a pair. {said}"
    return f"<h3>What the bands find</h3><p>{lead}</p>{chart}"


def _self_test(found: Mapping[str, Any]) -> str:
    if not found:
        return ""
    head = "".join(f"<th>{name}</th>" for name in HEAD)
    rows = "".join(_tally(row) for row in (*found["kinds"], found["total"]))
    faults = found["faults"] or ["The run found what its bands promise, and nothing else."]
    said = "".join(f"<p>{escape(fault)}</p>" for fault in faults)
    return f"<h3>Planted copies</h3><table><tr>{head}</tr>{rows}</table>{said}"


def _tally(row: Mapping[str, Any]) -> str:
    shares = (
        "-" if row[name] is None else f"{row[name]:.4f}" for name in ("recall", "expected_recall")
    )
    recall, expected = shares
    return (
        f'<tr><th scope="row">{escape(row["kind"])}</th><td>{row["num_planted"]:,}</td>'
        f"<td>{row['mean_similarity']:.3f}</td><td>{row['num_due']:,}</td><td>{recall}</td>"
        f"<td>{expected}</td><td>{row['num_false']:,}</td></tr>"
    )


def _sizes(sizes: Sequence[tuple[int, int]]) -> str:
    """Clusters by size, in bins that double: 2, 3 to 4, 5 to 8, ..."""
    bins: dict[int, list[int]] = {}
    for size, count in sizes:
        high = 1 << (size - 1).bit_length()
        total = bins.setdefault(high, [0, 0])
        total[0] += count
        total[1] += count * size
    if not bins:
        return ""
    most = max(documents for _, documents in bins.values())
    rows = "".join(
        f"<tr><th>{_range(high)}</th><td>{count:,}</td><td>{documents:,}</td>"
        f"<td class='wide'>{stacked_bar([('kept', documents)], most)}</td></tr>"
        for high, (count, documents) in sorted(bins.items())
    )
    head = "<tr><th>documents</th><th>clusters</th><th>in all</th><th></th></tr>"
    return f"<h3>Sizes of clusters</h3><table>{head}{rows}</table>"


def _range(high: int) -> str:
    low = high // 2 + 1
    return f"{high:,}" if low >= high else f"{low:,} to {high:,}"


def _clusters(title: str, clusters: Sequence[Cluster]) -> str:
    if not clusters:
        return ""
    return f"<h3>{title}</h3>" + "".join(map(_cluster, clusters))


def _cluster(cluster: Cluster) -> str:
    others = "".join(f"<li>{_named(other)}</li>" for other in cluster.others)
    rest = cluster.size - 1 - len(cluster.others)
    more = f"<li class='quiet'>and {rest:,} more</li>" if rest > 0 else ""
    return f"""<details class="cluster"><summary><b>{cluster.size:,}</b> {_named(cluster.kept)}
</summary><ul>{others}{more}</ul></details>"""


def _named(member: Member) -> str:
    similar = "" if member.jaccard is None else f' <span class="quiet">{member.jaccard:.2f}</span>'
    url = f' <span class="url">{short(member.url)}</span>' if member.url else ""
    return f"{short(member.title)}{similar}{url}"


def short(text: str) -> str:
    """Text of a document, cut and escaped; addresses stay text, never links."""
    cut = text if len(text) <= MAX_TITLE else text[: MAX_TITLE - 1] + "…"
    return escape(cut)
