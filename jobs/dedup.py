"""Near-duplicates proposed by MinHash-LSH, proved by exact similarity, best copy kept.

Each text is read once to be signed, and once more where it is in a candidate pair. Between the
parts go narrow records alone (filters/dedup/records.py), packed in blocks (jobs/exchange.py):
digests to find exact copies, band keys to find candidates, sketches to rule most of them out, then
edges to decide on. What a pair's home has to see of another part's text, its shingles, goes through
files (jobs/deduping/loans.py).

Memory of a task: the text of a part and the shingles of its documents that are in a pair, or the
band keys of one range (a million, 0.1 GB; above 4 x 10^9 of them up to eight million), or the pairs
of one task's components (1.3 GB). The root of an older corpus is an index: its signatures take
part, and what it kept stays (`against`).
"""

from __future__ import annotations

import json
import sys
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from corpus.datasets import MANIFEST, Dataset, open_dataset
from corpus.publishing import PartOutput
from corpus.storage import Store
from filters.dedup import DedupSettings
from filters.dedup.bands import banding
from filters.dedup.signing import description
from filters.dedup.verdicts import held_out, verdicts
from jobs.deduping.candidates import find_candidates
from jobs.deduping.clusters import decide
from jobs.deduping.components import connect
from jobs.deduping.copies import find_copies
from jobs.deduping.loans import lend
from jobs.deduping.pairs import prove
from jobs.deduping.planting import judge_plants, plant_copies
from jobs.deduping.signatures import write_signatures
from jobs.deduping.sketches import rule_out
from jobs.deduping.spans import find_spans
from jobs.deduping.volumes import INDEX, NEEDED, Library, open_library

if TYPE_CHECKING:
    from jobs.parts import Job
    from jobs.recipe import Recipe


def files(recipe: Recipe) -> list[str]:
    """The manifests of the older corpora that the recipe names."""
    stores = [Store(root) for root in recipe.dedup.against]
    opened = [open_dataset(store, name) for store in stores for name in NEEDED]  # raises NotBuilt
    return [str(data.local(MANIFEST)) for data in opened if data.store.is_local]


def run(job: Job) -> None:
    """Sign, find copies and candidates, prove, connect, decide, and judge each document."""
    settings = job.recipe.dedup
    chosen = banding(settings)
    described = description(chosen, seed=job.seed)
    library = open_library(job, described)
    with job.folder("dedup_index") as folder:
        (folder / INDEX).write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    write_signatures(job, chosen)
    plant_copies(job, chosen)
    find_copies(job, library)
    find_candidates(job, library)
    rule_out(job, library, chosen)
    lend(job, library, chosen)
    prove(job, library, chosen)
    decide(job, library, connect(job, library))
    find_spans(job, library)
    job.judge(
        partial(_judge, job.input("clusters"), job.input("spans"), settings, job.seed),
        after="quality",
        columns=("source",),
        verdicts="dedup",
    )
    judge_plants(job, library, chosen)
    _log_counts(job, library)


def _judge(
    clusters: Dataset,
    spans: Dataset,
    settings: DedupSettings,
    seed: int,
    given: pa.Table,
    out: PartOutput,
) -> pa.Table:
    is_held_out = held_out(
        given["doc_id"].combine_chunks(),
        given["source"],
        held_out_sources=settings.held_out_sources,
        held_out_fraction=settings.held_out_fraction,
        seed=seed,
    )
    cuts = spans.read(out.number) if spans.num_parts else spans.read_all()
    return verdicts(given, clusters.read(out.number), cuts, is_held_out)


def _log_counts(job: Job, library: Library) -> None:
    pairs, clusters = job.input("pairs"), job.input("clusters")
    num_copies, num_candidates = (
        sum(job.input(name).part_rows(home) for home in library.own_homes)
        for name in ("copies", "candidates")
    )
    counts: dict[str, int] = dict.fromkeys(("verified", "anchored"), 0)
    for part in range(pairs.num_parts):
        found = pairs.read(part, tuple(counts))
        for name in counts:
            counts[name] += int(pc.sum(found[name]).as_py() or 0)
    job.log(
        f"{num_copies:,} exact copies; {num_candidates:,} candidate pairs, {pairs.num_rows:,} "
        f"compared, {counts['verified']:,} verified, {clusters.num_rows:,} documents in clusters; "
        f"{counts['anchored']:,} pairs come from buckets of more than "
        f"{job.recipe.dedup.max_bucket} documents, compared with their best one alone"
    )


if __name__ == "__main__":
    from jobs.cli import main

    main(["run", "dedup", *sys.argv[1:]])
