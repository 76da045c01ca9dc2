"""Signatures: what each document is compared by; the only step that reads all texts."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.datasets import Dataset, survivors
from corpus.publishing import PartOutput
from filters.dedup import Banding, DedupSettings
from filters.dedup.preference import preference, to_column
from filters.dedup.signing import Signed, sign
from filters.dedup.sketches import NUM_BYTES

if TYPE_CHECKING:
    from jobs.parts import Job

_POLICY = ("source", "fetched_at")


def write_signatures(job: Job, banding: Banding) -> None:
    """Write `signatures`: a row for each document that quality keeps."""
    documents, quality = job.input("documents"), job.input("quality")
    job.map_parts(
        partial(_write, documents, quality, job.recipe.dedup, banding, job.seed),
        range(quality.num_parts),
        outputs=("signatures",),
        counted="signatures",
        step="signatures",
        expected=[quality.part_kept(part) for part in range(quality.num_parts)],
    )


def _write(
    documents: Dataset,
    quality: Dataset,
    settings: DedupSettings,
    banding: Banding,
    seed: int,
    out: PartOutput,
    part: int,
) -> None:
    given = survivors(documents, quality, part, ("text", *_POLICY))
    judged = quality.read(part, ("keep", "score"))
    given = given.append_column("score", judged.filter(judged["keep"])["score"])
    columns = {
        "doc_id": given["doc_id"],
        "preference": to_column(preference(given, settings)),
        **signature_columns(sign(given["text"], banding, seed=seed)),
    }
    out.write("signatures", pa.table(columns))
    out.taken(given.num_rows)


def signature_columns(signed: Signed) -> dict[str, pa.Array]:
    """Signatures as tables have them; null where a text has no word."""
    is_void = signed.num_words == 0
    raw = pa.py_buffer(np.ascontiguousarray(signed.digests))
    digests = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(is_void), [None, raw])
    raw = pa.py_buffer(np.ascontiguousarray(signed.sketches))
    sketch = pa.FixedSizeBinaryArray.from_buffers(pa.binary(NUM_BYTES), len(is_void), [None, raw])
    num_bands = signed.keys.shape[1]
    ends = np.cumsum(np.concatenate([[0], np.where(is_void, 0, num_bands)]))
    flat = pa.array(signed.keys[~is_void].reshape(-1))
    return {
        "num_words": pa.array(signed.num_words),
        "text_digest": pc.if_else(pa.array(is_void), pa.scalar(None, pa.binary(16)), digests),
        "bands": pa.ListArray.from_arrays(pa.array(ends, pa.int32()), flat),
        "sketch": pc.if_else(pa.array(is_void), pa.scalar(None, pa.binary(NUM_BYTES)), sketch),
    }
