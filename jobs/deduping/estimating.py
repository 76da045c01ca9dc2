"""Looks at some parts of a corpus, without Spark, for `winnow dedup estimate`."""

from __future__ import annotations

import hashlib
import math
import time
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from corpus.datasets import Dataset, survivors
from filters.dedup import Banding, DedupSettings
from filters.dedup.bands import banding
from filters.dedup.buckets import bucket_pairs
from filters.dedup.clusters import components
from filters.dedup.copies import first_copies
from filters.dedup.estimate import Counted, Estimate, Sample, scale
from filters.dedup.preference import order_keys, preference, rank
from filters.dedup.records import (
    BAND,
    Int64Array,
    UInt64Array,
    places,
    records,
    rows_of,
    volumes_of,
)
from filters.dedup.shingles import joined
from filters.dedup.signing import Signed, sets_of_rows, sign
from filters.dedup.sketches import agreements, least_agreements
from filters.dedup.verify import are_duplicates, similarities
from jobs.exchange import Records, Sent, num_targets_for, packed, target_of

_MOST_TARGETS = 1000  # by which a document's records are all apart


class Read(NamedTuple):
    """A part as the stage reads it."""

    part: int
    signed: Signed
    order: UInt64Array


def estimate(
    documents: Dataset,
    quality: Dataset,
    settings: DedupSettings,
    *,
    seed: int,
    share: float,
    num_cores: int,
) -> tuple[Sample, Estimate]:
    """Read this share of the parts, two at the least, and scale what is found to all of them."""
    chosen = banding(settings)
    sizes = [text_bytes_of(documents, part) for part in range(documents.num_parts)]
    parts = chosen_parts(quality.num_parts, share, seed)
    started = time.process_time()
    read = [_read(documents, quality, settings, chosen, seed, part) for part in parts]
    sign_seconds = time.process_time() - started
    sample = _sample(documents, quality, read, chosen, settings, sign_seconds, sizes)
    return sample, scale(
        sample,
        num_parts=quality.num_parts,
        num_documents=quality.num_kept,
        text_bytes=sum(sizes),
        largest_part_bytes=max(sizes, default=0),
        num_bands=chosen.num_bands,
        num_cores=num_cores,
        max_edges=settings.max_edges,
        num_ranges=num_targets_for,
    )


def chosen_parts(num_parts: int, share: float, seed: int) -> list[int]:
    """Parts drawn by a keyed hash of their numbers, ascending: the share, and two at the least."""
    wanted = min(num_parts, max(2, math.ceil(share * num_parts)))

    def key(part: int) -> bytes:
        return hashlib.blake2b(f"{seed}\0estimate\0{part}".encode()).digest()

    return sorted(sorted(range(num_parts), key=key)[:wanted])


def text_bytes_of(documents: Dataset, part: int) -> int:
    """Bytes of a part's texts, from the file's footer alone."""
    with documents.store.open_for_arrow(documents.name, f"part-{part:05d}.parquet") as handle:
        metadata = pq.ParquetFile(handle).metadata
    column = metadata.schema.names.index("text")
    groups = range(metadata.num_row_groups)
    return sum(metadata.row_group(g).column(column).total_uncompressed_size for g in groups)


def _read(
    documents: Dataset,
    quality: Dataset,
    settings: DedupSettings,
    chosen: Banding,
    seed: int,
    part: int,
) -> Read:
    given = survivors(documents, quality, part, ("text", "source", "fetched_at"))
    judged = quality.read(part, ("keep", "score"))
    given = given.append_column("score", judged.filter(judged["keep"])["score"])
    signed = sign(given["text"], chosen, seed=seed)
    return Read(part, signed, order_keys(preference(given, settings), given["doc_id"]))


def _sample(
    documents: Dataset,
    quality: Dataset,
    read: list[Read],
    chosen: Banding,
    settings: DedupSettings,
    sign_seconds: float,
    sizes: list[int],
) -> Sample:
    place, digests, order, keys, sketch = _with_words(read)
    is_first = first_copies(digests, order) == np.arange(len(place))
    bands = records(
        BAND,
        key=keys[is_first].reshape(-1),
        rank=np.repeat(rank(order[is_first]), chosen.num_bands),
        place=np.repeat(place[is_first], chosen.num_bands),
    )
    pairs = bucket_pairs(bands, max_bucket=settings.max_bucket)
    ends = (np.searchsorted(place, pairs[end]) for end in "ab")
    agreed = agreements(*(sketch[at] for at in ends))
    likely = pairs[agreed >= least_agreements(chosen)]
    started = time.process_time()
    is_proved, lent = _prove(documents, quality, read, likely, chosen)
    prove_seconds = time.process_time() - started
    verified = likely[is_proved]
    return Sample(
        num_parts=len(read),
        num_documents=sum(len(one.order) for one in read),
        num_with_words=len(place),
        num_copies=int((~is_first).sum()),
        text_bytes=sum(sizes[one.part] for one in read),
        within=_counted(pairs[_is_within(pairs)]),
        across=_counted(pairs[~_is_within(pairs)]),
        verified_within=_counted(verified[_is_within(verified)]),
        verified_across=_counted(verified[~_is_within(verified)]),
        shared_bands=int(pairs["num_bands"].sum()),
        num_asked=_asked(pairs).shape[1],
        lent_shingles=lent,
        sign_seconds=sign_seconds,
        prove_seconds=prove_seconds,
        compressed=_compressed(bands, quality.num_kept * chosen.num_bands),
    )


def _is_within(pairs: Records) -> npt.NDArray[np.bool_]:
    return np.asarray(volumes_of(pairs["a"]) == volumes_of(pairs["b"]))


def _asked(pairs: Records) -> Int64Array:
    """Home and place of each document that a home must see of another part: int64 (2, n)."""
    across = pairs[~_is_within(pairs)]
    return np.unique(np.stack([volumes_of(across["a"]), across["b"]]), axis=1)


def _counted(pairs: Records) -> Counted:
    """The pairs, and the groups in which they are connected."""
    ends, at = np.unique(np.concatenate([pairs["a"], pairs["b"]]), return_inverse=True)
    left, right = at.reshape(2, -1)
    group = components(left, right, len(ends))[left]
    sizes = np.bincount(group)
    return Counted(len(pairs), int((sizes**2).sum()))


def _with_words(
    read: list[Read],
) -> tuple[Int64Array, UInt64Array, UInt64Array, Int64Array, UInt64Array]:
    """Places, digests, order keys, band keys and sketches of all documents with words."""
    rows = [np.flatnonzero(one.signed.num_words) for one in read]
    numbered = list(enumerate(zip(read, rows, strict=True)))
    return (
        np.concatenate([places(number, own) for number, (_, own) in numbered]),
        np.concatenate([one.signed.digests[own] for _, (one, own) in numbered]),
        np.concatenate([one.order[own] for _, (one, own) in numbered]),
        np.concatenate([one.signed.keys[own] for _, (one, own) in numbered]),
        np.concatenate([one.signed.sketches[own] for _, (one, own) in numbered]),
    )


def _prove(
    documents: Dataset, quality: Dataset, read: list[Read], pairs: Records, chosen: Banding
) -> tuple[np.ndarray, int]:
    """Which pairs are duplicates, and how many shingles parts must see of each other."""
    ends = np.concatenate([pairs["a"], pairs["b"]])
    needed, at = np.unique(ends, return_inverse=True)
    volume = volumes_of(needed)
    sets = joined(
        [
            sets_of_rows(
                survivors(documents, quality, one.part, ("text",))["text"],
                rows_of(needed[volume == number]),
                chosen,
            )
            for number, one in enumerate(read)
        ]
    )
    left, right = at.reshape(2, -1)
    found = similarities(sets, left, sets, right)
    lent = np.searchsorted(needed, _asked(pairs)[1])
    return are_duplicates(found, chosen), int(np.diff(sets.offsets)[lent].sum())


def _compressed(bands: Records, num_records: int) -> float:
    """Bytes after lz4, as Spark packs its shuffles, over those before.

    A document's records differ in their keys alone, so that few targets pack better than many.
    """
    if not len(bands):
        return 1.0
    num_targets = min(num_targets_for(num_records), _MOST_TARGETS)
    targets = target_of(np.ascontiguousarray(bands["key"]).view(np.uint64), num_targets)
    sent = list(packed(Sent(bands, targets), (BAND,), num_targets))
    blocks = [block.as_buffer() for batch in sent for block in batch["block"]]
    after = sum(len(pa.compress(block, codec="lz4_raw")) for block in blocks)
    return after / sum(map(len, blocks))
