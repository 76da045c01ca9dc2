"""Which benchmark items each hit is of."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.schemas import table_named
from filters.contamination import Rule
from filters.contamination.index import NgramIndex, ranges
from filters.contamination.spans import numbers, overlapping, rows

Int64Array = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


def matches(
    hits: pa.Table, doc_ids: pa.ChunkedArray, index: NgramIndex, items: pa.Table,
    num_documents: Int64Array, rule: Rule,
) -> pa.Table:  # fmt: skip
    """Name the benchmark items of each hit, and merge a document's overlapping hits of one item.

    hits: as `ngram_hits`. items: benchmark, item_id, field of each text of the index.
    num_documents: int64 (num_ngrams,), documents that hold each N-gram. Returns a table as `hits`.
    An exempt N-gram, in many documents and often in many items, is named for its first item alone.
    """
    row, ngram = rows(hits["doc_id"], doc_ids), numbers(hits["ngram"])
    start, end = numbers(hits["start"]), numbers(hits["end"])
    exempt = num_documents[ngram] > rule.max_documents
    hit, text = texts_of(ngram, exempt, index)
    order = np.lexsort((start[hit], exempt[hit], text, row[hit]))
    hit, text = hit[order], text[order]
    same = (row[hit], text, exempt[hit])
    first, last = overlapping(start[hit], end[hit], same)
    order = np.lexsort((text[first], end[hit[last]], start[hit[first]], row[hit[first]]))
    first, last = first[order], last[order]
    a, z = hit[first], hit[last]  # the first and the last hit of each match
    item = items.take(pa.array(text[first]))
    columns = {
        "doc_id": doc_ids.take(pa.array(row[a])), "start": start[a], "end": end[z],
        "benchmark": item["benchmark"], "item_id": item["item_id"], "field": item["field"],
        "num_ngrams": (last - first + 1).astype(np.int32),
        "ngram": pa.array([index.ngram(number) for number in ngram[a]], pa.string()),
        "document_frequency": num_documents[ngram[a]], "exempt": exempt[a],
    }  # fmt: skip
    return pa.table(columns, schema=table_named("hits").arrow)


def texts_of(
    ngram: Int64Array, exempt: BoolArray, index: NgramIndex
) -> tuple[Int64Array, Int64Array]:
    """Pairs of a hit's position and a text that holds its N-gram, the first where it is exempt."""
    asked = np.zeros(index.num_ngrams, np.bool_)
    asked[ngram] = True
    places = np.flatnonzero(asked[index.held])
    text = np.searchsorted(index.held_offsets, places, side="right") - 1
    pairs = np.unique(np.stack([index.held[places], text]), axis=1)
    first = np.searchsorted(pairs[0], ngram)
    counts = np.searchsorted(pairs[0], ngram, side="right") - first
    counts[exempt] = 1
    return np.repeat(np.arange(len(ngram)), counts), pairs[1][ranges(first, counts)]
