"""`winnow train`: a GPT from shards that are there, alone or on several ranks.

The stage `train` is the same run in a root; this one wants nothing but shards, a tokenizer and a
recipe's [train], so that it can run where the corpus is not, and any number of times beside it.
"""

from __future__ import annotations

import os
from pathlib import Path

import click

from corpus.datasets import open_dataset
from corpus.storage import Store
from corpus.trainer import prepare_torch
from jobs.options import read_settings, recipe_options, remembered

FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.option("--output", required=True, type=FOLDER, help="Folder of the model; taken up again "
              "where it holds an unfinished run.")  # fmt: skip
@click.option("--shards", type=FOLDER, help="Shards to train on; the root's where not given.")
@click.option("--tokenizer", type=FOLDER, help="Their tokenizer; the root's where not given.")
@click.option("--seed", type=int, help="Of weights and order; the recipe's where not given.")
@recipe_options
def train(
    output: Path,
    shards: Path | None,
    tokenizer: Path | None,
    seed: int | None,
    recipe: str | None,
    root: str,
    overrides: tuple[str, ...],
) -> None:
    """Train the recipe's GPT on shards into a folder of its own.

    Under torchrun it trains on all its ranks: the batches, and so the loss, are those of one rank.
    SIGTERM ends it after a step, with a checkpoint; the same command goes on from it.

    \b
    Example: winnow train --root out --output runs/a --set train.num_tokens=5_000_000
             winnow train --recipe gpt3 --shards S --tokenizer T --output runs/b --seed 2
             torchrun --no-python --nproc-per-node 8 winnow train --root out --output runs/c
    """
    name, laid_over = remembered(root, recipe, overrides)
    settings = read_settings(name, laid_over)
    store = Store(root)
    shards = shards or open_dataset(store, "shards").folder()
    tokenizer = tokenizer or open_dataset(store, "tokenizer").folder()
    seed = settings.seed if seed is None else seed
    prepare_torch()
    from corpus.trainer.generation.texts import write_samples
    from corpus.trainer.training import train as train_model

    output.mkdir(parents=True, exist_ok=True)
    result = train_model(
        settings.train, seed=seed, shards=shards, tokenizer=tokenizer, folder=output, log=click.echo
    )
    if int(os.environ.get("RANK", "0")) > 0:
        return
    write_samples(output, tokenizer=tokenizer, settings=settings.train, seed=seed)
    found = result.validation
    if found is not None:
        per_byte = "" if found.bits_per_byte is None else f", {found.bits_per_byte:.4f} bits a byte"
        click.echo(f"validation loss {found.loss:.4f} nats a token{per_byte}")
    click.echo(f"{output}: {result.step:,} steps")
