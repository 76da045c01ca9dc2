"""Runs of one task: rows made ready once, then a model fine-tuned for each start and seed.

Beside the pre-trained model its architecture can be trained from first weights, on the same rows,
in the same order, by the same settings: what is between the two is what pre-training gave.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from corpus.errors import ConfigError
from corpus.ledger import Ledger
from corpus.trainer.finetuning.bases import Base
from corpus.trainer.finetuning.classifier import Classifier
from corpus.trainer.finetuning.encoding import Encoded, Targets, encode_examples, learn_targets
from corpus.trainer.finetuning.measures import Interval, Measures, commonest, mean
from corpus.trainer.finetuning.saved import Start
from corpus.trainer.finetuning.settings import FinetuneSettings
from corpus.trainer.finetuning.tasks import (
    UNKNOWN_LABEL,
    Example,
    Rows,
    Task,
    draw,
    hold_out,
    read_examples,
)
from corpus.trainer.finetuning.training import Progress, finetune


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """A task's rows as the model is given them."""

    task: Task
    targets: Targets
    train: list[Encoded]
    dev: list[Encoded]
    rows: dict[str, Any]
    """What the files gave: rows taken, kept, dropped by reason, and used."""


class Finished(NamedTuple):
    """A run that is over."""

    start: Start
    seed: int
    model: Classifier
    progress: Progress

    @property
    def measures(self) -> Measures:
        """Development scores of the last weights."""
        return self.progress.epochs[max(self.progress.epochs)]


def prepare(
    base: Base,
    task: Task,
    settings: FinetuneSettings,
    *,
    train: str,
    dev: str | None,
    share_held_out: float = 0.0,
    num_train: int = 0,
) -> Material:
    """Read and encode both files; without dev a share of train's rows is held out for it.

    num_train: train on so many drawn rows; 0 = all. Raises InputError and ConfigError.
    """
    context = min(settings.max_tokens or base.shape.context, base.shape.context)
    read = read_examples(train, task)
    examples = read.examples
    held: list[Example] = []
    if dev is None:
        examples, held = hold_out(examples, share_held_out)
    if num_train:
        examples = draw(examples, num_train)
    if not examples:
        raise ConfigError(
            f"{train}: no row is left to train on; expected less to be held out, or --dev"
        )
    targets = learn_targets(task, examples, where=train)
    counts = {"train": {**read.ledger.to_json()["rows"], "used": len(examples)}}
    if dev is None:
        apart = _of_known_classes(held, targets, where=train)
    else:
        apart = read_examples(dev, task, classes=targets.classes or None)
    counts["dev"] = {**apart.ledger.to_json()["rows"], "used": len(apart.examples)}
    encoded = [
        encode_examples(rows, task, targets, base.vocabulary, context=context)
        for rows in (examples, apart.examples)
    ]
    for name, rows in zip(counts, encoded, strict=True):
        counts[name]["cut"] = sum(example.is_cut for example in rows)
    return Material(task=task, targets=targets, train=encoded[0], dev=encoded[1], rows=counts)


def _of_known_classes(held: Sequence[Example], targets: Targets, *, where: str) -> Rows:
    """Rows that were held out, without those of classes that no row is left of to train on."""
    known = [one for one in held if not targets.classes or one.label in targets.classes]
    if not known:
        raise ConfigError(
            f"{where}: none of its rows is held out to score on; expected more rows, a larger "
            "share with --hold-out, or a file of its own with --dev"
        )
    ledger = Ledger()
    account = ledger.account()
    account.taken, account.kept = len(held), len(known)
    if len(known) < len(held):
        account.dropped[UNKNOWN_LABEL] += len(held) - len(known)
    return Rows(known, ledger)


def run(
    base: Base,
    material: Material,
    settings: FinetuneSettings,
    *,
    start: Start,
    seed: int,
    device: torch.device,
    log: Callable[[str], None],
) -> Finished:
    """Fine-tune a model from one start by one seed."""
    gpt = base.pretrained() if start == "pretrained" else base.from_scratch(seed)
    num_outputs = material.targets.num_outputs
    model = Classifier(gpt.to(device), material.task, num_outputs, seed=seed)
    progress = finetune(
        model, material.train, material.dev, material.targets, settings, seed=seed, log=log
    )
    return Finished(start, seed, model, progress)


def described(one: Finished) -> dict[str, Any]:
    """A run as plain values."""
    task_loss, lm_loss = one.progress.losses[-1]
    return {
        "start": one.start,
        "seed": one.seed,
        "steps": len(one.progress.losses),
        "seconds": round(one.progress.seconds, 3),
        "last_task_loss": task_loss,
        "last_lm_loss": lm_loss,
        "epochs": [
            {"epoch": epoch, **_plain(measures)} for epoch, measures in one.progress.epochs.items()
        ],
    }


def _plain(measures: Measures) -> dict[str, Any]:
    return {
        measures.name: plain_interval(measures.main),
        **measures.others,
        "num_examples": measures.num_examples,
    }


def plain_interval(value: Interval) -> dict[str, float | None]:
    """For JSON, which has no NaN."""
    low, high = (None if bound != bound else bound for bound in (value.low, value.high))
    return {"value": value.value, "low": low, "high": high}


def summary(material: Material, done: Sequence[dict[str, Any]], name: str) -> dict[str, Any]:
    """Means over seeds by start, and their difference where both were run; done: described()."""
    by_start: dict[str, list[float]] = {}
    for one in done:
        by_start.setdefault(one["start"], []).append(one["epochs"][-1][name]["value"])
    told: dict[str, Any] = {
        "figure": name,
        "means": {start: plain_interval(mean(values)) for start, values in by_start.items()},
    }
    if name == "accuracy":
        told["commonest"] = commonest(material.train, material.dev)
    if len(by_start) == 2:
        pairs = zip(by_start["pretrained"], by_start["from_scratch"], strict=True)
        told["difference"] = plain_interval(mean([ours - theirs for ours, theirs in pairs]))
    return told
