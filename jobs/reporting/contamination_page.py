"""Contamination as a page of its own: bars, items with their passages, the most frequent N-grams.

`write_contamination_page` is pure: facts in, the page out. What can be read without a script is
HTML: bars, N-grams, the run's test of itself, and the first items. The list with its search, and an
item's own page, are made by one script (report_contamination.js) out of data in the page. The
content security policy names that script by its hash, and forbids every other, all requests, and
turning a string into markup.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from importlib import resources
from urllib.parse import urlencode

from filters.contamination.items import NEAR_WHOLE_SHARE
from jobs.reporting.charts import plural, share, stacked_bar
from jobs.reporting.contamination_data import items_json
from jobs.reporting.contamination_facts import (
    CLEAN,
    EXEMPT,
    PLAIN,
    BenchmarkCounts,
    ContaminationFacts,
    ItemCounts,
    Marked,
    Ngram,
)
from jobs.reporting.contamination_selftest import self_test_section
from jobs.reporting.sections import section

FILE = "contamination.html"
SCRIPT = "report_contamination.js"
NUM_STATIC = 20  # items that can be read without a script

HOW = {
    "near_whole": "near whole", "quote": "quote", "template": "template", "too_short": "too short",
    CLEAN: "clean",
}  # fmt: skip
BARS = ("near_whole", "quote", "template")


def write_contamination_page(facts: ContaminationFacts, *, name: str) -> str:
    """The whole page; name: of the recipe."""
    style = (resources.files("jobs") / "report.css").read_text("utf-8")
    script = (resources.files("jobs") / SCRIPT).read_text("utf-8")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy(script)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Contamination · {escape(name)} · Winnow</title>
<style>
{style}</style>
</head>
<body>
<main>
{_header(facts, name)}{_benchmarks(facts)}{_items(facts)}{_ngrams(facts)}{
        self_test_section(facts.self_test)
    }
</main>
<script type="application/json" id="data">{items_json(facts)}</script>
<script>{script}</script>
</body>
</html>
"""


def policy(script: str) -> str:
    """The page's content security policy: this script, inline style, nothing else."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; "
        "trusted-types 'none'"
    )


def item_address(benchmark: str, item_id: str) -> str:
    """The fragment that names an item's page, escaped for an attribute."""
    return escape("#item?" + urlencode({"benchmark": benchmark, "id": item_id}))


def _header(facts: ContaminationFacts, name: str) -> str:
    tests = ' · <a href="#self-test">Planted items</a>' if facts.self_test else ""
    return f"""
<header>
<p class="brand">Winnow</p>
<h1>Contamination</h1>
<p class="lead">{escape(name)}: which items of its benchmarks the corpus holds, and where.</p>
<nav><a href="index.html">The whole report</a> · <a href="#benchmarks">Benchmarks</a> ·
<a href="#items">Items</a> · <a href="#ngrams">N-grams</a>{tests}</nav>
</header>
"""


def _benchmarks(facts: ContaminationFacts) -> str:
    most = max((row.num_dirty / max(1, row.num_items) for row in facts.benchmarks), default=0)
    top = _round_up(most)
    keys = "".join(f'<span class="key"><i class="{how}"></i>{HOW[how]}</span>' for how in BARS)
    head = "".join(
        f"<th>{title}</th>"
        for title in ("benchmark", f"share of its items, 0 to {100 * top:g} %",
                      "dirty", "items", "N", "too short", "8-grams")
    )  # fmt: skip
    rows = "".join(_benchmark(row, top) for row in facts.benchmarks)
    lead = (
        "An item is dirty where any N-gram of it is in any document (GPT-3, appendix C): near "
        f"whole where those cover {share(NEAR_WHOLE_SHARE, 0)} of its words, a template where all "
        "of them are too frequent to be removed, else a quote. Items under N words are too short "
        "to be found. 8-grams: the share of the benchmark's 8-grams in the documents (GPT-2, "
        "table 6)."
    )
    body = (
        f'<p class="legend">{keys}</p><div class="scroll"><table class="benchmarks"><tr>{head}</tr>'
        f"{rows}</table></div>"
    )
    return section("benchmarks", "The benchmarks", lead, body)


def _benchmark(row: BenchmarkCounts, top: float) -> str:
    total = max(1, row.num_items)
    parts = [(how, getattr(row, f"num_{how}") / total) for how in BARS]
    said = ", ".join(f"{getattr(row, f'num_{how}'):,} {HOW[how]}" for how in BARS)
    return (
        f'<tr><th scope="row">{escape(row.benchmark)}</th>'
        f'<td class="wide" title="{said}">{stacked_bar(parts, top)}</td>'
        f"<td>{row.num_dirty:,} ({share(row.num_dirty / total, 2)})</td>"
        f"<td>{row.num_items:,}</td><td>{row.ngram_size}</td><td>{row.num_too_short:,}</td>"
        f"<td>{share(row.num_ngrams_found / max(1, row.num_ngrams), 2)}</td></tr>"
    )


def _round_up(value: float) -> float:
    """The least of 1, 2, 5 times a power of ten, at most 1, that reaches a share."""
    for power in (1e-4, 1e-3, 1e-2, 1e-1):
        for factor in (1, 2, 5):
            if factor * power >= value:
                return factor * power
    return 1.0


def _items(facts: ContaminationFacts) -> str:
    num_clean = sum(len(ids) for _, ids in facts.clean)
    num_short = sum(item.how == "too_short" for item in facts.items)
    num_dirty = len(facts.items) - num_short
    bare = sum(item.texts is None for item in facts.items)
    lead = (
        f"{num_dirty:,} dirty {plural(num_dirty, 'item')}, {num_short:,} too short to be found and "
        f"{num_clean:,} clean ones, which stand here by their ids alone; up to "
        f"{facts.num_passages:,} {plural(facts.num_passages, 'passage')} of an item are shown."
    )
    if bare:
        lead += f" For the texts of the last {bare:,} dirty or short items there is no room here."
    if facts.num_unlisted:
        lead += f" {facts.num_unlisted:,} items more are not listed."
    shown = facts.items[:NUM_STATIC]
    rows = "".join(_static_item(item) for item in shown)
    body = f"""<div id="list" hidden></div>
<div id="static">
<p class="quiet">The first {len(shown):,}; a browser with JavaScript lists, searches and shows all.
<code>winnow contamination items</code> and <code>show</code> do so in a terminal.</p>
<table class="text"><tr><th>item</th><th>found</th><th>longest passage</th></tr>{rows}</table>
</div>
"""
    return section("items", "The items", lead, body) + '<section id="item" hidden></section>'


def _static_item(item: ItemCounts) -> str:
    name = escape(f"{item.benchmark}:{item.item_id}")
    passages = item.texts.passages if item.texts else []
    text = _marked(passages[0].text) if passages else ""
    url = f'<div class="url">{escape(passages[0].url)}</div>' if passages else ""
    return (
        f"<tr><th>{name}</th><td>{HOW[item.how]}, {item.num_found:,} of {item.num_ngrams:,} N-grams"
        f"</td><td>{text}{url}</td></tr>"
    )


def _marked(text: Marked) -> str:
    return "<bdi>" + "".join(
        escape(piece.text) if piece.kind == PLAIN
        else f'<mark{" class=exempt" if piece.kind == EXEMPT else ""}>{escape(piece.text)}</mark>'
        for piece in text
    ) + "</bdi>"  # fmt: skip


def _ngrams(facts: ContaminationFacts) -> str:
    if not facts.ngrams:
        return section("ngrams", "N-grams", "No N-gram of a benchmark was found.", "")
    lead = (
        f"Found of the benchmarks: {facts.num_ngrams:,} {plural(facts.num_ngrams, 'N-gram')}. "
        f"Exempt: {facts.num_exempt:,}, which too many documents hold, so that they are "
        "boilerplate and are not removed (GPT-3, appendix C). Shown: the most frequent "
        f"{len(facts.ngrams):,}, each with the first item that has it."
    )
    head = "<tr><th>N-gram</th><th>documents</th><th>items</th><th>item</th><th></th></tr>"
    rows = "".join(map(_ngram, facts.ngrams))
    table = f'<div class="scroll"><table class="ngrams">{head}{rows}</table></div>'
    return section("ngrams", "N-grams", lead, table)


def _ngram(ngram: Ngram) -> str:
    link = item_address(ngram.benchmark, ngram.item_id)
    name = escape(f"{ngram.benchmark}:{ngram.item_id}")
    exempt = "exempt" if ngram.exempt else ""
    return (
        f"<tr><td><bdi>{escape(ngram.words)}</bdi></td><td>{ngram.num_documents:,}</td>"
        f'<td>{ngram.num_items:,}</td><td><a href="{link}">{name}</a></td><td>{exempt}</td></tr>'
    )
