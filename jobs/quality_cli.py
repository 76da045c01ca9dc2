"""`winnow quality`: train a classifier, see how good it is, and why a document has its score."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table

from corpus.datasets import open_dataset
from corpus.errors import ConfigError, InputError
from corpus.storage import Store
from jobs.options import json_option, read_settings, recipe_options, remembered, root_option

if TYPE_CHECKING:
    from filters.quality.classifiers.explain import Explanation


@click.group()
def quality() -> None:
    """Train a quality classifier, see its card, explain a score, compare two runs.

    \b
    Example: winnow quality train --root build/real --to build/classifier
             winnow quality card --root build/real
             winnow quality explain https://example.com/page --root build/real
             winnow quality compare build/last build/real
    """


@quality.command()
@recipe_options
@json_option
@click.option("--positive", "positives", multiple=True, metavar="SOURCE",
              help="A source of positives; by default the recipe's positive ones.")  # fmt: skip
@click.option("--negative", "negatives", multiple=True, metavar="SOURCE",
              help="A source of negatives; by default the recipe's judged ones.")  # fmt: skip
@click.option("--to", "target", required=True, metavar="FOLDER", type=click.Path(path_type=Path),
              help="Where the model goes; a recipe's quality.model names it.")  # fmt: skip
def train(
    recipe: str | None,
    root: str,
    overrides: tuple[str, ...],
    as_json: bool,
    positives: tuple[str, ...],
    negatives: tuple[str, ...],
    target: Path,
) -> None:
    """Train on a root's documents and write the model and its card to a folder.

    The root needs the stages extract and screen. The model can score any run: set
    quality.model = "FOLDER" in its recipe.

    \b
    Example: winnow quality train --root build/real --to build/classifier
             winnow quality train --root build/real --positive novels --negative crawl \\
                 --set quality.kind=fasttext --to build/books
    """
    from jobs.quality_training import model_files, train_on

    settings = read_settings(*remembered(root, recipe, overrides))
    store = Store(root)
    documents, screen = open_dataset(store, "documents"), open_dataset(store, "screen")
    classes = _classes(settings.sources, positives, negatives)
    log = _silent if as_json else click.echo
    model, card = train_on(documents, screen, classes, settings, log)
    target.mkdir(parents=True, exist_ok=True)
    for name, data in model_files(model, card).items():
        (target / name).write_bytes(data)
    if as_json:
        click.echo(json.dumps(card, indent=1, sort_keys=True))
        return
    _print_card(card)
    click.echo(f'{target}: the model; use it by --set quality.model="{target.resolve()}"')


@quality.command()
@root_option
@json_option
def card(root: str, as_json: bool) -> None:
    """Show how good a run's classifier is, and what its rule kept.

    \b
    Example: winnow quality card --root build/real
    """
    from jobs.reporting.classifier import gather_classifier

    facts = gather_classifier(Store(root))
    if as_json:
        click.echo(json.dumps(facts.to_json(), indent=1, sort_keys=True))
        return
    _print_card(facts.card)
    if facts.card["trained"]:
        _print_rates(facts.rule, facts.rates)


@quality.command()
@click.argument("document", metavar="DOC_ID|URL")
@root_option
@json_option
@click.option("--model", metavar="FOLDER", help="A model of `winnow quality train`; the root's own "
              "where not given.")  # fmt: skip
@click.option("--words", "num_words", default=15, show_default=True, help="Words of each side.")
def explain(document: str, root: str, as_json: bool, model: str | None, num_words: int) -> None:
    """Show a document's score and the words that made it.

    \b
    Example: winnow quality explain https://example.com/page --root build/real
    """
    from filters.quality.classifiers import read_classifier
    from jobs.quality_drift import read_model
    from jobs.quality_training import read_folder
    from jobs.why import lives

    store = Store(root)
    found = [life for life in lives(store, document) if life.text is not None]
    if not found:
        raise InputError(
            f"{document}: no document of {root} has this id or address, and a text; expected "
            "32 hexadecimal digits or a URL: `winnow why` tells what became of it"
        )
    classifier = read_classifier(read_folder(model), where=model) if model else read_model(store)
    if classifier is None:
        raise InputError(
            f"{root}: its recipe trained no quality classifier; expected one: give --model FOLDER, "
            "or run the stage quality with quality.enabled = true and a judged source"
        )
    rows = [_explained(life.name, classifier.explain(life.text or ""), num_words) for life in found]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        _print_explanation(row)


@quality.command()
@click.argument("before", metavar="ROOT_BEFORE")
@click.argument("after", metavar="ROOT_AFTER")
@json_option
def compare(before: str, after: str, as_json: bool) -> None:
    """Show how far the scores have moved from one run to another.

    \b
    Example: winnow quality compare build/last build/real
    """
    from jobs.quality_drift import compare as compare_runs

    found = compare_runs(Store(before), Store(after))
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    table = Table("source", "before", "after", "mean before", "mean after", "PSI", "KS")
    for row in found["sources"]:
        table.add_row(
            row["source"], f"{row['num_before']:,}", f"{row['num_after']:,}",
            *(f"{row[name]:.3f}" for name in
              ("mean_before", "mean_after", "psi", "kolmogorov_smirnov")),
        )  # fmt: skip
    Console().print(table)
    click.echo(
        f"held-out AUC {_shown(found['auc_before'])} before, {_shown(found['auc_after'])} after; "
        f"cosine of the weights {_shown(found['cosine'])}"
    )


def _classes(
    sources: Mapping[str, Any], positives: Sequence[str], negatives: Sequence[str]
) -> dict[str, bool]:
    """Which sources teach, and as what; raises ConfigError."""
    unknown = sorted({*positives, *negatives} - set(sources))
    if unknown:
        raise ConfigError(
            f"{', '.join(unknown)}: no such source; expected of {', '.join(sorted(sources))}"
        )
    both = sorted(set(positives) & set(negatives))
    if both:
        raise ConfigError(f"{', '.join(both)}: both --positive and --negative; expected one")
    marked = {
        quality: [name for name, source in sources.items() if source.quality == quality]
        for quality in ("positive", "judged")
    }
    good = list(positives or marked["positive"])
    bad = list(negatives or marked["judged"])
    return {**{name: False for name in bad if name not in good}, **dict.fromkeys(good, True)}


def _silent(message: str) -> None:
    pass


def _print_card(card: Mapping[str, Any]) -> None:
    if not card["trained"]:
        click.echo(f"no classifier: {card['why']}")
        return
    held_out = card["held_out"]
    table = Table("held out", "value", "95 % interval", title=f"{card['kind']} classifier")
    for name in ("auc", "average_precision", "log_loss", "brier"):
        ends = held_out["intervals"][name]
        shown = f"{ends[0]:.4f} to {ends[1]:.4f}" if ends else "too few domains"
        table.add_row(name.replace("_", " "), f"{held_out[name]:.4f}", shown)
    table.add_row("calibration error", f"{held_out['calibration_error']:.4f}", "")
    alpha = held_out["alpha"]
    ends = alpha["interval"]
    shown = f"{ends[0]:.2f} to {ends[1]:.2f}" if ends else "too few domains"
    table.add_row("alpha that fits", f"{alpha['alpha']:.2f}", shown)
    Console().print(table)
    leaks = card["left_out"]
    click.echo(
        f"{held_out['num_positives']:,} positives and {held_out['num_negatives']:,} negatives of "
        f"{held_out['num_units']:,} domains; left out as leaks: {leaks['positives']:,} positives "
        f"({leaks['near_duplicate_of_negative']:,} near-duplicates of negatives, "
        f"{leaks['benchmark_text']:,} with benchmark text), {leaks['held_out_twins']:,} held out "
        "that have a near-duplicate among those learnt from"
    )
    for side, words in card.get("words", {}).items():
        names = ", ".join("/".join(row["words"]) for row in words[:15])
        click.echo(f"most {side}: {names}")


def _print_rates(rule: Mapping[str, Any], rates: Sequence[Mapping[str, Any]]) -> None:
    numbers = [f"{key} {value:g}" for key, value in rule.items() if isinstance(value, int | float)]
    title = ", ".join([f"kept by the rule {rule['keep']}", *numbers])
    table = Table("score", "judged", "kept", "share", "95 % interval", "law", title=title)
    for row in rates:
        low, high = row["interval"]
        table.add_row(
            f"{row['low']:.2f}-{row['high']:.2f}", f"{row['num']:,}", f"{row['num_kept']:,}",
            f"{row['rate']:.4f}", f"{low:.4f} to {high:.4f}", f"{row['law']:.4f}",
        )  # fmt: skip
    Console().print(table)


def _explained(document: str, found: Explanation, num_words: int) -> dict[str, Any]:
    """The score, and the words of each side that count most; `others` is the sum of the rest."""
    sides = {
        "for": [part for part in found.parts if part.contribution > 0][:num_words],
        "against": [part for part in found.parts if part.contribution < 0][:num_words],
    }
    total = sum(part.contribution for part in found.parts)
    shown = sum(part.contribution for parts in sides.values() for part in parts)
    return {
        "document": document,
        "score": found.score,
        "intercept": found.intercept,
        "log_odds": found.intercept + total,
        "others": total - shown,
        **{side: [asdict(part) for part in parts] for side, parts in sides.items()},
    }


def _print_explanation(row: Mapping[str, Any]) -> None:
    click.echo(
        f"document {row['document']}: score {row['score']:.4f}, log-odds {row['log_odds']:+.3f} = "
        f"intercept {row['intercept']:+.3f} and its words"
    )
    table = Table("word", "times", "log-odds", "shares its place with")
    for side in ("for", "against"):
        for part in row[side]:
            table.add_row(
                part["word"], f"{part['count']:,}", f"{part['contribution']:+.4f}",
                ", ".join(part["shares_with"][:3]),
            )  # fmt: skip
    table.add_row("all others", "", f"{row['others']:+.4f}", "")
    Console().print(table)


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
