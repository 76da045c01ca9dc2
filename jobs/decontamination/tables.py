"""What was found of each benchmark: its texts, items and N-grams, and one row for the whole."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.datasets import Dataset
from corpus.publishing import PartOutput
from corpus.schemas import table_named
from filters.contamination import ContaminationSettings
from filters.contamination.index import NgramIndex
from filters.contamination.items import HOW, found_in_texts, found_ngrams, judge_items
from jobs.decontamination import overlap
from jobs.decontamination.index import load, num_documents, texts_looked_for


def write_items(
    settings: ContaminationSettings, index: Dataset, frequencies: Dataset, out: PartOutput, _: int
) -> None:
    """Judge the benchmarks' texts, items and N-grams by the documents that hold each N-gram."""
    loaded = load(index)
    counts = num_documents(frequencies, loaded)
    texts = _texts(settings, loaded, counts)
    out.write("benchmark_texts", texts)
    out.write("benchmark_items", judge_items(texts))
    out.write("benchmark_ngrams", found_ngrams(loaded, counts, texts, settings.rule))
    out.taken(texts.num_rows)


def write_benchmarks(
    settings: ContaminationSettings, items: Dataset, found: Dataset, out: PartOutput, _: int
) -> None:
    """One row for each benchmark, from its items and its 8-grams in any source."""
    table = items.read(0)
    in_all = {
        row["benchmark"]: row for row in found.read(0).to_pylist() if row["source"] == overlap.ALL
    }
    rows = []
    for name, one in settings.benchmarks.items():
        own = table.filter(pc.equal(table["benchmark"], name))
        how = own["how"].to_pylist()
        rows.append(
            {
                "benchmark": name,
                "ngram_size": pc.max(own["ngram_size"]).as_py(),
                "num_items": own.num_rows,
                "num_dirty": len(how) - how.count(None),
                **{f"num_{kind}": how.count(kind) for kind in HOW},
                "num_too_short": pc.sum(pc.equal(own["num_ngrams"], 0)).as_py(),
                "num_ngrams": in_all[name]["num_ngrams"],
                "num_ngrams_found": in_all[name]["num_found"],
                "settings": msgspec.json.encode(one).decode(),
            }
        )
    out.write_rows("benchmarks", rows)
    out.taken(len(rows))


def _texts(
    settings: ContaminationSettings, index: NgramIndex, counts: npt.NDArray[np.int64]
) -> pa.Table:
    texts = texts_looked_for(settings)
    names = ("benchmark", "item_id", "field", "text")
    columns: dict[str, Any] = {name: [getattr(one, name) for one in texts] for name in names}
    columns |= found_in_texts(index, counts, settings.rule)
    return pa.table(columns, schema=table_named("benchmark_texts").arrow)

