"""A root for each side, and for each further seed of it.

    ROOT/a                 every stage of side a; its model is that of the recipe's seed
    ROOT/without_quality   the same of another side
    ROOT/seeds/a/2         tokenizer and shards of side a, and the model of seed 2

A side's root begins as hard links of side a's tables and records. The runner skips what is up to
date there; what is not, it removes and writes anew, and never writes into a published file, so that
side a's tables stay what they are. Where the disk knows no hard links, files are copied.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from corpus.datasets import MANIFEST, open_dataset
from corpus.errors import Damaged, InputError
from corpus.shards import file_sha256
from corpus.stages import STAGES, Stage
from corpus.storage import Store
from corpus.tokenizer.files import TOKENIZER_FILE
from jobs.ablating.sides import Side
from jobs.options import RUN_RECORD
from jobs.progress import say
from jobs.runner import run_stages

if TYPE_CHECKING:
    from jobs.session import Session

OF_CORPUS = STAGES[: [stage.name for stage in STAGES].index("train")]
"""Stages that make the corpus."""
OF_MODEL = ("tokenizer", "shards")
"""What a model is made from."""


def link_stages(source: Store, target: Path, stages: Sequence[Stage]) -> None:
    """Make the folder target a root with links of what source has finished of some stages.

    A folder that is there is left alone. Raises InputError where source has finished none of them.
    """
    if target.exists():
        return
    building = target.with_name(f"{target.name}.linking")
    shutil.rmtree(building, ignore_errors=True)
    finished = [stage for stage in stages if _is_finished(source, stage)]
    if not finished:
        raise InputError(
            f"{source.root}: no stage of {', '.join(stage.name for stage in stages)} has finished "
            "here; expected the root of a run: `winnow status` shows what it has"
        )
    for stage in finished:
        for name in stage.outputs:
            _link_dataset(source, name, building)
        record = f"{stage.name}.json"
        (building / "_stages").mkdir(exist_ok=True)
        shutil.copyfile(source.local("_stages", record), building / "_stages" / record)
    building.replace(target)


def build(side: Side, root: Path, session: Session) -> Store:
    """Run the stages that make the side's corpus, and train it with the recipe's own seed."""
    store = Store(str(root))
    store.check_writable()
    record = {"recipe": side.recipe_name, "overrides": list(side.overrides)}
    store.write(json.dumps(record).encode(), *RUN_RECORD)
    say(f"ablate: the corpus of {side.name}, {side.title}")
    run_stages(side.recipe, store.root, [stage.name for stage in OF_CORPUS], session=session)
    return store


def with_tokenizer_of(side: Side, first: Store) -> Side:
    """The side with the tokenizer of side a given instead of learnt."""
    tokenizer = open_dataset(first, "tokenizer").local(TOKENIZER_FILE)
    return side.with_overrides(f"vocabulary.path={tokenizer}")


def check_tokenizer(first: Store, other: Store) -> None:
    """Raise Damaged where a root's tokenizer is not that of side a, byte by byte."""
    mine, its = (
        file_sha256(open_dataset(store, "tokenizer").local(TOKENIZER_FILE))
        for store in (first, other)
    )
    if mine != its:
        raise Damaged(
            f"{other.path('tokenizer')}: its SHA-256 is {its[:16]}..., expected {mine[:16]}..., "
            "that of side a; run `winnow run vocabulary --force` there"
        )


def train(side: Side, store: Store, root: Path, *, seed: int, session: Session) -> Store:
    """Train the side's model of a seed; returns the root that has it."""
    if seed != side.recipe.seed:
        store = _seed_root(store, root / "seeds" / side.name / str(seed))
    say(f"ablate: the model of {side.name}, seed {seed}")
    recipe = msgspec.structs.replace(side.recipe, seed=seed)
    run_stages(recipe, store.root, ["train"], session=session)
    return store


def _seed_root(source: Store, target: Path) -> Store:
    """A root with links of the tokenizer and the shards, and what it had of their model."""
    store = Store(str(target))
    for name in OF_MODEL:
        if store.exists(name, MANIFEST):
            if open_dataset(store, name).digest() == open_dataset(source, name).digest():
                continue
            store.remove(name)
        shutil.rmtree(target / name, ignore_errors=True)  # what a killed attempt left
        _link_dataset(source, name, target)
    return store


def _is_finished(store: Store, stage: Stage) -> bool:
    named = store.exists("_stages", f"{stage.name}.json")
    return named and all(store.exists(name, MANIFEST) for name in stage.outputs)


def _link_dataset(source: Store, name: str, target: Path) -> None:
    """Link a dataset's files into the root target, its manifest last."""
    for file in (*open_dataset(source, name).files(), MANIFEST):
        place = target / name / file
        place.parent.mkdir(parents=True, exist_ok=True)
        _link(source.local(name, file), place)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk, or one without hard links
        shutil.copyfile(source, target)
