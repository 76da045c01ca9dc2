"""The run's test of itself: mutated copies go through all its steps beside the corpus.

They are no one's first copy and no bucket's best, do not count in its size, and are in no pair that
is decided on, so that the corpus is judged as if they were not there. At the end what became of
each is held against its original, or the exact copy that spoke for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from corpus.datasets import Dataset, survivors
from corpus.identity import DOC_ID
from corpus.publishing import PartOutput
from filters.dedup import Banding
from filters.dedup.plants import Plant, choose, is_long_enough, plant
from filters.dedup.preference import to_column
from filters.dedup.selftest import Outcome, judge, plain_similarity
from filters.dedup.signing import sign
from jobs.deduping.signatures import signature_columns
from jobs.deduping.volumes import Library

if TYPE_CHECKING:
    from jobs.parts import Job

SELF_TEST = "self_test.json"
_WORST = np.uint32(0xFFFFFFFF)


def plant_copies(job: Job, banding: Banding) -> None:
    """Write `plants`: a part for each part of the corpus, or none where nothing is planted."""
    documents, quality = job.input("documents"), job.input("quality")
    share = min(job.recipe.dedup.plant / max(quality.num_kept, 1), 1.0)
    job.map_parts(
        partial(_write_plants, documents, quality, banding, share, job.seed),
        range(quality.num_parts) if share else (),
        outputs=("plants",),
        counted="plants",
        step="plants",
    )


def judge_plants(job: Job, library: Library, banding: Banding) -> None:
    """Write `self_test`, and say how the run did."""
    with job.folder("self_test") as folder:
        found = judge(_outcomes(job, library), banding)
        text = json.dumps(found.to_json(), indent=1) if library.has_plants else "{}"
        (folder / SELF_TEST).write_text(text + "\n", encoding="utf-8")
    for line in found.lines() if library.has_plants else ():
        job.log(line)


def _write_plants(
    documents: Dataset,
    quality: Dataset,
    banding: Banding,
    share: float,
    seed: int,
    out: PartOutput,
    part: int,
) -> None:
    given = survivors(documents, quality, part, ("text",))
    chosen = choose(given["doc_id"], share=share, seed=seed)
    rows = given.take(pa.array(chosen.rows)).select(["doc_id", "text"]).to_pylist()
    planted = [
        (number, row["text"], plant(row["doc_id"], row["text"], kind, seed=seed))
        for number, row, kind in zip(chosen.rows.tolist(), rows, chosen.kinds, strict=True)
        if is_long_enough(row["text"])
    ]
    out.taken(len(planted))
    out.write("plants", _table(planted, banding, seed))


def _table(planted: list[tuple[int, str, Plant]], banding: Banding, seed: int) -> pa.Table:
    copies = [copy for _, _, copy in planted]
    texts = pa.array([copy.text for copy in copies], pa.large_string())
    alike = [
        [
            plain_similarity(
                original, copy.text, ngram_size=banding.ngram_size, measure=measure,
                num_features=banding.num_features,
            )
            for _, original, copy in planted
        ]
        for measure in ("jaccard", banding.measure)
    ]  # fmt: skip
    return pa.table(
        {
            "doc_id": pa.array([copy.doc_id for copy in copies], DOC_ID),
            "original_doc_id": pa.array([copy.original_doc_id for copy in copies], DOC_ID),
            "original_row": pa.array([row for row, _, _ in planted], pa.int32()),
            "kind": pa.array([copy.kind for copy in copies], pa.string()),
            "jaccard": pa.array(alike[0], pa.float64()),
            "similarity": pa.array(alike[1], pa.float64()),
            "preference": to_column(np.full((len(copies), 4), _WORST)),
            **signature_columns(sign(texts, banding, seed=seed)),
            "text": texts,
        }
    )


def _outcomes(job: Job, library: Library) -> Iterator[Outcome]:
    """What became of each plant and its original, or the exact copy that speaks for that.

    Exact copies are proposed and proved at once.
    """
    plants, pairs = job.input("plants"), job.input("plant_pairs")
    copies, candidates = job.input("copies"), job.input("candidates")
    for part in range(plants.num_parts):
        exact = set(copies.read(part, ("row",))["row"].to_pylist())
        volume = library.first_own + part
        told = copies.read(volume, ("row", "first_volume", "first_row"))
        speakers = {row: place for row, *place in _rows(told)}
        proposed = set(_rows(candidates.read(part, ("row_a", "volume_b", "row_b"))))
        compared = pairs.read(part, ("row_a", "part_b", "row_b", "verified"))
        proved = {
            (row, library.first_own + its_part, its_row)
            for row, its_part, its_row, verified in _rows(compared)
            if verified
        }
        planted = plants.read(part, ("original_row", "kind", "similarity", "jaccard"))
        for row, (original, kind, similarity, jaccard) in enumerate(_rows(planted)):
            pair = (row, *speakers.get(original, (volume, original)))
            yield Outcome(
                kind=kind,
                similarity=similarity,
                jaccard=jaccard,
                is_proposed=row in exact or pair in proposed,
                is_proved=row in exact or pair in proved,
            )


def _rows(table: pa.Table) -> Iterator[tuple[Any, ...]]:
    return zip(*(column.to_pylist() for column in table.columns), strict=True)
