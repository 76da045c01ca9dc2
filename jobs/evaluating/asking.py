"""Which benchmarks are asked, of which model, and its validation loss by source."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from corpus.benchmarks import BenchmarkSettings
from corpus.datasets import MANIFEST, open_dataset
from corpus.errors import Damaged, InputError
from corpus.shards import file_sha256, read_manifest
from corpus.storage import Store
from corpus.tokenizer.files import TOKENIZER_FILE, load
from corpus.tokenizer.vocabulary import Vocabulary
from corpus.trainer.evaluation.reading import read_lines, read_questions, train_settings
from corpus.trainer.evaluation.tasks import TASKS, task_of

if TYPE_CHECKING:
    from corpus.trainer.evaluation.items import Question
    from corpus.trainer.evaluation.results import TaskResult
    from corpus.trainer.evaluation.running import Asking
    from corpus.trainer.model import GPT

Device = Literal["auto", "cpu", "cuda"]

VALIDATION = "validation"
"""What the validation loss by source is called among the names of benchmarks."""


class Opened(NamedTuple):
    """A model with its own tokenizer."""

    folder: Path
    model: GPT
    vocabulary: Vocabulary
    tokenizer_sha256: str
    mask_documents: bool = False
    """Whether it was trained with attention within documents."""


@contextmanager
def opened(folder: Path, tokenizer: Path | None, device: Device | None) -> Iterator[Opened]:
    """A folder that `winnow run train` or GPT2LMHeadModel wrote; torch set for it.

    tokenizer: the trained model's; None, or another's: the folder's own. device: None = that on
    which it was trained; for another's a GPU where there is one. Raises InputError, or Damaged
    where the tokenizer is not the one that the model was trained with.
    """
    from corpus.trainer.saved import is_gpt2, open_model, read_config
    from corpus.trainer.settings import TrainSettings
    from corpus.trainer.training import torch_set
    from corpus.trainer.weights import read_gpt2

    if is_gpt2(folder):
        with torch_set(TrainSettings(device=device or "auto")) as place:
            yield _with_tokenizer(folder, read_gpt2(folder).to(place), tokenizer or folder)
        return
    config = read_config(folder)
    if tokenizer is None:
        raise InputError(f"{folder}: whose tokenizer? Expected --tokenizer FOLDER, or its root's")
    if not (tokenizer / TOKENIZER_FILE).is_file():
        raise InputError(f"{tokenizer}: no {TOKENIZER_FILE} in it; expected the model's tokenizer")
    found = file_sha256(tokenizer / TOKENIZER_FILE)
    if found != config.tokenizer_sha256:
        raise Damaged(
            f"{tokenizer}: has SHA-256 {found[:16]}..., but the model of {folder} was trained with "
            f"{config.tokenizer_sha256[:16]}...; run `winnow run train`, or name its tokenizer by "
            "--tokenizer FOLDER"
        )
    settings = config.settings
    if device is not None:
        settings = msgspec.structs.replace(settings, device=device)
    with torch_set(settings) as place:
        own = _with_tokenizer(folder, open_model(folder).to(place), tokenizer)
        yield own._replace(mask_documents=settings.mask_documents)


def _with_tokenizer(folder: Path, model: GPT, tokenizer: Path) -> Opened:
    vocabulary = load(tokenizer)
    if vocabulary.size > model.vocab_size:
        raise InputError(
            f"{tokenizer}: a tokenizer of {vocabulary.size:,} ids, but the model has "
            f"{model.vocab_size:,}; expected the model's own"
        )
    path = tokenizer / TOKENIZER_FILE
    return Opened(folder, model, vocabulary, file_sha256(path) if path.is_file() else "")


def validation_by_source(
    store: Store, found: Opened, *, num_sequences: int, num_tokens: int = 0
) -> list[dict[str, Any]] | None:
    """Rows of the sources and of all; None where the root has no shards of this tokenizer."""
    if not all(store.exists(name, MANIFEST) for name in ("shards", "provenance")):
        return None
    from corpus.trainer.batches import open_split
    from corpus.trainer.evaluation.by_source import evaluate_by_source, in_all, source_spans
    from corpus.trainer.validation import token_lengths

    folder = open_dataset(store, "shards").folder()
    manifest = read_manifest(folder)
    if manifest.tokenizer_sha256 != found.tokenizer_sha256:
        return None
    rows = evaluate_by_source(
        found.model,
        open_split(folder, manifest, "validation", with_documents=found.mask_documents),
        source_spans(manifest, open_dataset(store, "provenance")),
        token_lengths(found.vocabulary),
        num_sequences=num_sequences,
        num_tokens=num_tokens,
    )
    return [
        {
            "source": row.source, "num_tokens": row.num_tokens, "num_bytes": row.num_bytes,
            "nats": row.nats, "loss": row.loss, "bits_per_byte": row.bits_per_byte,
        }
        for row in (*rows, in_all(rows))
    ]  # fmt: skip


def chosen(
    benchmarks: Mapping[str, BenchmarkSettings], wanted: Sequence[str]
) -> dict[str, tuple[str, BenchmarkSettings]]:
    """The task and settings of each benchmark that is asked: those wanted, or all with a task.

    A benchmark of the recipe that no task knows is left out, unless it is wanted.
    """
    known = {
        name: (task, settings)
        for name, settings in benchmarks.items()
        if (task := task_of(name, settings.known)) is not None
    }
    unknown = [name for name in wanted if name not in known and name != VALIDATION]
    if unknown:
        names = ", ".join((VALIDATION, *known))
        raise InputError(
            f"--tasks {unknown[0]}: no benchmark of the recipe that can be asked; expected some of "
            f"{names}: `corpus/trainer/evaluation/tasks.py` says how each is"
        )
    return {name: one for name, one in known.items() if not wanted or name in wanted}


def ask_all(
    found: Opened,
    benchmarks: Mapping[str, tuple[str, BenchmarkSettings]],
    examples: Mapping[str, str],
    how: Asking,
    log: Callable[[str], None],
) -> Iterator[TaskResult]:
    """Ask each benchmark in turn, and say which have nothing to ask, and why."""
    for name, (task_name, settings) in benchmarks.items():
        started = time.perf_counter()
        asked = _ask(found, name, task_name, settings, examples.get(name), how)
        if isinstance(asked, str):
            log(f"{name}: not asked: {asked}")
            continue
        log(f"{name}: {len(asked.item_ids):,} in {time.perf_counter() - started:,.1f} s")
        yield asked


def _ask(
    found: Opened, name: str, task_name: str, settings: BenchmarkSettings, train: str | None,
    how: Asking,
) -> TaskResult | str:  # fmt: skip
    """The result, or why there is none."""
    from corpus.trainer.evaluation.running import ask, run_task
    from corpus.trainer.evaluation.running_texts import run_text

    task = TASKS[task_name]
    if task.kind == "text":
        if how.num_shots:
            return "a text is scored without examples"
        lines = read_lines(name, settings)
        return run_text(found.model, found.vocabulary, name, task_name, lines, how)
    assert task.read is not None  # of a kind that has questions
    questions, bad_rows = read_questions(name, settings, task.read)
    if not questions:
        reasons = "; ".join(f"{number:,} rows: {why}" for why, number in bad_rows.items())
        return f"no row has a question with a right answer ({reasons})"
    pool: list[Question] = []
    note: tuple[str, ...] = ()
    if how.num_shots:
        pool, note = _pool(name, settings, task_name, questions, train)
    asked = ask(name, task, questions, pool, how)
    return run_task(
        found.model, found.vocabulary, name, task_name, asked, how, bad_rows=bad_rows, notes=note
    )


def _pool(
    name: str, settings: BenchmarkSettings, task_name: str, questions: list[Question],
    train: str | None,
) -> tuple[list[Question], tuple[str, ...]]:  # fmt: skip
    """Where examples are drawn from, and what to say of it."""
    reader = TASKS[task_name].read
    assert reader is not None
    beside = (
        msgspec.structs.replace(settings, files=(train,)) if train else train_settings(settings)
    )
    if beside is None:
        return questions, ("examples are other items of the same file: there is no train set",)
    pool, _ = read_questions(name, beside, reader)
    if not pool:
        raise InputError(
            f"--examples {name}: {', '.join(beside.files)} has no question with a right answer"
        )
    # Its ids are numbers of its own rows, and must not be taken for those that are asked.
    apart = [replace(one, item_id=f"train/{one.item_id}") for one in pool]
    return apart, (f"examples from {', '.join(beside.files)}",)
