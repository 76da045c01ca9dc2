"""The whole of it: corpora, models, scores, comparison, and a section of side a's report.

Every step is kept where it is done: a stage in its root, a checkpoint in its model's folder, the
scores beside the model. So a killed ablation goes on where it was, and the same recipes and seeds
give the same ablation.json.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from corpus.datasets import open_dataset
from corpus.errors import Damaged
from corpus.shards import read_manifest
from corpus.stages import STAGES
from corpus.storage import Store
from filters.held_out import TRAIN
from jobs.ablating.roots import (
    OF_CORPUS,
    build,
    check_tokenizer,
    link_stages,
    train,
    with_tokenizer_of,
)
from jobs.ablating.scores import FloatArray, score
from jobs.ablating.sides import FIRST, Side, check_alike
from jobs.ablating.tables import compare
from jobs.ablating.texts import HeldText, gather_texts
from jobs.progress import say
from jobs.reporting.ablation import FILE, FOLDER
from jobs.runner import run_stages

if TYPE_CHECKING:
    from jobs.session import Session

TOY_PARAMETERS, TOY_TOKENS = 100e6, 1e9
"""Below either, what a stage buys says little about GPT-2 or GPT-3: it is called toy scale."""


def ablate(
    sides: Sequence[Side],
    root: Path,
    *,
    num_seeds: int,
    max_bytes: int,
    session: Session,
    base: str | None = None,
    own_tokenizers: bool = False,
) -> dict[str, Any]:
    """Build, train, score and compare; returns what ablation.json has.

    base: root of a finished run that side a's root begins as. Raises ConfigError where sides
    differ in more than their corpora.
    """
    check_alike(sides, own_tokenizers=own_tokenizers)
    sides, stores = _build(sides, root, session, base=base, own_tokenizers=own_tokenizers)
    seed = sides[0].recipe.seed
    texts = gather_texts(stores, seed=seed, max_bytes=max_bytes)
    say(f"ablate: {len(texts):,} texts of {sum(text.num_bytes for text in texts):,} bytes to score")
    nats: dict[str, list[FloatArray]] = {side.name: [] for side in sides}
    seeds, trained = [seed + n for n in range(num_seeds)], set()
    for one in seeds:
        for side in sides:
            model = train(side, stores[side.name], root, seed=one, session=session)
            trained.add(_tokens_trained(model))
            nats[side.name].append(score(model, texts))
    if len(trained) > 1:
        raise Damaged(
            f"{root}: models were trained on {sorted(trained)} tokens, expected one number; remove "
            "the folder and begin anew"
        )
    found = {
        "recipe": sides[0].recipe.name,
        **_scale(sides[0], stores[FIRST], trained.pop()),
        "seeds": seeds,
        "tokenizer": "each side's own" if own_tokenizers else "side a's",
    }
    found["sides"] = [_corpus(s, stores[s.name], found["num_tokens"], texts) for s in sides]
    found["rows"] = compare(sides, texts, nats)
    data = json.dumps(found, indent=1).encode() + b"\n"
    Store(str(root)).write(data, FILE)
    first = stores[FIRST]
    first.write(data, FOLDER, FILE)
    run_stages(sides[0].recipe, first.root, ["report"], session=session, force=True)
    return found


def _build(
    sides: Sequence[Side],
    root: Path,
    session: Session,
    *,
    base: str | None,
    own_tokenizers: bool,
) -> tuple[list[Side], dict[str, Store]]:
    """The sides as they were built, and their roots."""
    root.mkdir(parents=True, exist_ok=True)
    first, *others = sides
    if base is not None:
        link_stages(Store(base), root / first.name, STAGES)
    built, stores = [first], {first.name: build(first, root / first.name, session)}
    for side in others:
        link_stages(stores[first.name], root / side.name, OF_CORPUS)
        if not own_tokenizers:
            side = with_tokenizer_of(side, stores[first.name])
        built.append(side)
        stores[side.name] = build(side, root / side.name, session)
        if not own_tokenizers:
            check_tokenizer(stores[first.name], stores[side.name])
    return built, stores


def _tokens_trained(store: Store) -> int:
    """As its log has them."""
    last = open_dataset(store, "model").local("train.jsonl").read_text("utf-8").splitlines()[-1]
    return int(json.loads(last)["tokens"])


def _scale(side: Side, store: Store, trained: int) -> dict[str, Any]:
    """What was trained, by the model of side a."""
    config = json.loads(open_dataset(store, "model").local("config.json").read_text("utf-8"))
    parameters = config["num_parameters"]
    return {
        "is_toy": parameters < TOY_PARAMETERS or trained < TOY_TOKENS,
        "model": side.recipe.train.model,
        "num_parameters": parameters,
        "num_tokens": trained,
        "vocab_size": config["vocab_size"],
    }


def _corpus(side: Side, store: Store, trained: int, texts: Sequence[HeldText]) -> dict[str, Any]:
    """What a side has for training, and how often it is gone through."""
    documents, copies, num_bytes = 0, 0, 0
    mix = open_dataset(store, "mix")
    for part in range(mix.num_parts):
        table = mix.read(part, ("split", "copies", "num_bytes"))
        own = table.filter(pc.equal(table["split"], TRAIN))
        drawn = pc.cast(own["copies"], "int64")
        documents += int(pc.sum(pc.greater(drawn, 0)).as_py() or 0)
        copies += int(pc.sum(drawn).as_py() or 0)
        num_bytes += int(pc.sum(pc.multiply(drawn, own["num_bytes"])).as_py() or 0)
    tokens = read_manifest(open_dataset(store, "shards").folder()).num_tokens[TRAIN]
    mixture = open_dataset(store, "mixture").read_all().sort_by("source").to_pylist()
    drawn_tokens = sum(row["drawn_tokens"] for row in mixture) or 1
    return {
        "name": side.name,
        "title": side.title,
        "num_documents": documents,
        "num_copies": copies,
        "num_bytes": num_bytes,
        "num_tokens": tokens,
        "epochs": trained / tokens,
        "shares": {row["source"]: row["drawn_tokens"] / drawn_tokens for row in mixture},
        "num_texts_seen": sum(side.name in text.found_on for text in texts),
    }
