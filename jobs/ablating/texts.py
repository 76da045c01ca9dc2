"""The texts that all sides are scored on, and who must not have seen them.

Documents: those that a side holds out for validation and no side has for training. What every side
holds out is the common set; what only some hold, the others' stages have dropped. Of each source
they are taken in the order of a keyed hash, up to `max_bytes`, each to 20,000 characters, as the
first side that holds it has it: cut and masked.
Benchmark texts: those of the recipe's benchmarks, as the contamination stage has read them. Plain
text (benchmarks all of whose texts are `text`) is scored where no side holds any of it; of all
benchmarks, what some sides hold and others do not.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.datasets import columns_of, open_dataset
from corpus.errors import InputError
from corpus.identity import DOC_ID, keyed_hash
from corpus.storage import Store
from filters.contamination.index import NgramIndex, build_index
from filters.held_out import TRAIN, VALIDATION
from jobs.ablating.leaks import scan
from jobs.decontamination.index import load
from jobs.kept import Judged

DOCUMENT, BENCHMARK = "document", "benchmark"
PLAIN_TEXT = "text"
MAX_CHARACTERS = 20_000
"""Of a document, its beginning: 3,500 words show a model's loss, and books would be most of all."""
NGRAM_SIZE = 8
"""Words, of the N-grams by which a document is looked for (GPT-2 section 4)."""
STAGE = "ablate"  # key of the order in which texts are taken

Stores = Mapping[str, Store]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldText:
    """A text that is scored."""

    kind: str
    """document or benchmark."""
    group: str
    """Its source, or its benchmark."""
    text_id: str
    """doc_id in hexadecimal digits, or benchmark/item/field."""
    pieces: tuple[str, ...]
    """What is scored, each from end-of-text on."""
    held_by: frozenset[str]
    """Sides that hold the document out; all, of a benchmark text."""
    found_on: frozenset[str] = frozenset()
    """Sides that were trained on a near copy of it, or on an N-gram of a benchmark text."""

    @property
    def num_bytes(self) -> int:
        """UTF-8 bytes that are scored."""
        return sum(len(piece.encode()) for piece in self.pieces)


def gather_texts(stores: Stores, *, seed: int, max_bytes: int) -> list[HeldText]:
    """Every text that is scored, with the sides that were trained on it; sides in their order.

    Raises InputError where no text is common to all sides and found on none.
    """
    documents = held_out_documents(stores, seed=seed, max_bytes=max_bytes)
    index = build_index(
        ["\n".join(text.pieces) for text in documents], [NGRAM_SIZE] * len(documents)
    )
    rows, benchmarks = _benchmarks(stores)
    near: list[set[str]] = [set() for _ in documents]
    held: list[set[str]] = [set() for _ in range(rows.num_rows)]
    for side, store in stores.items():
        for batch in training_texts(store):
            found = scan(batch, index, benchmarks)
            for number in found.documents:
                near[number].add(side)
            for number in found.benchmark_texts:
                held[number].add(side)
    looked_for = np.diff(index.held_offsets) > 0  # a shorter one has no N-gram to be found by
    texts = [
        replace(text, found_on=frozenset(sides))
        for text, sides, is_told in zip(documents, near, looked_for, strict=True)
        if is_told
    ]
    texts += _benchmark_texts(rows, held, frozenset(stores), seed=seed, max_bytes=max_bytes)
    if not any(text.held_by == frozenset(stores) and not text.found_on for text in texts):
        raise InputError(
            f"{', '.join(s.root for s in stores.values())}: no text is held out on all sides and "
            "in no training set; raise dedup.held_out_fraction, or name a benchmark of plain text"
        )
    return texts


def held_out_documents(stores: Stores, *, seed: int, max_bytes: int) -> list[HeldText]:
    """Documents that some side holds out and none is trained on, each as one HeldText."""
    held, trained = _splits(stores)
    sides: dict[bytes, list[str]] = {}
    rows: dict[bytes, tuple[str, int]] = {}
    for side, its_rows in held.items():
        for doc_id, row in its_rows.items():
            if doc_id not in trained:
                sides.setdefault(doc_id, []).append(side)
                rows.setdefault(doc_id, row)
    found: list[HeldText] = []
    chosen = _chosen(rows, sides, seed=seed, max_bytes=max_bytes)
    for side, store in stores.items():
        wanted = {doc_id for doc_id in chosen if sides[doc_id][0] == side}
        for doc_id, pieces in _texts(store, wanted):
            found.append(
                HeldText(
                    kind=DOCUMENT,
                    group=rows[doc_id][0],
                    text_id=doc_id.hex(),
                    pieces=pieces,
                    held_by=frozenset(sides[doc_id]),
                )
            )
    return sorted(found, key=lambda text: (text.group, text.text_id))


def training_texts(store: Store) -> Iterator[pa.Array]:
    """The texts that a side's shards have for training, in turns; a document is one or more."""
    mix = open_dataset(store, "mix")
    tables = judged_of(store)
    for part in range(mix.num_parts):
        for rows, kept in tables.turns(part, after=mix):
            drawn = columns_of(mix, part, ("split", "copies"), rows["doc_id"])
            is_own = pc.and_(pc.equal(drawn["split"], TRAIN), pc.greater(drawn["copies"], 0))
            yield kept.texts.filter(pa.array(np.repeat(is_own.to_numpy(), kept.num_texts)))


def judged_of(store: Store) -> Judged:
    """The tables that say what is left of a finished root's documents."""
    return Judged(*(open_dataset(store, name) for name in Judged._fields))


def _splits(stores: Stores) -> tuple[dict[str, dict[bytes, tuple[str, int]]], set[bytes]]:
    """Held-out documents of each side with source and bytes; those of them that train has too."""
    held: dict[str, dict[bytes, tuple[str, int]]] = {}
    for side, store in stores.items():
        held[side] = {}
        for table in _parts(store, ("doc_id", "split", "source", "num_bytes")):
            own = table.filter(pc.equal(table["split"], VALIDATION))
            rows = own.select(["doc_id", "source", "num_bytes"]).to_pylist()
            held[side] |= {row["doc_id"]: (row["source"], row["num_bytes"]) for row in rows}
    candidates = pa.array(sorted({i for rows in held.values() for i in rows}), DOC_ID)
    trained: set[bytes] = set()
    for store in stores.values():
        for table in _parts(store, ("doc_id", "split")):
            ids = table.filter(pc.equal(table["split"], TRAIN))["doc_id"]
            trained.update(ids.filter(pc.is_in(ids, value_set=candidates)).to_pylist())
    return held, trained


def _parts(store: Store, columns: Sequence[str]) -> Iterator[pa.Table]:
    mix = open_dataset(store, "mix")
    return (mix.read(part, columns) for part in range(mix.num_parts))


def _chosen(
    rows: Mapping[bytes, tuple[str, int]],
    sides: Mapping[bytes, list[str]],
    *,
    seed: int,
    max_bytes: int,
) -> set[bytes]:
    """Documents in the order of a keyed hash, of each source and holders up to max_bytes."""
    ids = sorted(rows)
    order = np.argsort(keyed_hash(pa.array(ids, DOC_ID), seed=seed, stage=STAGE), kind="stable")
    taken: Counter[tuple[str, tuple[str, ...]]] = Counter()
    chosen = set()
    for place in order.tolist():
        doc_id = ids[place]
        source, num_bytes = rows[doc_id]
        group = (source, tuple(sides[doc_id]))
        if taken[group] < max_bytes:
            chosen.add(doc_id)
            taken[group] += min(num_bytes, MAX_CHARACTERS)
    return chosen


def _texts(store: Store, wanted: set[bytes]) -> Iterator[tuple[bytes, tuple[str, ...]]]:
    """The pieces of the wanted documents, to MAX_CHARACTERS together."""
    if not wanted:
        return
    mix, tables = open_dataset(store, "mix"), judged_of(store)
    value_set = pa.array(sorted(wanted), DOC_ID)
    for part in range(mix.num_parts):
        for rows, kept in tables.turns(part, after=mix):
            is_own = pc.is_in(rows["doc_id"], value_set=value_set).to_numpy()
            ends = np.cumsum(kept.num_texts)
            for row in np.flatnonzero(is_own).tolist():
                start = int(ends[row] - kept.num_texts[row])
                pieces = kept.texts[start : int(ends[row])].to_pylist()
                yield rows["doc_id"][row].as_py(), _beginning(pieces)


def _beginning(pieces: Iterable[str]) -> tuple[str, ...]:
    left, taken = MAX_CHARACTERS, []
    for piece in pieces:
        if left > 0:
            taken.append(piece[:left])
            left -= len(piece)
    return tuple(taken)


def _benchmarks(stores: Stores) -> tuple[pa.Table, NgramIndex]:
    """The benchmarks' texts and their index, of the first side that has some."""
    for store in stores.values():
        texts = open_dataset(store, "benchmark_texts").read_all()
        if texts.num_rows:
            return texts, load(open_dataset(store, "benchmark_index"))
    return texts, build_index([], [])


def _benchmark_texts(
    rows: pa.Table,
    held: Sequence[set[str]],
    sides: frozenset[str],
    *,
    seed: int,
    max_bytes: int,
) -> Iterator[HeldText]:
    """Plain text that no side holds, and any text that some sides hold and others do not."""
    columns = ("benchmark", "item_id", "field", "text", "num_ngrams")
    texts = list(zip(*(rows[name].to_pylist() for name in columns), strict=True))
    plain = {name for name, *_ in texts} - {t[0] for t in texts if t[2] != PLAIN_TEXT}
    order = sorted(range(len(texts)), key=lambda row: _text_key(seed, texts[row]))
    taken: Counter[tuple[str, ...]] = Counter()
    for row in order:
        benchmark, item_id, field, text, num_ngrams = texts[row]
        found_on = frozenset(held[row])
        if not num_ngrams or found_on == sides or not (found_on or benchmark in plain):
            continue
        group = ("", *sorted(found_on)) if found_on else (benchmark,)
        if taken[group] < max_bytes:
            taken[group] += len(text.encode())
            yield HeldText(
                kind=BENCHMARK,
                group=benchmark,
                text_id=f"{benchmark}/{item_id}/{field}",
                pieces=(text,),
                held_by=sides,
                found_on=found_on,
            )


def _text_key(seed: int, text: tuple[str, str, str, str, int]) -> bytes:
    named = "\x00".join((str(seed), STAGE, *text[:3]))
    return hashlib.blake2b(named.encode("utf-8", "surrogatepass"), digest_size=16).digest()
