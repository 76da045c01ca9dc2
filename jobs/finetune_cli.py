"""`winnow finetune`: a model learns a labelled task, as GPT-1 did.

corpus/trainer/finetuning has the work; here are its options, and what is printed of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from corpus.config import load_recipe
from corpus.datasets import open_dataset
from corpus.errors import ConfigError
from corpus.storage import Store
from corpus.trainer import prepare_torch
from corpus.trainer.finetuning.settings import FinetuneSettings
from corpus.trainer.finetuning.tasks import KINDS, Task, make_task
from jobs.options import json_option, root_option
from jobs.progress import say

if TYPE_CHECKING:
    from corpus.trainer.finetuning.bases import Base
    from corpus.trainer.finetuning.runs import Finished, Material
    from corpus.trainer.finetuning.saved import Start

DEFAULTS = FinetuneSettings()
STARTS = {"pretrained": "pre-trained", "from_scratch": "from scratch"}

Options = Mapping[str, Any]


def settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """An option for each of GPT-1's knobs that one turns."""
    told = {
        "epochs": "Times that each row is trained on.",
        "learning_rate": "Peak; a model of 2 M parameters learnt best with 3e-4.",
        "examples_per_step": "Rows of an optimiser step.",
        "examples_per_pass": "Rows in memory at once; changes no result but in the last bits.",
        "max_tokens": "Longest sequence, 0 = the model's context; longer ones are cut.",
        "lm_weight": "Of the language model's loss beside the task's.",
        "dropout": "Share of the last state's features hidden from the task's layer.",
        "model_dropout": "Share that is lost within the model, as in GPT-1's pre-training.",
        "score_every": "Epochs between scores on --dev; the last always has one.",
        "num_threads": "CPU threads, 0 = torch's choice.",
        "device": "auto takes a GPU where there is one.",
    }
    for name, meaning in reversed(told.items()):
        default = getattr(DEFAULTS, name)
        kind = click.Choice(["auto", "cpu", "cuda"]) if name == "device" else type(default)
        option = f"--{name.removeprefix('num_').replace('_', '-')}"
        command = click.option(
            option, name, default=default, type=kind, show_default=True, help=meaning
        )(command)
    return command


@click.command()
@root_option
@click.option("--model", "folder", type=click.Path(path_type=Path), metavar="FOLDER",
              help="A model's folder, of Winnow or a GPT2LMHeadModel, in place of the root's.")
@click.option("--tokenizer", type=click.Path(path_type=Path), metavar="FOLDER",
              help="Of --model; in the folder or beside it where not given.")
@click.option("--task", required=True, metavar="KIND|FILE.toml",
              help=f"{', '.join(KINDS)}; or a file with kind, fields and target.")
@click.option("--field", "fields", multiple=True, metavar="ROLE=FIELD",
              help="Where a role's field has another name; may be given more than once.")
@click.option("--target", type=click.Choice(["class", "score"]),
              help="What labels of similarity are; class where not given.")
@click.option("--train", required=True, metavar="FILE", help="JSON lines, packed or not.")
@click.option("--dev", metavar="FILE", help="Rows to score on.")
@click.option("--hold-out", type=click.FloatRange(0, 1, min_open=True, max_open=True),
              metavar="SHARE", help="Score on this share of --train's rows, instead of --dev.")
@click.option("--train-rows", type=click.IntRange(0), default=0, metavar="N",
              help="Train on N drawn rows; 0 = all.")
@click.option("--from-scratch", is_flag=True, help="Begin with first weights, for comparison.")
@click.option("--compare", is_flag=True, help="Begin with both, and tell the difference.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True,
              help="Of the new parameters, the order and dropout.")
@click.option("--seeds", "num_seeds", type=click.IntRange(1), default=1, show_default=True,
              help="Runs with so many seeds, from --seed on.")
@settings_options
@click.option("--out", type=click.Path(path_type=Path), metavar="FOLDER",
              help="A new folder for the model, or for a folder of each run.")
@json_option
@click.pass_context
def finetune(context: click.Context, /, as_json: bool, **options: Any) -> None:
    """Fine-tune the root's model on labelled rows, and score it on others.

    GPT-1's transforms: classification (text, label), entailment (premise, hypothesis, label),
    similarity (a, b, label), multiple_choice (context, choices, answer, and question where a
    field is named for it). Rows that cannot be read are counted by reason.

    \b
    Example: winnow finetune --root out --task classification --train t.jsonl --dev d.jsonl
             winnow finetune --model gpt/ --task multiple_choice --field context=query \\
                 --field answer=gold --train rows.jsonl.gz --hold-out 0.3 --compare --seeds 5
    """
    given = context.get_parameter_source("root") is not click.core.ParameterSource.DEFAULT
    if options["folder"] and given:
        raise click.UsageError("--root and --model both say which model; give one")
    if (options["dev"] is None) == (options["hold_out"] is None):
        raise click.UsageError("expected one of --dev FILE and --hold-out SHARE")
    if options["from_scratch"] and options["compare"]:
        raise click.UsageError("--compare runs from scratch too; give one of the two")
    if options["tokenizer"] and not options["folder"]:
        raise click.UsageError("--tokenizer goes with --model; a root has its own")
    found = run_all(read_task(options), read_settings(options), options)
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    for line in lines(found):
        click.echo(line)


def read_task(options: Options) -> Task:
    """The task of a kind, or of a file with what --field says laid over it."""
    name, fields, target = options["task"], options["fields"], options["target"]
    if name.endswith(".toml"):
        overrides = [f"fields.{field}" for field in fields]
        if target:
            overrides.append(f"target={target}")
        return load_recipe(Task, name, overrides=overrides)
    if name not in KINDS:
        raise ConfigError(f"--task {name}: expected one of {', '.join(KINDS)}, or FILE.toml")
    return make_task(name, fields, target or "class")


def read_settings(options: Options) -> FinetuneSettings:
    """The settings that options give; raises ConfigError."""
    values = {name: options[name] for name in FinetuneSettings.__struct_fields__ if name in options}
    try:
        return msgspec.convert(values, FinetuneSettings)
    except msgspec.ValidationError as error:
        raise ConfigError(f"finetune: {error}") from error


def run_all(task: Task, settings: FinetuneSettings, options: Options) -> dict[str, Any]:
    """Every run that is asked for, as plain values; with --out each is saved as it ends."""
    prepare_torch()
    from corpus.trainer.finetuning.runs import described, prepare, run, summary
    from corpus.trainer.settings import TrainSettings
    from corpus.trainer.training import torch_set

    base = _base(options)
    material = prepare(
        base, task, settings, train=options["train"], dev=options["dev"],
        share_held_out=options["hold_out"] or 0.0, num_train=options["train_rows"],
    )  # fmt: skip
    for line in row_lines(material.rows):
        say(line)
    starts: list[Start] = ["from_scratch"] if options["from_scratch"] else ["pretrained"]
    if options["compare"]:
        starts = ["pretrained", "from_scratch"]
    seeds = range(options["seed"], options["seed"] + options["num_seeds"])
    done, name = [], "accuracy"
    with torch_set(
        TrainSettings(device=settings.device, num_threads=settings.num_threads)
    ) as device:
        for seed in seeds:
            for start in starts:
                say(f"{STARTS[start]}, seed {seed}, {len(material.train):,} rows on {device}")
                finished = run(
                    base, material, settings, start=start, seed=seed, device=device, log=say
                )
                done.append(described(finished))
                name = finished.measures.name
                _save(finished, base, material, settings, options["out"], len(starts) * len(seeds))
    return {
        "task": msgspec.to_builtins(task),
        "settings": msgspec.to_builtins(settings),
        "rows": material.rows,
        "classes": list(material.targets.classes),
        "runs": done,
        "summary": summary(material, done, name),
    }


def _base(options: Options) -> Base:
    from corpus.trainer.finetuning.bases import open_base

    if options["folder"]:
        return open_base(options["folder"], options["tokenizer"])
    store = Store(options["root"])
    tokenizer = open_dataset(store, "tokenizer").folder()
    return open_base(open_dataset(store, "model").folder(), tokenizer)


def _save(
    finished: Finished, base: Base, material: Material, settings: FinetuneSettings,
    out: Path | None, num_runs: int,
) -> None:  # fmt: skip
    if out is None:
        return
    from corpus.shard_exports import new_folder
    from corpus.trainer.finetuning.runs import described
    from corpus.trainer.finetuning.saved import save_finetuned

    place = out if num_runs == 1 else out / f"{finished.start}-seed-{finished.seed}"
    with new_folder(place) as built:
        save_finetuned(
            finished.model, base.vocabulary, built, targets=material.targets, settings=settings,
            start=finished.start, seed=finished.seed,
            results={"rows": material.rows, **described(finished)},
        )  # fmt: skip
    say(f"saved in {place}")


def row_lines(rows: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """What was taken of the files."""
    for name, counts in rows.items():
        reasons = ", ".join(f"{num:,} {reason}" for reason, num in counts["dropped"].items() if num)
        dropped = sum(counts["dropped"].values())
        yield (
            f"{name}: {counts['taken']:,} rows, {dropped:,} dropped"
            + (f" ({reasons})" if reasons else "")
            + f", {counts['used']:,} used, {counts['cut']:,} of them cut to fit"
        )


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """The result: a line for each run, the means, and the difference."""
    yield from row_lines(found["rows"])
    figure = found["summary"]["figure"]
    for one in found["runs"]:
        last = one["epochs"][-1]
        shown = [name for name in last if name not in (figure, "epoch", "num_examples")]
        others = "".join(f", {name} {last[name]:.4f}" for name in shown)
        yield (
            f"{STARTS[one['start']]}, seed {one['seed']}: {figure} {_interval(last[figure])} of "
            f"{last['num_examples']:,}{others}; {one['steps']:,} steps, {one['seconds']:,.0f} s"
        )
    if "commonest" in found["summary"]:
        yield f"always the commonest answer: {figure} {found['summary']['commonest']:.4f}"
    num_seeds = len({one["seed"] for one in found["runs"]})
    if num_seeds > 1:
        for start, value in found["summary"]["means"].items():
            yield f"mean of {num_seeds} seeds, {STARTS[start]}: {figure} {_interval(value)}"
    if "difference" in found["summary"]:
        difference = _interval(found["summary"]["difference"])
        yield f"pre-trained less from scratch, seed by seed: {difference}"


def _interval(value: Mapping[str, float | None]) -> str:
    if value["low"] is None:
        return f"{value['value']:.4f}"
    return f"{value['value']:.4f} ({value['low']:.4f} to {value['high']:.4f})"


__all__ = ["finetune"]
