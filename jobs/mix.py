"""How often each survivor is trained on, and which are held out.

Three steps: the bytes of each survivor (the one that reads text), the plan over their totals (here,
on the driver, from narrow columns), and the copies of each document. filters/mixture.py decides.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from corpus import schemas
from corpus.datasets import Dataset, columns_of, survivors
from corpus.publishing import PartOutput
from filters import mixture
from filters.edits import merged
from filters.mixture import MixSettings, SourcePlan
from filters.pieces import kept_bytes

if TYPE_CHECKING:
    from jobs.parts import Job

SIZE_COLUMNS = ("source", "split", "cluster_id", "num_bytes")
DRAWN_COLUMNS = ("source", "split", "copies", "num_bytes")


def run(job: Job) -> None:
    """Measure the survivors, plan, and draw."""
    settings = job.recipe.mix
    documents, screen, dedup = (job.input(name) for name in ("documents", "screen", "dedup"))
    contamination = job.input("contamination")
    job.map_parts(
        partial(_measure, documents, screen, dedup, contamination),
        range(contamination.num_parts),
        outputs=("sizes",),
        counted="sizes",
        step="sizes",
        expected=[contamination.part_kept(part) for part in range(contamination.num_parts)],
    )
    sizes = job.input("sizes")
    totals = mixture.add_up(_parts(sizes, SIZE_COLUMNS))
    held_out = mixture.choose_held_out(
        _parts(sizes, SIZE_COLUMNS), totals, settings, seed=job.seed
    )
    if held_out:
        job.log(f"too little is held out for validation: {len(held_out)} more clusters go there")
        totals = mixture.add_up(_parts(sizes, SIZE_COLUMNS), held_out=held_out)
    planned = mixture.plan(totals[mixture.TRAIN], settings, known_sources=job.recipe.sources)
    for warning in mixture.too_many_epochs(planned, settings):
        job.log(f"warning: {warning}")
    job.judge(
        partial(_draw, sizes, planned, settings, held_out, job.seed),
        after="contamination",
        columns=(),
        verdicts="mix",
    )
    outcome = mixture.outcome(planned, _parts(job.input("mix"), DRAWN_COLUMNS))
    job.map_parts(_write, [outcome], outputs=("mixture",), counted="mixture", step="mixture")
    for row in outcome.to_pylist():
        job.log(
            f"{row['source']}: {row['weight']:.1%} asked, {row['epochs']:.2f} epochs of "
            f"{row['num_documents']:,} documents, {row['drawn_bytes']:,} bytes drawn"
        )


def _parts(dataset: Dataset, columns: Sequence[str]) -> Iterator[pa.Table]:
    return (dataset.read(part, columns) for part in range(dataset.num_parts))


def _measure(
    documents: Dataset,
    screen: Dataset,
    dedup: Dataset,
    contamination: Dataset,
    out: PartOutput,
    part: int,
) -> None:
    """Write a part of `sizes`: bytes of what stays of each document, its cluster and its split."""
    rows = survivors(documents, contamination, part, ("source", "text"))
    cuts = contamination.read(part, ("keep", "pieces"))
    groups = columns_of(dedup, part, ("cluster_id", "split", "edits"), rows["doc_id"])
    pieces = cuts.filter(cuts["keep"])["pieces"]
    screened = columns_of(screen, part, ("edits",), rows["doc_id"])["edits"]
    edits = merged(screened, groups["edits"])
    num_bytes = kept_bytes(rows["text"], rows["num_characters"], pieces, edits)
    columns = [
        rows["doc_id"], rows["source"], groups["cluster_id"], groups["split"], pa.array(num_bytes)
    ]
    out.write("sizes", pa.table(columns, schema=schemas.table_named("sizes").arrow))
    out.taken(rows.num_rows)


def _draw(
    sizes: Dataset,
    planned: Sequence[SourcePlan],
    settings: MixSettings,
    held_out: frozenset[bytes],
    seed: int,
    documents: pa.Table,
    out: PartOutput,
) -> pa.Table:
    """The copies of each document of a part; `judge` checks that they are these documents."""
    rows = sizes.read(out.number)
    return mixture.judge(rows, planned, settings.weights, held_out, seed=seed)


def _write(out: PartOutput, rows: pa.Table) -> None:
    out.write("mixture", rows)
    out.taken(rows.num_rows)


if __name__ == "__main__":  # spark-submit jobs/mix.py --recipe tiny --root out
    from jobs.cli import main

    main(["run", "mix", *sys.argv[1:]])
