"""`winnow eval`: what a model is worth, by source and on benchmarks, clean and dirty."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from corpus.benchmarks import BenchmarkSettings
from corpus.datasets import open_dataset
from corpus.errors import InputError
from corpus.storage import Store
from corpus.trainer import prepare_torch
from jobs.options import json_option, read_settings, recipe_options, remembered

if TYPE_CHECKING:
    from corpus.trainer.evaluation.running import Asking
    from jobs.evaluating.asking import Device, Opened


@click.command("eval")
@recipe_options
@click.option("--model", type=click.Path(path_type=Path, file_okay=False),
              help="Folder of a model: of `winnow run train`, or of GPT2LMHeadModel; the root's "
              "where not given.")  # fmt: skip
@click.option("--tokenizer", type=click.Path(path_type=Path, file_okay=False),
              help="Folder of its tokenizer; the root's, or the folder's own, where not given.")
@click.option("--tasks", "wanted", multiple=True, metavar="NAME[,NAME]",
              help="`validation`, or a benchmark of the recipe; all where not given.")
@click.option("--shots", type=click.IntRange(0), default=0, show_default=True,
              help="Examples before each question.")
@click.option("--limit", type=click.IntRange(0), default=0, show_default=True,
              help="Rows of each benchmark at most, drawn by the seed, or first lines of a text; "
              "0 = all.")  # fmt: skip
@click.option("--validation-tokens", type=click.IntRange(0), default=0, show_default=True,
              help="First tokens of validation that are scored; 0 = all.")
@click.option("--seed", default=0, show_default=True, help="Of the rows and examples drawn.")
@click.option("--examples", multiple=True, metavar="BENCHMARK=FILE",
              help="Train set that examples are drawn from.")
@click.option("--sequences", type=click.IntRange(1), default=16, show_default=True,
              help="Sequences in memory at once.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]),
              help="Where it runs; as it was trained, or auto, where not given.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write the JSON with each item's score here.")
@json_option
def evaluate(
    recipe: str | None,
    root: str,
    overrides: tuple[str, ...],
    model: Path | None,
    tokenizer: Path | None,
    wanted: tuple[str, ...],
    shots: int,
    limit: int,
    validation_tokens: int,
    seed: int,
    examples: tuple[str, ...],
    sequences: int,
    device: Device | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Score a model: validation loss by source, perplexities, and benchmarks as GPT-3 was.

    The recipe says where the benchmarks lie, as it does for contamination; each is asked as
    corpus/trainer/evaluation/tasks.py has it. Where the root knows which items the corpus holds,
    clean, dirty and all are told apart. Files beside a benchmark's with `train` in their name give
    the examples.

    \b
    Example: winnow eval --root build/real --limit 200
             winnow eval --root build/real --tasks arc_easy,gsm8k --shots 5 --output scores.json
             winnow eval --model gpt2/ --recipe real_pages --set data=DATA --tasks lambada
    """
    from jobs.evaluating.asking import VALIDATION, chosen
    from jobs.evaluating.showing import lines

    prepare_torch()
    from corpus.trainer.evaluation.running import Asking

    names = [name for one in wanted for name in one.split(",") if name]
    settings = read_settings(*remembered(root, recipe, overrides))
    asked = chosen(settings.contamination.benchmarks, names)
    trains = _pairs(examples, asked)
    how = Asking(num_shots=shots, limit=limit, seed=seed, num_sequences=sequences)
    if output is not None and not output.parent.is_dir():
        raise InputError(f"--output {output}: no such folder; expected one to write the file into")
    store = Store(root)
    with _opened(store, model, tokenizer, device) as found:
        rows = None
        if not shots and (not names or VALIDATION in names):
            rows = _validation(store, found, sequences, validation_tokens, names)
        results = _ask(store, found, asked, trains, how, names)
    told = {
        "model": str(found.folder), "shots": shots, "limit": limit, "seed": seed,
        "validation": rows, "benchmarks": results,
    }  # fmt: skip
    if output is not None:
        output.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    if as_json:
        click.echo(json.dumps(told, indent=1))
        return
    for line in lines(told):
        click.echo(line)


def _opened(
    store: Store, model: Path | None, tokenizer: Path | None, device: Device | None
) -> AbstractContextManager[Opened]:
    """The model that is meant: the root's, with the root's tokenizer, or another."""
    from jobs.evaluating.asking import opened

    if model is None:
        model = open_dataset(store, "model").folder()
        tokenizer = tokenizer or open_dataset(store, "tokenizer").folder()
    return opened(model, tokenizer, device)


def _validation(
    store: Store, found: Opened, num_sequences: int, num_tokens: int, wanted: Sequence[str]
) -> list[dict[str, Any]] | None:
    """Loss by source; None, or InputError where it is wanted, where the root has no such shards."""
    from jobs.evaluating.asking import VALIDATION, validation_by_source

    started = time.perf_counter()
    rows = validation_by_source(
        store, found, num_sequences=num_sequences, num_tokens=num_tokens
    )
    if rows is not None:
        seconds = time.perf_counter() - started
        _log(f"{VALIDATION}: {rows[-1]['num_tokens']:,} tokens in {seconds:,.1f} s")
    elif VALIDATION in wanted:
        raise InputError(
            f"--tasks {VALIDATION}: {store.root} has no shards with provenance of the model's "
            "tokenizer; expected those that it was trained on"
        )
    return rows


def _ask(
    store: Store,
    found: Opened,
    asked: Mapping[str, tuple[str, BenchmarkSettings]],
    trains: Mapping[str, str],
    how: Asking,
    wanted: Sequence[str],
) -> list[dict[str, Any]]:
    """The results of all benchmarks; raises InputError where one that is wanted has none."""
    from jobs.evaluating.asking import ask_all
    from jobs.evaluating.clean import dirty_items, told

    results = [
        told(result, dirty_items(store, result.benchmark))
        for result in ask_all(found, asked, trains, how, _log)
    ]
    missing = {*wanted} & {*asked} - {one["benchmark"] for one in results}
    if missing:
        raise InputError(f"--tasks {', '.join(sorted(missing))}: not asked, as is said above")
    return results


def _pairs(given: tuple[str, ...], asked: Mapping[str, Any]) -> dict[str, str]:
    """BENCHMARK=FILE as a mapping; raises InputError."""
    found = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not value or name not in asked:
            names = ", ".join(asked)
            raise InputError(f"--examples {one}: expected BENCHMARK=FILE, of {names}")
        found[name] = value
    return found


def _log(line: str) -> None:
    click.echo(f"eval: {line}", err=True)


eval = evaluate
"""As the group of commands looks for it."""

__all__ = ["eval"]
