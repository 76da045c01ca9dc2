"""The classifier card as a section of the page. Every word of a document is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from jobs.reporting.charts import curve, histogram, legend, measured, plural, share, stacked_bar
from jobs.reporting.facts import ClassifierFacts
from jobs.reporting.sections import section

NAME, TITLE = "classifier", "The classifier"
METRICS = {
    "auc": "AUC",
    "average_precision": "average precision",
    "log_loss": "log loss, equal priors",
    "brier": "Brier score, equal priors",
}
CAUSES = {
    "near_duplicate_of_negative": "near-duplicates of a negative",
    "benchmark_text": "with benchmark text",
    "held_out_twins": "held-out documents with a twin that was learnt from",
}
RULES = {
    "pareto": "P(keep) = (2 - s)^-{alpha:.2f}",
    "threshold": "scores from {threshold:.4f} up stay",
    "top_fraction": "the best stay: scores from {threshold:.4f} up",
    "proportional": "P(keep) = s",
    "all": "all stay",
}
MAX_WORD = 60  # characters of a word that are shown

Row = Mapping[str, Any]


def classifier_section(facts: ClassifierFacts | None) -> str:
    """The section `classifier`; a sentence where the run has none."""
    if facts is None:
        return ""
    if not facts.card["trained"]:
        return section(NAME, TITLE, f"No classifier: {escape(facts.card['why'])}.", "")
    card, held_out = facts.card, facts.card["held_out"]
    lead = (
        f"A {escape(card['kind'])} classifier that learnt from {card['positives']['num_train']:,} "
        f"positives and {card['negatives']['num_train']:,} negatives, measured on "
        f"{held_out['num_positives']:,} and {held_out['num_negatives']:,} of other domains. "
        "Intervals are of 95 %, by bootstrap over domains; for shares kept, Wilson's."
    )
    body = _metrics(held_out) + _leaks(card) + _held_out_charts(held_out)
    body += _keep_rates(facts) + _alpha(held_out["alpha"]) + _sweep(card)
    body += _domains(facts.domains) + _words(card.get("words", {})) + _drift(facts)
    return section(NAME, TITLE, lead, body)


def _metrics(held_out: Row) -> str:
    rows = "".join(
        f'<tr><th scope="row">{name}</th><td>{held_out[key]:.4f}</td>'
        f"<td>{_interval(held_out['intervals'][key])}</td></tr>"
        for key, name in METRICS.items()
    )
    error = held_out["calibration_error"]
    rows += f'<tr><th scope="row">calibration error</th><td>{error:.4f}</td><td></td></tr>'
    divided = held_out["divided_domains"]
    note = (
        f"<p class='quiet'>{len(divided):,} {plural(len(divided), 'domain')} too large to stand on "
        "one side: their documents were drawn one by one.</p>"
        if divided
        else ""
    )
    return f"<table class='narrow'><tr><th>held out</th><th></th><th></th></tr>{rows}</table>{note}"


def _leaks(card: Row) -> str:
    left = card["left_out"]
    said = ", ".join(f"{left[cause]:,} {name}" for cause, name in CAUSES.items())
    return f"<p class='quiet'>Left out so that nothing leaks: {said}.</p>"


def _held_out_charts(held_out: Row) -> str:
    # Shares, so that the smaller class can be seen.
    series = {
        name: [1000 * n / max(sum(held_out[key]), 1) for n in held_out[key]]
        for name, key in (
            ("positives", "histogram_positives"), ("negatives", "histogram_negatives"),
        )
    }  # fmt: skip
    points = [
        (row["mean_score"], row["positive_share"], _ends(row["interval"]))
        for row in held_out["calibration"]
    ]
    return (
        "<h3>Scores of the held-out documents</h3>"
        + legend(list(series))
        + histogram(
            {name: [round(n) for n in counts] for name, counts in series.items()},
            held_out["histogram_edges"],
            title="Scores of held-out positives and negatives, of a thousand each",
            axis="quality score; documents of a thousand",
        )
        + "<h3>Calibration</h3>"
        + legend(["as it should be", "share of positives"])
        + measured(
            points, [(0.0, 0.0), (1.0, 1.0)],
            title="Calibration", axis="mean score; share of positives under equal priors",
        )
    )  # fmt: skip


def _keep_rates(facts: ClassifierFacts) -> str:
    numbers = {"alpha": 0.0, "threshold": 0.0} | {
        name: value for name, value in facts.rule.items() if value is not None
    }
    law = RULES[facts.rule["keep"]].format(**numbers)
    middles = [(row["low"] + row["high"]) / 2 for row in facts.rates]
    placed = list(zip(middles, facts.rates, strict=True))
    points = [(x, row["rate"], _ends(row["interval"])) for x, row in placed]
    rows = "".join(
        f"<tr><td>{row['low']:.2f}-{row['high']:.2f}</td><td>{row['num']:,}</td>"
        f"<td>{row['num_kept']:,}</td><td>{share(row['rate'], 2)}</td>"
        f"<td>{_interval(row['interval'])}</td><td>{share(row['law'], 2)}</td></tr>"
        for row in facts.rates
    )
    head = "<tr><th>score</th><th>judged</th><th>kept</th><th>share</th><th></th><th>law</th></tr>"
    return (
        f"<h3>Share kept by score</h3><p class='quiet'>The rule: {escape(law)}.</p>"
        + legend(["the rule's law", "kept"])
        + measured(
            points, facts.law,
            title="Share kept by score", axis="quality score",
        )
        + f"<details><summary>The numbers</summary><table>{head}{rows}</table></details>"
    )  # fmt: skip


def _alpha(fitted: Row) -> str:
    end = {"low": "the low end", "high": "the high end"}.get(fitted["at_bound"] or "", "")
    said = f" It is {end} of the range." if end else ""
    return (
        f"<h3>The exponent that fits</h3><p class='quiet'>Negatives kept with alpha "
        f"{fitted['alpha']:.2f} ({_interval(fitted['interval'], 2)}) score most like held-out "
        f"positives: distance {fitted['distance']:.4f}, Kolmogorov-Smirnov "
        f"{fitted['kolmogorov_smirnov']:.3f}.{said}</p>"
        + curve(
            [(a, d) for a, d in fitted["curve"]],
            title="Distance of kept negatives' and positives' scores by alpha",
            axis="alpha; distance of the scores' distributions",
        )
    )


def _sweep(card: Row) -> str:
    if not card.get("sweep"):
        return ""
    rows = "".join(
        f"<tr><td>{row['regularisation']:g}</td><td>{_number(row['log_loss'])}</td>"
        f"<td>{_number(row['auc'])}</td>"
        f"<td>{'taken' if row['regularisation'] == card['regularisation'] else ''}</td></tr>"
        for row in card["sweep"]
    )
    return (
        "<details><summary>Penalty, chosen over folds of domains</summary><table class='narrow'>"
        f"<tr><th>C</th><th>log loss</th><th>AUC</th><th></th></tr>{rows}</table></details>"
    )


def _domains(domains: Sequence[Row]) -> str:
    if not domains:
        return ""
    rows = "".join(
        f"<tr><th>{escape(_cut(row['domain']))}</th><td class='wide'>"
        f"{stacked_bar([('kept', row['rate'])], 1)}</td><td>{row['num_kept']:,} of "
        f"{row['num']:,}</td></tr>"
        for row in domains
    )
    return f"<h3>Share kept of the largest domains</h3><table class='reasons'>{rows}</table>"


def _words(words: Mapping[str, Sequence[Row]]) -> str:
    shown = "".join(
        f"<h3>Words of the {side}s</h3><ol class='words'>"
        + "".join(
            f"<li>{escape(_cut(', '.join(row['words'])))} "
            f"<span class='quiet'>{row['weight']:+.2f}</span></li>"
            for row in words[side]
        )
        + "</ol>"
        for side in ("positive", "negative")
        if words.get(side)
    )
    return f"<details><summary>The words that tell most</summary>{shown}</details>" if shown else ""


def _drift(facts: ClassifierFacts) -> str:
    if not facts.drift:
        return ""
    rows = "".join(
        f"<tr><th scope='row'>{escape(row['source'])}</th><td>{row['num_before']:,}</td>"
        f"<td>{row['num_after']:,}</td><td>{row['mean_before']:.3f}</td>"
        f"<td>{row['mean_after']:.3f}</td><td>{row['psi']:.3f}</td>"
        f"<td>{row['kolmogorov_smirnov']:.3f}</td></tr>"
        for row in facts.drift["sources"]
    )
    change, cosine = facts.drift["auc_change"], facts.drift["cosine"]
    said = f"Held-out AUC {change:+.4f}. " if change is not None else ""
    said += f"Cosine of the weights {cosine:.3f}." if cosine is not None else ""
    head = (
        "<tr><th>source</th><th>before</th><th>after</th><th>mean before</th><th>mean after</th>"
        "<th>PSI</th><th>KS</th></tr>"
    )
    return (
        f"<h3>Drift</h3><p class='quiet'>Scores against those of {escape(_cut(facts.against))}. "
        f"{said}</p><table>{head}{rows}</table>"
    )


def _interval(ends: Sequence[float] | None, digits: int = 4) -> str:
    return f"{ends[0]:.{digits}f} to {ends[1]:.{digits}f}" if ends else "too few domains"


def _ends(ends: Sequence[float] | None) -> tuple[float, float] | None:
    return (ends[0], ends[1]) if ends else None


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _cut(text: str) -> str:
    return text if len(text) <= MAX_WORD else text[: MAX_WORD - 1] + "…"
