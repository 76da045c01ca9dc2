"""How often each survivor is trained on, and which are held out.

Three steps: the tokens of each survivor (the one that reads text), the plan over their totals
(here, on the driver, from narrow columns), and the copies of each document. filters/mixture.py has
the plan, filters/draw.py the draw.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import functions as sql

from corpus import schemas
from corpus.datasets import Dataset
from corpus.publishing import PartOutput
from corpus.tokenizer.encoders import count_tokens
from filters import draw, mixture
from filters.draw import Drawn
from filters.held_out import TRAIN, choose_held_out
from filters.pieces import sums_by_document
from jobs.encoding import Encoding, encoding
from jobs.kept import Judged, judged

if TYPE_CHECKING:
    from jobs.parts import Job

SIZE_COLUMNS = ("source", "split", "cluster_id", "num_bytes", "num_tokens")
DRAWN_COLUMNS = ("source", "split", "copies", "num_bytes", "num_tokens")


def run(job: Job) -> None:
    """Measure the survivors, plan, and draw."""
    settings = job.recipe.mix
    tables = judged(job)
    survivors = tables.contamination
    job.map_parts(
        partial(_measure, tables, encoding(job)),
        range(survivors.num_parts),
        outputs=("part_token_uses", "part_token_rates", "sizes"),
        counted="sizes",
        step="sizes",
        expected=[survivors.part_kept(part) for part in range(survivors.num_parts)],
    )
    _add_up_tokens(job)
    sizes = job.input("sizes")
    totals = mixture.add_up(_parts(sizes, SIZE_COLUMNS))
    held_out = choose_held_out(
        _parts(sizes, SIZE_COLUMNS), totals, settings.weights,
        min_tokens=settings.min_validation_tokens, seed=job.seed,
    )  # fmt: skip
    if held_out:
        job.log(f"too little is held out for validation: {len(held_out)} more clusters go there")
        totals = mixture.add_up(_parts(sizes, SIZE_COLUMNS), held_out=held_out)
    planned = mixture.plan(totals[TRAIN], settings, known_sources=job.recipe.sources)
    for warning in mixture.too_many_epochs(planned, settings):
        job.log(f"warning: {warning}")
    drawn = draw.draw(
        lambda: _parts(sizes, ("doc_id", *SIZE_COLUMNS)), planned, held_out, seed=job.seed
    )
    job.judge(
        partial(_draw, sizes, drawn, settings.weights, held_out, job.seed),
        after="contamination",
        columns=(),
        verdicts="mix",
    )
    outcome = draw.outcome(planned, _parts(job.input("mix"), DRAWN_COLUMNS))
    job.map_parts(_write, [outcome], outputs=("mixture",), counted="mixture", step="mixture")
    for row in outcome.to_pylist():
        job.log(
            f"{row['source']}: {row['weight']:.1%} asked, {row['epochs']:.2f} epochs of "
            f"{row['num_documents']:,} documents; {row['drawn_documents']:,} documents and "
            f"{row['drawn_tokens']:,} tokens drawn, {_off(row):+.3%} of the plan"
        )


def _off(row: Mapping[str, int]) -> float:
    """How far the tokens drawn are from the plan, as a share of it."""
    return row["drawn_tokens"] / row["planned_tokens"] - 1 if row["planned_tokens"] else 0.0


def _parts(dataset: Dataset, columns: Sequence[str]) -> Iterator[pa.Table]:
    return (dataset.read(part, columns) for part in range(dataset.num_parts))


def _measure(tables: Judged, how: Encoding, out: PartOutput, part: int) -> None:
    """Write a part of `sizes`: bytes and tokens of what stays, its cluster and its split.

    And how often each token came, and what the vocabulary makes of each source and language.
    """
    encoder = how.encoder()
    uses = np.zeros(how.form.vocab_size, np.int64)
    turns = tables.turns(
        part, after=tables.contamination, columns=("source",),
        of_dedup=("cluster_id", "split"), of_screen=("language",),
    )  # fmt: skip
    for rows, kept in turns:
        found = encoder.encode(kept.texts)
        uses += np.bincount(found.ids, minlength=len(uses))
        uses[how.form.eot_id] += len(found.ends)
        bytes_of_texts = pc.binary_length(kept.texts).to_numpy().astype(np.int64)
        columns = [
            rows["doc_id"], rows["source"], rows["cluster_id"], rows["split"],
            pa.array(sums_by_document(bytes_of_texts, kept.num_texts)),
            pa.array(count_tokens(found.ends, kept.num_texts)),
        ]
        sizes = pa.table(columns, schema=_arrow("sizes"))
        out.write("sizes", sizes)
        out.taken(rows.num_rows)
        out.write("part_token_rates", _rates(sizes, rows["language"]))
    used = pa.array(np.flatnonzero(uses), pa.int32())
    out.write(
        "part_token_uses", pa.table([used, pa.array(uses[uses > 0])], _arrow("part_token_uses"))
    )


def _rates(sizes: pa.Table, language: pa.ChunkedArray) -> pa.Table:
    """Documents, bytes and tokens by source and language."""
    names = ["source", "language"]
    grouped = sizes.append_column("language", pc.fill_null(language, "")).group_by(names).aggregate(
        [([], "count_all"), ("num_bytes", "sum"), ("num_tokens", "sum")]
    )
    schema = _arrow("part_token_rates")
    return grouped.select(
        [*names, "count_all", "num_bytes_sum", "num_tokens_sum"]
    ).rename_columns(schema.names).cast(schema)


def _arrow(dataset: str) -> pa.Schema:
    return schemas.table_named(dataset).arrow


def _add_up_tokens(job: Job) -> None:
    """Sum what the parts say of the vocabulary: tables `token_uses` and `token_rates`."""
    for of_parts, whole, keys in (
        ("part_token_uses", "token_uses", ("id",)),
        ("part_token_rates", "token_rates", ("source", "language")),
    ):
        numbers = [name for name in _arrow(whole).names if name not in keys]
        summed = job.frame(of_parts).groupBy(*keys).agg(
            *(sql.sum(name).alias(name) for name in numbers)
        )
        job.write_frame(
            summed.withColumn("part", sql.lit(0)), whole,
            part="part", num_parts=1, order_by=keys, step=whole,
        )  # fmt: skip


def _draw(
    sizes: Dataset,
    drawn: Drawn,
    weights: Mapping[str, float],
    held_out: Collection[bytes],
    seed: int,
    documents: pa.Table,
    out: PartOutput,
) -> pa.Table:
    """The copies of each document of a part; `judge` checks that they are these documents."""
    rows = sizes.read(out.number)
    return draw.judge(rows, drawn, weights, held_out, seed=seed)


def _write(out: PartOutput, rows: pa.Table) -> None:
    out.write("mixture", rows)
    out.taken(rows.num_rows)


if __name__ == "__main__":  # spark-submit jobs/mix.py --recipe tiny --root out
    from jobs.cli import main

    main(["run", "mix", *sys.argv[1:]])
