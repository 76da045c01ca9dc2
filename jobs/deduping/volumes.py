"""Everything that a run compares, in numbered volumes.

First the planted copies where there are some (one volume a part of the corpus), then the parts of
the corpus itself, then those of the older corpora. A pair is the business of the volume of its
first document, its **home**; so planted copies and documents of the corpus have homes, and older
documents only lend their texts. Of an older corpus the documents take part that its dedup kept.

Corpus B against corpus A leaves what A and B together would, where the keep policy puts A's
documents before their copies in B: a source order that names A's first, `oldest` where B is the
later crawl. It does not
- where the policy prefers a copy in B: A is finished, so its copy stays, and B's goes;
- with `keep = "none"`, where a document of A whose first copy is in B would go, and stays;
- where only a document that A dropped connects one of B with a held-out one;
- where buckets are above `max_bucket`: what A dropped is not counted, and may have been the anchor;
- in the split: a document of B that connects two clusters of A leaves each where it is.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.datasets import Dataset, open_dataset, survivors
from corpus.errors import InputError
from corpus.storage import Store
from filters.dedup.clusters import OLDER, PROTECTED, VALIDATION
from filters.dedup.preference import HELD_OUT, from_column, order_keys
from filters.dedup.records import Int64Array, UInt64Array

if TYPE_CHECKING:
    from jobs.parts import Job

INDEX = "index.json"
NEEDED = ("documents", "quality", "signatures", "dedup", "dedup_index")
"""Datasets of an older corpus that a run against it reads."""


@dataclass(frozen=True, slots=True)
class Older:
    """A finished corpus that this one is deduplicated against."""

    documents: Dataset
    quality: Dataset
    signatures: Dataset
    dedup: Dataset


@dataclass(frozen=True, slots=True)
class Library:
    """The volumes of a run."""

    documents: Dataset
    quality: Dataset
    older: tuple[Older, ...]
    has_plants: bool
    store: Store

    @property
    def num_parts(self) -> int:
        """Parts of the corpus."""
        return self.quality.num_parts

    @property
    def first_own(self) -> int:
        """The volume of the corpus' first part; those before are planted."""
        return self.num_parts if self.has_plants else 0

    @property
    def first_older(self) -> int:
        """The volume of the first part of an older corpus: as many have a home."""
        return self.first_own + self.num_parts

    @property
    def own_homes(self) -> range:
        """The volumes of the corpus itself."""
        return range(self.first_own, self.first_older)

    @property
    def num_volumes(self) -> int:
        """All volumes."""
        return self.first_older + sum(older.quality.num_parts for older in self.older)

    @property
    def num_documents(self) -> int:
        """Documents of the corpus and of the older ones, and one at the least."""
        return max(self.quality.num_kept + sum(older.dedup.num_kept for older in self.older), 1)

    def part_of(self, volume: int) -> int:
        """The part as tables name it: of `plants`, or of `documents` and on to older corpora."""
        return volume - self.first_own if volume >= self.first_own else volume

    def texts(self, volume: int) -> pa.ChunkedArray:
        """The texts of a volume, as its rows count them."""
        if volume < self.first_own:
            return open_dataset(self.store, "plants").read(volume, ("text",))["text"]
        if volume < self.first_older:
            part = volume - self.first_own
            return survivors(self.documents, self.quality, part, ("text",))["text"]
        older, part = self._older(volume)
        return survivors(older.documents, older.quality, part, ("text",))["text"]

    def sources(self, part: int) -> pa.ChunkedArray:
        """The sources of the documents of a part of the corpus, as its rows count them."""
        return survivors(self.documents, self.quality, part, ("source",))["source"]

    def signed(self, volume: int, columns: Sequence[str]) -> pa.Table:
        """Some columns of a volume's signatures; `row`, its rows, is always one of them.

        Left out are documents without a word, and those that an older corpus has dropped.
        """
        table = self._signatures(volume).read(self._part(volume), (*columns, "text_digest"))
        rows = np.arange(table.num_rows, dtype=np.int64)
        table = table.append_column("row", pa.array(rows))
        is_there = table["text_digest"].is_valid()
        if volume >= self.first_older:
            older, part = self._older(volume)
            verdicts = older.dedup.read(part, ("keep", "split"))
            table = table.append_column("split", verdicts["split"])
            is_there = pc.and_(is_there, verdicts["keep"])
        return table.filter(is_there)

    def order(self, volume: int, table: pa.Table) -> UInt64Array:
        """Order keys of rows of `signed` with doc_id and preference: uint64 (num_rows, 4)."""
        keys = from_column(table["preference"])
        if volume >= self.first_older:
            keys[:, 0] = 0  # before all others, as preference.py has it
        return order_keys(keys, table["doc_id"])

    def flags(self, volume: int, table: pa.Table) -> Int64Array:
        """Flags of rows of `signed` with preference, as clusters.py has them: int64 (num_rows,)."""
        if volume >= self.first_older:
            is_held_out = pc.equal(table["split"], VALIDATION).to_numpy()
            return np.where(is_held_out, OLDER | PROTECTED, OLDER)
        return np.where(from_column(table["preference"])[:, 0] == HELD_OUT, PROTECTED, 0)

    def doc_ids(self, volume: int, rows: npt.NDArray[np.integer]) -> pa.Array:
        """Ids of some rows of a volume."""
        ids = self._signatures(volume).read(self._part(volume), ("doc_id",))["doc_id"]
        return ids.combine_chunks().take(pa.array(rows))

    def _signatures(self, volume: int) -> Dataset:
        if volume >= self.first_older:
            return self._older(volume)[0].signatures
        name = "plants" if volume < self.first_own else "signatures"
        return open_dataset(self.store, name)

    def _part(self, volume: int) -> int:
        return self._older(volume)[1] if volume >= self.first_older else self.part_of(volume)

    def _older(self, volume: int) -> tuple[Older, int]:
        part = volume - self.first_older
        for older in self.older:
            if part < older.quality.num_parts:
                return older, part
            part -= older.quality.num_parts
        raise IndexError(f"volume {volume} of {self.num_volumes}")


def open_library(job: Job, description: dict[str, Any]) -> Library:
    """The volumes of a run; raises InputError where an older corpus cannot be compared with."""
    settings = job.recipe.dedup
    return Library(
        job.input("documents"),
        job.input("quality"),
        tuple(_open_older(root, description) for root in settings.against),
        settings.plant > 0,
        job.store,
    )


def _open_older(root: str, description: dict[str, Any]) -> Older:
    store = Store(root)
    datasets = [open_dataset(store, name) for name in NEEDED]
    found = json.loads(store.read("dedup_index", INDEX))
    for key, value in description.items():
        if found.get(key) != value:
            raise InputError(
                f"dedup.against: {root} was deduplicated with {key} = {found.get(key)}, this run "
                f"has {value}; expected the same, or the bands of one text would differ: set it, "
                f"or deduplicate {root} anew"
            )
    return Older(*datasets[:4])
