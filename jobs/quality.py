"""Quality: a classifier's score of each document, and the keep rule over it.

The driver trains the classifier (quality_training.py), or takes the one that the recipe names. One
task per part then scores the documents that came through the screen; once all scores are known the
rule's numbers are filled in; and one task per part judges by the stored scores.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from corpus.benchmarks import benchmark_files
from corpus.datasets import Dataset, in_turns, open_dataset, survivors
from corpus.publishing import PartOutput
from corpus.storage import Store
from filters import quality
from filters.quality.classifiers import Classifier, read_classifier
from filters.quality.keep import Rule, rule_of
from filters.quality.selection import Scored, select_top
from filters.quality.training import untrained_card
from filters.quality.training.sampling import classes_of
from jobs.quality_training import (
    CARD,
    folder_files,
    model_files,
    read_folder,
    train_on,
)

if TYPE_CHECKING:
    from jobs.parts import Job
    from jobs.recipe import Recipe

RULE = "rule.json"


def files(recipe: Recipe) -> list[str]:
    """The given model's files, or the benchmarks that training keeps away from."""
    if _why_untrained(recipe):
        return []
    if recipe.quality.model:
        return folder_files(recipe.quality.model)
    return [p for one in recipe.contamination.benchmarks.values() for p in benchmark_files(one)]


def run(job: Job) -> None:
    """Get the classifier, score every survivor, fill the rule in, and judge."""
    documents, screen = job.input("documents"), job.input("screen")
    card = _publish_model(job, documents, screen)
    model = job.input("quality_model")
    judged = [name for name, source in job.recipe.sources.items() if source.quality == "judged"]
    job.map_parts(
        partial(_score, documents, screen, job.root, model.digest(), judged),
        range(screen.num_parts),
        outputs=("quality_scores",),
        counted="quality_scores",
        step="scores",
        expected=[screen.part_kept(part) for part in range(screen.num_parts)],
    )
    scores = job.input("quality_scores")
    rule = _rule(job, card, scores)
    with job.folder("quality_rule") as folder:
        (folder / RULE).write_text(json.dumps(rule.to_json(), indent=1) + "\n", encoding="utf-8")
    job.judge(
        partial(_judge, scores, rule, job.seed), after="screen", columns=(), verdicts="quality"
    )


def _why_untrained(recipe: Recipe) -> str:
    if not recipe.quality.enabled:
        return "quality.enabled is false"
    if not any(source.quality == "judged" for source in recipe.sources.values()):
        return "no source of the recipe is judged"
    return ""


def _publish_model(job: Job, documents: Dataset, screen: Dataset) -> dict[str, Any]:
    """Train, or take what is given, and publish it; returns its card."""
    recipe = job.recipe
    why = _why_untrained(recipe)
    if why:
        card = untrained_card(why, recipe.quality)
        contents = {CARD: json.dumps(card, indent=1, sort_keys=True).encode() + b"\n"}
    elif recipe.quality.model:
        contents = read_folder(recipe.quality.model)
        read_classifier(contents, where=recipe.quality.model)  # a damaged one stops here
        job.log(f"scores by the model of {recipe.quality.model}")
    else:
        classes = classes_of(recipe.sources)
        contents = model_files(*train_on(documents, screen, classes, recipe, job.log))
    with job.folder("quality_model") as folder:
        for name, data in contents.items():
            (folder / name).write_bytes(data)
    published: dict[str, Any] = json.loads(contents[CARD])
    return published


def _rule(job: Job, card: dict[str, Any], scores: Dataset) -> Rule:
    """The settings' rule with its numbers filled in."""
    settings = job.recipe.quality
    if not card["trained"]:
        return Rule(keep="all")
    if settings.keep == "top_fraction":
        rule = select_top(
            partial(_judged_scores, scores), fraction=settings.top_fraction, seed=job.seed
        )
        job.log(f"the best {settings.top_fraction:.1%} score {rule.threshold:.4f} and more")
        return rule
    fitted = card["held_out"]["alpha"]
    rule = rule_of(settings, fitted_alpha=fitted["alpha"])
    if settings.keep == "pareto" and settings.alpha == "fit":
        end = f", the {fitted['at_bound']} end of its range" if fitted["at_bound"] else ""
        job.log(f"alpha {fitted['alpha']:.2f}{end}, fitted to the held-out positives' scores")
    return rule


def _judged_scores(scores: Dataset) -> Iterator[Scored]:
    for part in range(scores.num_parts):
        table = scores.read(part)
        own = table.filter(table["judged"])
        yield own["score"].to_numpy(), own["doc_id"]


def _score(
    documents: Dataset,
    screen: Dataset,
    root: str,
    digest: str,
    judged: list[str],
    out: PartOutput,
    part: int,
) -> None:
    model = _model(root, digest)
    table = survivors(documents, screen, part, quality.COLUMNS)
    for batch in in_turns(table):
        out.write("quality_scores", quality.score(batch, model, judged))
    out.taken(table.num_rows)


def _judge(
    scores: Dataset, rule: Rule, seed: int, documents: pa.Table, out: PartOutput
) -> pa.Table:
    return quality.judge(scores.read(out.number), rule, seed=seed)


@lru_cache(maxsize=1)
def _model(root: str, digest: str) -> Classifier | None:
    """The published classifier, read once a process; None where none was trained."""
    published = open_dataset(Store(root), "quality_model")
    if published.files() == [CARD]:
        return None
    contents = {name: published.store.read(published.name, name) for name in published.files()}
    return read_classifier(contents, where=published.store.path(published.name))


if __name__ == "__main__":  # spark-submit jobs/quality.py --recipe tiny --root out
    from jobs.cli import main

    main(["run", "quality", *sys.argv[1:]])
