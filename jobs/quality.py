"""Quality: a classifier's score of each document, and the keep rule over it.

The driver draws training documents of each class by keyed hash, fits the classifier and publishes
it with its card; one task per part then scores the documents that came through the screen. The
driver reads ids and sources of every part, but texts of the drawn documents only, and holds no
more than their hashed features: about 1 GB for the default of 20,000 of each class.
"""

from __future__ import annotations

import json
import sys
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import pyarrow as pa

from corpus.datasets import open_dataset, survivors
from corpus.publishing import PartOutput
from corpus.sources import Source
from corpus.storage import Store
from filters import quality
from filters.quality.model import QualityModel
from filters.quality.settings import QualitySettings
from filters.quality.training import (
    Drawn,
    Examples,
    check_counts,
    draw,
    join,
    read_examples,
    train,
    untrained_card,
)

if TYPE_CHECKING:
    from jobs.parts import Job

MODEL, CARD = "model.npz", "card.json"
BATCH_ROWS = 1000  # documents scored at a time: their hashed features are 5 MB


def run(job: Job) -> None:
    """Train the classifier where the recipe asks for one, then score and judge every survivor."""
    model, card = _train(job)
    with job.folder("quality_model") as folder:
        if model is not None:
            (folder / MODEL).write_bytes(model.to_bytes())
        text = json.dumps(card, indent=1, sort_keys=True)
        (folder / CARD).write_text(text + "\n", encoding="utf-8")
    recipe = job.recipe
    digest = job.input("quality_model").digest()
    job.judge(
        partial(_judge, job.root, digest, recipe.quality, recipe.sources, job.seed),
        after="screen",
        columns=quality.COLUMNS,
        verdicts="quality",
    )


def _train(job: Job) -> tuple[QualityModel | None, dict[str, object]]:
    settings, sources = job.recipe.quality, job.recipe.sources
    if not settings.enabled:
        return None, untrained_card("quality.enabled is false", settings)
    if not any(source.quality == "judged" for source in sources.values()):
        return None, untrained_card("no source of the recipe is judged", settings)
    examples = _examples(job, settings)
    job.log(f"training on {len(examples.sources)} documents")
    model, card = train(examples, settings, seed=job.seed)
    held_out = card["held_out"]
    measured = held_out["num_positives"] + held_out["num_negatives"]
    job.log(f"AUC {held_out['auc']:.3f} on {measured} held-out documents")
    return model, card


def _examples(job: Job, settings: QualitySettings) -> Examples:
    documents, screen = job.input("documents"), job.input("screen")
    drawn = Drawn.nothing()
    for part in range(screen.num_parts):
        table = survivors(documents, screen, part, ["source"])
        drawn = draw(drawn, table, part, job.recipe.sources, settings, seed=job.seed)
    check_counts(drawn.num(positive=True), drawn.num(positive=False), settings)
    read = []
    for part in drawn.parts():
        table = survivors(documents, screen, part, ["source", "url", "text"])
        table = table.take(pa.array(drawn.rows(part)))
        read.append(read_examples(table, job.recipe.sources, settings))
    return join(read, seed=job.seed)


def _judge(
    root: str,
    digest: str,
    settings: QualitySettings,
    sources: dict[str, Source],
    seed: int,
    documents: pa.Table,
    out: PartOutput,
) -> pa.Table:
    model = _model(root, digest)
    return pa.concat_tables(
        quality.judge(documents.slice(start, BATCH_ROWS), model, settings, sources, seed=seed)
        for start in range(0, max(documents.num_rows, 1), BATCH_ROWS)
    )


@lru_cache(maxsize=1)
def _model(root: str, digest: str) -> QualityModel | None:
    """The published classifier, read once a process; None where none was trained."""
    trained = open_dataset(Store(root), "quality_model")
    if MODEL not in trained.files():
        return None
    data = trained.store.read(trained.name, MODEL)
    return QualityModel.from_bytes(data, where=trained.store.path(trained.name, MODEL))


if __name__ == "__main__":  # spark-submit jobs/quality.py --recipe tiny --root out
    from jobs.cli import main

    main(["run", "quality", *sys.argv[1:]])
