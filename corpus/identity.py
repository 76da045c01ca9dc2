"""Who a document is, and the chance that belongs to it.

A document's id is 128 bits that depend on where its capture lies, never on its text, its row or the
order of arrival. All randomness is a keyed hash of (seed, stage, doc_id): every sampler, shuffle
and tie-break gives the same answer for any number of cores, parts, retries and restarts.
"""

from __future__ import annotations

import hashlib
from typing import NewType

import numpy as np
import numpy.typing as npt
import pyarrow as pa

DocId = NewType("DocId", bytes)
DOC_ID = pa.binary(16)

UInt64Array = npt.NDArray[np.uint64]


def doc_id_of_record(record_id: str) -> DocId:
    """Id of the capture with this WARC-Record-ID, 16 bytes."""
    return _digest("record", record_id.strip().strip("<>").lower())


def doc_id_of_place(source: str, file_name: str, offset: int) -> DocId:
    """Id of the text at a place (source, base name of the file, byte offset or line), 16 bytes."""
    return _digest("place", source, file_name, str(offset))


def _digest(*parts: str) -> DocId:
    joined = "\x00".join(parts).encode("utf-8", "surrogatepass")
    return DocId(hashlib.blake2b(joined, digest_size=16).digest())


def doc_id_words(doc_ids: pa.Array | pa.ChunkedArray) -> UInt64Array:
    """Ids as numbers: uint64 (num_documents, 2), little-endian halves of each id."""
    if isinstance(doc_ids, pa.ChunkedArray):
        doc_ids = doc_ids.combine_chunks()
    if isinstance(doc_ids, pa.ChunkedArray):  # no chunk at all
        return np.empty((0, 2), np.uint64)
    start = doc_ids.offset * 16
    flat = np.frombuffer(doc_ids.buffers()[1] or b"", np.uint8)[start : start + 16 * len(doc_ids)]
    return flat.view("<u8").reshape(-1, 2)


def keyed_hash(
    doc_ids: pa.Array | pa.ChunkedArray, *, seed: int, stage: str, copy: int = 0
) -> UInt64Array:
    """A uniform uint64 (num_documents,) for each document, fixed by (seed, stage, copy, doc_id)."""
    halves = doc_id_words(doc_ids)
    key = hashlib.blake2b(f"{seed}\x00{stage}\x00{copy}".encode(), digest_size=16).digest()
    low, high = np.frombuffer(key, "<u8")
    return _mix(_mix(halves[:, 0] ^ low) + (halves[:, 1] ^ high))


def keyed_uniform(
    doc_ids: pa.Array | pa.ChunkedArray, *, seed: int, stage: str, copy: int = 0
) -> npt.NDArray[np.float64]:
    """A uniform float64 in [0, 1) for each document, fixed by (seed, stage, copy, doc_id)."""
    bits = keyed_hash(doc_ids, seed=seed, stage=stage, copy=copy) >> np.uint64(11)
    return bits.astype(np.float64) * 2.0**-53


def _mix(x: UInt64Array) -> UInt64Array:
    """Finaliser of splitmix64 (Steele et al. 2014): each input bit reaches every output bit."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
