"""Train the recipe's GPT on the shards.

Runs on this machine, without Spark: a step needs all of the model and a few thousand tokens.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from corpus.trainer import prepare_torch

if TYPE_CHECKING:
    from jobs.parts import Job


def run(job: Job) -> None:
    """Write `model`: checkpoints, config.json, train.jsonl, timing.jsonl and sample.txt."""
    prepare_torch()
    from corpus.trainer.generation.texts import write_samples
    from corpus.trainer.training import train

    settings, tokenizer = job.recipe.train, job.input("tokenizer").folder()
    with job.folder("model", keep=True) as folder:
        result = train(
            settings,
            seed=job.seed,
            shards=job.input("shards").folder(),
            tokenizer=tokenizer,
            folder=folder,
            log=job.log,
        )
        write_samples(folder, tokenizer=tokenizer, settings=settings, seed=job.seed)
    if result.validation is not None:
        job.log(
            f"{result.step:,} steps, validation loss {result.validation.loss:.4f} nats per token"
        )


if __name__ == "__main__":
    from jobs.cli import main

    main(["run", "train", *sys.argv[1:]])
