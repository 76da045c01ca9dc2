"""The report's first page as HTML: no script, no network, every word of a document escaped.

`write_page` is pure: facts in, the page out. The content security policy allows the inline style
and nothing else, so that even a mistake here could neither run a script nor fetch anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from importlib import resources
from typing import Any

from jobs.reporting.ablation import ablation_section
from jobs.reporting.charts import (
    histogram,
    legend,
    lines,
    number,
    plural,
    share,
    stacked_bar,
)
from jobs.reporting.classifier_page import classifier_section
from jobs.reporting.contamination_page import FILE as CONTAMINATION
from jobs.reporting.duplicates_page import duplicates_section, short
from jobs.reporting.facts import (
    DOCUMENT_STAGES,
    BenchmarkFacts,
    Facts,
)
from jobs.reporting.funnel import funnel
from jobs.reporting.sections import section

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def write_page(facts: Facts) -> str:
    """The whole page."""
    style = (resources.files("jobs") / "report.css").read_text("utf-8")
    sections = [
        _summary(facts),
        section(
            "funnel",
            "The funnel",
            "What each stage was given, what it kept, and why the rest fell.",
            funnel(facts),
        ),
        _sources(facts),
        _scores(facts),
        classifier_section(facts.classifier),
        duplicates_section(facts.duplicates),
        _contamination(facts),
        _mixture(facts),
        _training(facts),
        ablation_section(facts.ablation),
    ]
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(facts.name)} · Winnow</title>
<style>
{style}</style>
</head>
<body>
<main>
{"".join(sections)}
</main>
</body>
</html>
"""


def _summary(facts: Facts) -> str:
    stages = {stage.name: stage for stage in facts.stages}
    last = [row for row in facts.training if "validation_loss" in row]
    tiles = [
        (number(stages["extract"].taken), "captures and lines read"),
        (number(stages["mix"].kept), "documents kept"),
        (number(facts.tokens.get("train", 0)), "training tokens"),
        (f"{last[-1]['validation_loss']:.3f}" if last else "-", "validation loss"),
    ]
    boxes = "".join(f"<div><b>{value}</b><span>{label}</span></div>" for value, label in tiles)
    return f"""
<header>
<p class="brand">Winnow</p>
<h1>{escape(facts.name)}</h1>
<p class="lead">{escape(facts.description)}</p>
<div class="tiles">{boxes}</div>
</header>
"""


def _sources(facts: Facts) -> str:
    names = {"extract": "texts"}
    head = "".join(f"<th>{names.get(stage, stage)}</th>" for stage in DOCUMENT_STAGES)
    rows = "".join(
        f'<tr><th scope="row">{escape(source.name)}</th>'
        + "".join(f"<td>{source.kept[stage]:,}</td>" for stage in DOCUMENT_STAGES)
        + f"<td>{number(source.tokens)}</td></tr>"
        for source in facts.sources
    )
    return section(
        "sources",
        "The sources",
        "Documents of each source that each stage left, and the tokens they became.",
        f"<table><tr><th>source</th>{head}<th>tokens</th></tr>{rows}</table>"
        + _languages(facts.languages),
    )


def _languages(languages: Sequence[tuple[str, int]]) -> str:
    if not languages:
        return ""
    most = languages[0][1]
    rows = "".join(
        f"<tr><th>{escape(language)}</th><td class='wide'>{stacked_bar([('kept', n)], most)}</td>"
        f"<td>{n:,}</td></tr>"
        for language, n in languages[:10]
    )
    return f'<h3>Languages found</h3><table class="reasons">{rows}</table>'


def _scores(facts: Facts) -> str:
    body = legend(list(facts.scores)) + histogram(
        facts.scores, facts.score_edges, title="Quality score by source", axis="quality score"
    )
    body += "<h3>Length</h3>" + legend(list(facts.lengths))
    body += histogram(
        facts.lengths,
        facts.length_edges,
        title="Characters of a document",
        axis="characters of a document",
        is_logarithmic=True,
    )
    lead = "The classifier's score of each document it judged, and the length of the texts."
    return section("scores", "Scores and lengths", lead, body)


def _contamination(facts: Facts) -> str:
    if not facts.benchmarks:
        return section("contamination", "Contamination", "No benchmark was given.", "")
    sources = sorted({source for b in facts.benchmarks for source in b.overlap})
    head = "".join(f"<th>{escape(source)}</th>" for source in sources)
    rows = "".join(_benchmark_row(benchmark, sources) for benchmark in facts.benchmarks)
    body = f"""<table><tr><th>benchmark</th><th>items</th><th>dirty</th><th>N</th>{head}</tr>
{rows}</table>"""
    body += f'<p><a href="{CONTAMINATION}">Every item, with the passages that match it</a></p>'
    if facts.hits:
        body += f"<h3>Longest matches</h3><table class='text'>{_hits(facts)}</table>"
    lead = (
        "Items of which the corpus held an N-gram, and the share of each benchmark's 8-grams "
        f"found in each source. {facts.num_cut:,} {plural(facts.num_cut, 'document')} lost the "
        "matches and their surroundings."
    )
    return section("contamination", "Contamination", lead, body)


def _benchmark_row(benchmark: BenchmarkFacts, sources: Iterable[str]) -> str:
    num, dirty = benchmark.num_dirty, benchmark.num_dirty / max(1, benchmark.num_items)
    cells = "".join(f"<td>{share(benchmark.overlap.get(s, 0.0), 2)}</td>" for s in sources)
    return (
        f'<tr><th scope="row">{escape(benchmark.name)}</th><td>{benchmark.num_items:,}</td>'
        f"<td>{num:,} ({share(dirty)})</td><td>{benchmark.ngram_size}</td>{cells}</tr>"
    )


def _hits(facts: Facts) -> str:
    rows = (
        f"<tr><td>{short(hit.benchmark)} {short(hit.item_id)}</td><td>{short(hit.ngram)}"
        f"{' <i>frequent, kept</i>' if hit.exempt else ''}</td>"
        f'<td class="url">{short(hit.url)}</td></tr>'
        for hit in facts.hits
    )
    return "<tr><th>item</th><th>first N-gram</th><th>page</th></tr>" + "".join(rows)


def _mixture(facts: Facts) -> str:
    drawn = sum(row["drawn_tokens"] for row in facts.mixture) or 1
    of_sources = facts.tokenizer.get("of_sources", {})
    rows = "".join(
        _mixture_row(row, drawn, of_sources.get(row["source"])) for row in facts.mixture
    )
    shards = ", ".join(
        f"{number(tokens)} {escape(split)} tokens in {facts.num_shards.get(split, 0):,} "
        f"{plural(facts.num_shards.get(split, 0), 'shard')}"
        for split, tokens in facts.tokens.items()
    )
    per_token = facts.tokenizer.get("bytes_per_token")
    words = f"{per_token:.2f} bytes a token" if per_token else "no text"
    facts_line = (
        f"A byte-level vocabulary of {facts.tokenizer.get('vocab_size', 0):,} tokens "
        f"({words}, {escape(str(facts.tokenizer.get('dtype', '')))}); {shards}."
    )
    head = (
        "<tr><th>source</th><th>asked</th><th>drawn</th><th></th><th>epochs</th>"
        "<th>documents drawn</th><th>tokens drawn</th><th>off the plan</th>"
        "<th>bytes a token</th></tr>"
    )
    return section("mixture", "Mixture and tokens", facts_line, f"<table>{head}{rows}</table>")


def _mixture_row(row: dict[str, Any], drawn: int, per_token: float | None) -> str:
    got = row["drawn_tokens"] / drawn
    planned = row["planned_tokens"]
    off = f"{row['drawn_tokens'] / planned - 1:+.3%}" if planned else ""
    return (
        f'<tr><th scope="row">{escape(row["source"])}</th><td>{share(row["weight"])}</td>'
        f"<td>{share(got)}</td><td class='wide'>{stacked_bar([('kept', got)], 1)}</td>"
        f"<td>{row['epochs']:.2f}</td><td>{row['drawn_documents']:,}</td>"
        f"<td>{number(row['drawn_tokens'])}</td><td>{off}</td>"
        f"<td>{'' if per_token is None else f'{per_token:.2f}'}</td></tr>"
    )


def _training(facts: Facts) -> str:
    series = {
        "training": [(r["step"], r["loss"]) for r in facts.training if "loss" in r],
        "validation": [
            (r["step"], r["validation_loss"]) for r in facts.training if "validation_loss" in r
        ],
    }
    chart = lines(series, title="Loss by step", axis="step")
    sample = f"<h3>Sample</h3><pre>{escape(facts.sample)}</pre>" if facts.sample.strip() else ""
    steps = max((row["step"] for row in facts.training), default=0)
    body = legend(list(series)) + chart + sample
    return section("training", "Training", f"Loss in nats a token over {steps:,} steps.", body)
