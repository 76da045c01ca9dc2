"""Is a proposed pair a duplicate? By the exact Jaccard similarity of the two shingle sets.

The sets are sorted, so one walk through both counts what they share: |A and B| / |A or B|. No pair
is merged on the word of its signatures: a pair that shares a band has been seen to be anything from
equal to unrelated.
Cost: a few ns a shingle of the pair; splitting and sorting the texts in hand outweighs it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from filters.dedup.shingles import Int64Array, Shingles, UInt64Array, shingle_sets, shingles

Float64Array = npt.NDArray[np.float64]


def jaccard(sets: Shingles, left: Int64Array, right: Int64Array) -> Float64Array:
    """Exact Jaccard similarity of pairs of documents.

    sets: from `shingle_sets`, sorted and distinct. left, right: int64 (num_pairs,), rows of it.
    Returns float64 (num_pairs,), 0 where both sets are empty: such texts are no one's duplicates.
    """
    return _jaccard(sets.hashes, sets.offsets, left, right)


def verify(
    pairs: pa.Table, here: pa.Table, there: pa.Table, *, ngram_size: int, threshold: float
) -> pa.Table:
    """Rows of the table `pairs`, each with its exact similarity.

    pairs: part_a, row_a, part_b, row_b, num_shared_bands, anchored, in any order of the two ids.
    here, there: doc_id and text of the documents that row_a and row_b count in.
    """
    rows_a, left = np.unique(pairs["row_a"].to_numpy(), return_inverse=True)
    rows_b, right = np.unique(pairs["row_b"].to_numpy(), return_inverse=True)
    chunks = [
        *here["text"].take(pa.array(rows_a)).chunks,
        *there["text"].take(pa.array(rows_b)).chunks,
    ]
    texts = pa.chunked_array(chunks, here["text"].type)
    sets = shingle_sets(shingles(texts, ngram_size=ngram_size))
    similarity = jaccard(sets, left, right + len(rows_a))
    ends = [
        {
            "doc_id": documents["doc_id"].combine_chunks().take(pairs[f"row_{side}"]),
            "part": pairs[f"part_{side}"],
            "row": pairs[f"row_{side}"],
        }
        for side, documents in (("a", here), ("b", there))
    ]
    return _smaller_id_first(ends[0], ends[1], pairs, similarity, threshold)


def _smaller_id_first(
    a: dict[str, pa.ChunkedArray],
    b: dict[str, pa.ChunkedArray],
    pairs: pa.Table,
    similarity: Float64Array,
    threshold: float,
) -> pa.Table:
    swapped = pc.greater(a["doc_id"], b["doc_id"])
    first = {f"{name}_a": pc.if_else(swapped, b[name], a[name]) for name in a}
    second = {f"{name}_b": pc.if_else(swapped, a[name], b[name]) for name in a}
    ends = {**first, **second}
    order = ("doc_id_a", "doc_id_b", "part_a", "row_a", "part_b", "row_b")
    return pa.table(
        {
            **{name: ends[name] for name in order},
            "num_shared_bands": pairs["num_shared_bands"].cast(pa.int32()),
            "anchored": pairs["anchored"],
            "jaccard": pa.array(similarity.astype(np.float32)),
            "verified": pa.array(similarity >= threshold),
        }
    )


@njit(cache=True, nogil=True)
def _jaccard(
    hashes: UInt64Array, offsets: Int64Array, left: Int64Array, right: Int64Array
) -> Float64Array:
    out = np.zeros(len(left), np.float64)
    for pair in range(len(left)):
        i, i_end = offsets[left[pair]], offsets[left[pair] + 1]
        j, j_end = offsets[right[pair]], offsets[right[pair] + 1]
        total = (i_end - i) + (j_end - j)
        shared = 0
        while i < i_end and j < j_end:
            a, b = hashes[i], hashes[j]
            shared += a == b
            i += a <= b
            j += b <= a
        if total > 0:
            out[pair] = shared / (total - shared)
    return out
