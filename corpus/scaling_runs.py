"""Finished training runs as points for a scaling law: parameters, tokens and the loss they came to.

A run is a root with a finished `model`, a folder that train() wrote, or a line of a JSONL file with
num_parameters, num_tokens, loss and, where known, num_parameters_outside_embeddings.

- Parameters are all of the model's, as Hoffmann et al. count, and besides 12 L d^2, as Kaplan et
  al. do. Tokens are those that passed through training, a repeated text as often as it did.
- Loss is the last one measured on the validation split, in nats a token; where there is none, the
  mean of the last ten training steps, which is noisier, and lower where text was repeated.
- A run that stopped before the end of its learning-rate schedule is left out: its loss is higher
  than that of a run planned for so many tokens (Hoffmann et al. 2022, section 3). So is a line that
  cannot be read. Both are counted. A file that is none of these, or that ends in the middle, stops.

Losses of different tokenizers cannot be compared and are refused; what else differs between runs is
said beside the fit.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from corpus.errors import Damaged, InputError
from corpus.scaling import parameters_outside_embeddings
from corpus.storage import Store
from corpus.trainer.schedules import Schedule
from corpus.trainer.settings import TrainSettings
from corpus.trainer.shapes import ModelShape

CONFIG_FILE, LOG_FILE = "config.json", "train.jsonl"
NUM_LAST_STEPS = 10  # a step's loss is of one batch; the mean of ten has a third of its noise


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedRun:
    """A point of a fit."""

    place: str
    num_parameters: float
    """With embeddings, counted once."""
    num_outside_embeddings: float | None
    """None where a line does not say."""
    num_tokens: float
    loss: float
    """Nats a token."""
    measured_on: str = "as given"
    """Which loss it is: validation, training, or as given."""
    tokenizer: str = ""
    """SHA-256; empty where a line does not say."""
    shards: str = ""
    """SHA-256; empty where a line does not say."""
    measured_at: str = ""
    """Context and number of validation tokens; empty where a line does not say."""
    epochs: float = 0.0
    """Passes over the training text; 0 where a line does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """What was read, and what was not."""

    runs: tuple[FinishedRun, ...]
    """In the order of their figures, whichever way they were named."""
    left_out: tuple[tuple[str, str], ...]
    """Place and reason of each run that is no point."""
    warnings: tuple[str, ...]
    """In which ways the losses may not be of one law."""


class _Config(msgspec.Struct, frozen=True, kw_only=True):
    """What a fit needs of a config.json, which corpus/trainer/generation/texts.py describes."""

    shape: ModelShape
    num_parameters: int
    tokenizer_sha256: str
    shards_sha256: str
    train_tokens: int
    settings: TrainSettings


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a file of runs; other fields are not looked at."""

    num_parameters: float
    num_tokens: float
    loss: float
    num_parameters_outside_embeddings: float | None = None


class _NoPoint(Exception):
    """A run or a line that is left out; the message is the reason."""


def read_runs(places: Sequence[str]) -> Runs:
    """The runs of all places.

    Raises InputError for a place that is no run, and for losses of different tokenizers; Damaged
    for files that are not what train() writes.
    """
    runs: list[FinishedRun] = []
    left_out: list[tuple[str, str]] = []
    for place in places:
        for name, found in _read(place):
            if isinstance(found, FinishedRun):
                runs.append(found)
            else:
                left_out.append((name, found))
    _check_one_tokenizer(runs)
    runs.sort(key=lambda run: (run.num_parameters, run.num_tokens, run.loss, run.place))
    return Runs(runs=tuple(runs), left_out=tuple(sorted(left_out)), warnings=tuple(_warnings(runs)))


def _read(place: str) -> Iterable[tuple[str, FinishedRun | str]]:
    """Each run of a place with its name, or the reason why it is no point."""
    store = Store(place)
    if store.exists("model"):
        return [(place, _run_of_root(store))]
    if store.exists(CONFIG_FILE):
        return [(place, _point_or_reason(store, place))]
    folder, _, name = place.rpartition("/")
    if name.endswith((".jsonl", ".ndjson")) and store.exists():
        return _lines(place, Store(folder or ("/" if place.startswith("/") else ".")).read(name))
    raise InputError(
        f"{place}: expected a root with a model, a folder that train() wrote, with {CONFIG_FILE} "
        f"and {LOG_FILE}, or FILE.jsonl with num_parameters, num_tokens and loss; got "
        + ("none of these" if store.exists() else "no such place")
    )


def _run_of_root(store: Store) -> FinishedRun | str:
    from corpus.datasets import MANIFEST

    if not store.exists("model", MANIFEST):
        return "unfinished: the root's model is not published yet"
    return _point_or_reason(store, store.root, "model")


def _point_or_reason(store: Store, place: str, *folder: str) -> FinishedRun | str:
    try:
        return _trained(store, place, *folder)
    except _NoPoint as reason:
        return str(reason)


def _trained(store: Store, place: str, *folder: str) -> FinishedRun:
    """The point of a folder that train() wrote."""
    path = store.path(*folder, CONFIG_FILE)
    try:
        config = msgspec.json.decode(store.read(*folder, CONFIG_FILE), type=_Config)
    except msgspec.MsgspecError as error:
        raise Damaged(f"{path}: {error}; expected what train() writes; train the run again, or "
                      "leave it out") from error  # fmt: skip
    if not store.exists(*folder, LOG_FILE):
        raise _NoPoint(f"unfinished: no {LOG_FILE}")
    rows = _log(store.read(*folder, LOG_FILE), store.path(*folder, LOG_FILE))
    done, planned = (rows[-1]["step"] if rows else 0), Schedule(config.settings).total_steps
    if done < planned:
        raise _NoPoint(f"unfinished: step {done:,} of {planned:,}, so with a learning rate that "
                       "was to fall further")  # fmt: skip
    loss, measured_on = _last_loss(rows)
    tokens = float(rows[-1]["tokens"])
    return _checked(
        FinishedRun(
            place=place,
            num_parameters=float(config.num_parameters),
            num_outside_embeddings=float(parameters_outside_embeddings(config.shape)),
            num_tokens=tokens,
            loss=loss,
            measured_on=measured_on,
            tokenizer=config.tokenizer_sha256,
            shards=config.shards_sha256,
            measured_at=_measured_at(config),
            epochs=tokens / config.train_tokens if config.train_tokens else 0.0,
        )
    )


def _measured_at(config: _Config) -> str:
    of = config.settings.validation_tokens
    return f"context {config.shape.context:,}, {f'first {of:,}' if of else 'all'} validation tokens"


def _log(data: bytes, path: str) -> list[dict[str, Any]]:
    rows = []
    for number, line in enumerate(data.splitlines(), 1):
        try:
            row = json.loads(line)
            row["step"], row["tokens"]
        except (ValueError, KeyError, TypeError) as error:
            raise Damaged(
                f"{path}, line {number}: expected a step of training as JSON, got {line[:60]!r}; "
                "a run that was cut off is put right by training it to its end"
            ) from error
        rows.append(row)
    return rows


def _last_loss(rows: Sequence[dict[str, Any]]) -> tuple[float, str]:
    """The last row's validation loss, or the mean of the last steps' training loss."""
    if rows[-1].get("validation_loss") is not None:
        return float(rows[-1]["validation_loss"]), "validation"
    last = [row["loss"] for row in rows[-NUM_LAST_STEPS:] if row.get("loss") is not None]
    if not last:
        raise _NoPoint("no loss: no step has one")
    return math.fsum(last) / len(last), "training"


def _lines(place: str, data: bytes) -> Iterable[tuple[str, FinishedRun | str]]:
    """The points of a file, or why a line is none; blank lines are nothing."""
    for number, line in enumerate(data.splitlines(), 1):
        if not line.strip():
            continue
        name = f"{place}:{number}"
        try:
            yield name, _point_of_line(name, line)
        except msgspec.MsgspecError as error:
            yield name, f"not a run: {error}"
        except _NoPoint as reason:
            yield name, str(reason)


def _point_of_line(name: str, line: bytes) -> FinishedRun:
    read = msgspec.json.decode(line, type=_Line)
    return _checked(
        FinishedRun(
            place=name,
            num_parameters=read.num_parameters,
            num_outside_embeddings=read.num_parameters_outside_embeddings,
            num_tokens=read.num_tokens,
            loss=read.loss,
        )
    )


def _checked(run: FinishedRun) -> FinishedRun:
    for name in ("num_parameters", "num_outside_embeddings", "num_tokens", "loss"):
        value = getattr(run, name)
        if value is not None and not 0 < value < float("inf"):
            raise _NoPoint(f"{name} is {value:g}, expected a number above 0")
    return run


def _check_one_tokenizer(runs: Sequence[FinishedRun]) -> None:
    first = {run.tokenizer: run for run in reversed(runs) if run.tokenizer}
    if len(first) > 1:
        said = ", ".join(f"{run.place} {run.tokenizer[:16]}..." for run in list(first.values())[:4])
        raise InputError(
            f"runs of {len(first)} tokenizers: {said}; a loss in nats a token is of its own "
            "tokenizer: expected runs that share one; fit those of each tokenizer by themselves"
        )


def _warnings(runs: Sequence[FinishedRun]) -> Iterable[str]:
    kinds = Counter(run.measured_on for run in runs)
    if kinds["training"]:
        yield (
            f"{kinds['training']} of {len(runs)} runs have no validation loss: theirs is the mean "
            f"training loss of the last {NUM_LAST_STEPS} steps"
        )
    if len({run.shards for run in runs if run.shards}) > 1:
        yield "the runs are of different shards, so perhaps measured on different text"
    measured = sorted({run.measured_at for run in runs if run.measured_at})
    if len(measured) > 1:
        yield f"losses are measured in {len(measured)} ways: {'; '.join(measured[:3])}"
    figures = Counter((run.num_parameters, run.num_tokens, run.loss) for run in runs)
    if twice := sum(count > 1 for count in figures.values()):
        yield f"{twice} runs are there twice, with the same figures; intervals are then too narrow"
    repeated = [run.epochs for run in runs if run.epochs > 1]
    if repeated:
        yield (
            f"{len(repeated)} runs saw their text more than once, up to {max(repeated):.1f} times, "
            "which the forms count as if it were new"
        )


__all__ = ["FinishedRun", "Runs", "read_runs"]
