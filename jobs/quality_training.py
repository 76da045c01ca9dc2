"""Training the quality classifier from a root's documents: by the stage, and by the command.

The driver reads ids and sources of every part, then the texts of the drawn documents. It holds of
each its first `max_characters` and its hashed words: at most 40,000 x 20,000 characters by the
defaults, 0.2 GB of web pages as a rule and 0.8 GB of books, and as much again for the features.
The benchmarks' index is 30 bytes a word of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from corpus.datasets import Dataset, in_turns, survivors
from corpus.errors import Damaged, InputError
from filters.contamination.index import NgramIndex, find
from filters.quality.classifiers import Classifier
from filters.quality.settings import QualitySettings
from filters.quality.training import CARD_FORMAT, train
from filters.quality.training.sampling import (
    Classes,
    Drawn,
    Examples,
    check_counts,
    draw,
    join,
    read_examples,
)
from filters.verdict import BoolArray
from jobs.decontamination.index import benchmark_index

if TYPE_CHECKING:
    from jobs.recipe import Recipe

CARD = "card.json"


def train_on(
    documents: Dataset,
    screen: Dataset,
    classes: Classes,
    recipe: Recipe,
    log: Callable[[str], None],
) -> tuple[Classifier, dict[str, Any]]:
    """Train on the documents that the screen kept; returns the model and its card.

    classes: for each source that teaches, whether its documents are positives. Raises InputError
    where a class has too few.
    """
    settings = recipe.quality
    index = benchmark_index(recipe.contamination)
    examples = _examples(documents, screen, classes, settings, index, seed=recipe.seed)
    log(f"training on {len(examples.sources):,} documents")
    model, card = train(examples, settings, seed=recipe.seed)
    held_out = card["held_out"]
    measured = held_out["num_positives"] + held_out["num_negatives"]
    log(f"AUC {held_out['auc']:.3f} on {measured:,} held-out documents")
    return model, card


def model_files(model: Classifier, card: Mapping[str, Any]) -> dict[str, bytes]:
    """Every file of a model's folder, by name: the model and its card."""
    text = json.dumps(card, indent=1, sort_keys=True, allow_nan=False)
    return {**model.to_files(), CARD: text.encode() + b"\n"}


def read_folder(folder: str) -> dict[str, bytes]:
    """The files of a model that `winnow quality train` wrote; raises InputError or Damaged."""
    found = {Path(path).name: Path(path).read_bytes() for path in folder_files(folder)}
    try:
        written = json.loads(found[CARD])["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(
            f"{folder}/{CARD}: no card of a classifier ({error}); train the quality model again"
        ) from error
    if written != CARD_FORMAT:
        raise Damaged(
            f"{folder}/{CARD}: format {written}, expected {CARD_FORMAT}; train the quality model "
            "again"
        )
    return found


def folder_files(folder: str) -> list[str]:
    """The paths of a model's files; raises InputError where there is no model."""
    place = Path(folder)
    paths = sorted(str(path) for path in place.glob("*") if path.is_file())
    if not (place / CARD).is_file():
        raise InputError(
            f"quality.model {folder}: no {CARD} there, expected a folder that "
            "`winnow quality train --to FOLDER` wrote"
        )
    return paths


def _examples(
    documents: Dataset,
    screen: Dataset,
    classes: Classes,
    settings: QualitySettings,
    index: NgramIndex,
    *,
    seed: int,
) -> Examples:
    drawn = Drawn.nothing()
    for part in range(screen.num_parts):
        table = survivors(documents, screen, part, ["source"])
        drawn = draw(drawn, table, part, classes, settings, seed=seed)
    check_counts(drawn.num(positive=True), drawn.num(positive=False), settings)
    read = []
    for part in drawn.parts():
        table = survivors(documents, screen, part, ["source", "url", "text"])
        table = table.take(pa.array(drawn.rows(part)))
        has_benchmark = [_has_benchmark(batch["text"], index) for batch in in_turns(table)]
        read.append(read_examples(table, classes, np.concatenate(has_benchmark), settings))
    return join(read, seed=seed)


def _has_benchmark(texts: pa.ChunkedArray, index: NgramIndex) -> BoolArray:
    """Which texts hold an N-gram of a benchmark: bool (num_texts,)."""
    has = np.zeros(len(texts), np.bool_)
    has[find(texts, index).document] = True
    return has
