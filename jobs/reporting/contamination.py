"""Reads what the page on contamination says: benchmarks, items, their texts and what matched them.

Every item is counted; the texts and passages of the most contaminated are shown until the page is
full (`contamination_characters`), so that its size is bounded whatever the corpus holds. Words are
marked by the N-grams that the stage found, passages by its hits: nothing is searched for again.
Cost: all of `hits` once, part by part, and the text of the documents of which a passage is shown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import fields
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.datasets import Dataset, open_dataset
from corpus.identity import DOC_ID
from corpus.storage import Store
from filters.contamination.items import NEAR_WHOLE, QUOTE, TEMPLATE
from jobs.reporting.contamination_facts import (
    CLEAN,
    CUT,
    EXEMPT,
    FOUND,
    PLAIN,
    STAYS,
    TOO_SHORT,
    BenchmarkCounts,
    ContaminationFacts,
    ItemCounts,
    ItemTexts,
    Marked,
    Ngram,
    Passage,
    Piece,
)
from jobs.reporting.contamination_hits import Hits, Item
from jobs.reporting.contamination_marks import Field, Marker
from jobs.reporting.contamination_selftest import read_self_test

if TYPE_CHECKING:
    from jobs.report import ReportSettings

AROUND = 200  # characters shown on either side of a match: the window that is cut with it
MATCH_CHARACTERS = 1_200  # shown of a match
FIELD_CHARACTERS = 6_000  # shown of a field of an item, from just before what was found
BEFORE_FOUND = 500  # of them, before it
NUM_FREQUENT = 3  # N-grams named for an item, those in the most documents

ORDER = (NEAR_WHOLE, QUOTE, TEMPLATE, TOO_SHORT, CLEAN)  # the most contaminated first
COUNTS = ("ngram_size", "num_words", "num_ngrams", "num_found", "num_exempt", "num_covered")


def gather_contamination(store: Store, settings: ReportSettings) -> ContaminationFacts | None:
    """The page's facts of a root whose stage contamination has finished; None without benchmarks.

    Raises NotBuilt where the stage has not finished.
    """
    benchmarks = _benchmarks(open_dataset(store, "benchmarks"))
    if not benchmarks:
        return None
    rows = _ordered(open_dataset(store, "benchmark_items").read_all())
    listed = rows.slice(0, settings.num_items)
    named = listed.filter(pc.not_equal(listed["kind"], CLEAN))
    hits = Hits(open_dataset(store, "hits"), settings.num_passages)
    ngrams = open_dataset(store, "benchmark_ngrams").read_all()
    texts = _texts(store, named, hits, ngrams, settings.contamination_characters)
    return ContaminationFacts(
        benchmarks=benchmarks,
        items=[_item(row, hits, texts) for row in named.to_pylist()],
        clean=_clean(listed, [row.benchmark for row in benchmarks]),
        num_unlisted=rows.num_rows - listed.num_rows,
        num_passages=settings.num_passages,
        ngrams=[_ngram(row) for row in ngrams.slice(0, settings.num_ngrams).to_pylist()],
        num_ngrams=ngrams.num_rows,
        num_exempt=int(pc.sum(ngrams["exempt"]).as_py() or 0),
        self_test=read_self_test(store),
    )


def _benchmarks(dataset: Dataset) -> list[BenchmarkCounts]:
    """The rows of `benchmarks`; of one without an item some counts are null."""
    columns = [field.name for field in fields(BenchmarkCounts)]
    rows: list[dict[str, Any]] = dataset.read_all(columns).to_pylist()
    return [BenchmarkCounts(**{n: _count(v) for n, v in row.items()}) for row in rows]


def _count(value: Any) -> Any:
    return 0 if value is None else value


def _ordered(items: pa.Table) -> pa.Table:
    """Items with their `kind`, the most contaminated first, ties as the benchmarks have them."""
    short = pc.if_else(pc.equal(items["num_ngrams"], 0), TOO_SHORT, CLEAN)
    kind = pc.coalesce(items["how"], short)
    rank = pc.index_in(kind, value_set=pa.array(ORDER)).to_numpy()
    words, covered, found = (
        items[name].to_numpy() for name in ("num_words", "num_covered", "num_found")
    )
    order = np.lexsort((-found, -covered / np.maximum(words, 1), rank))
    rows = items.select(["benchmark", "item_id", *COUNTS]).append_column("kind", kind)
    return rows.take(pa.array(order))


def _clean(listed: pa.Table, names: Sequence[str]) -> list[tuple[str, list[str]]]:
    clean = listed.filter(pc.equal(listed["kind"], CLEAN))
    ids = ((name, clean.filter(pc.equal(clean["benchmark"], name))["item_id"]) for name in names)
    return [(name, own.to_pylist()) for name, own in ids if len(own)]


def _item(row: dict[str, Any], hits: Hits, texts: dict[Item, ItemTexts]) -> ItemCounts:
    item = (row["benchmark"], row["item_id"])
    return ItemCounts(
        benchmark=row["benchmark"], item_id=row["item_id"], how=row["kind"],
        num_hits=hits.num_hits[item], num_documents=hits.num_documents[item],
        texts=texts.get(item), **{name: row[name] for name in COUNTS},
    )  # fmt: skip


def _ngram(row: dict[str, Any]) -> Ngram:
    return Ngram(words=row.pop("ngram"), **row)


def _texts(
    store: Store, named: pa.Table, hits: Hits, ngrams: pa.Table, room: int
) -> dict[Item, ItemTexts]:
    """Texts and passages of the first of the items, as many as there is room for."""
    items: list[Item] = _names(named)
    texts = open_dataset(store, "benchmark_texts")
    places = _places(texts, set(items))
    fitting = _fitting(items, places, texts, hits, room)
    known = _fields(texts, {item: places[item] for item in fitting})
    marker = Marker([field for own in known.values() for field in own], ngrams)
    chosen = {item: hits.shown.get(item, []) for item in fitting}
    passages = _passages(store, chosen)
    return {
        item: ItemTexts(
            fields=[(field.name, window(marker.marked(field))) for field in own],
            passages=passages[item],
            frequent=marker.most_frequent(own, NUM_FREQUENT),
        )
        for item, own in known.items()
    }


def _fitting(
    items: Sequence[Item], places: dict[Item, list[int]], texts: Dataset, hits: Hits, room: int
) -> Sequence[Item]:
    """The first items whose texts and passages have no more characters than there is room for."""
    lengths = pc.utf8_length(texts.read_all(["text"])["text"]).to_numpy()
    sizes = np.minimum(lengths, FIELD_CHARACTERS)
    costs = [
        int(sizes[places[item]].sum())
        + sum(min(hit["end"] - hit["start"], MATCH_CHARACTERS) + 2 * AROUND
              for hit in hits.shown.get(item, ()))
        for item in items
    ]  # fmt: skip
    return items[: int(np.searchsorted(np.cumsum(costs), room, side="right"))]


def _fields(texts: Dataset, places: dict[Item, list[int]]) -> dict[Item, list[Field]]:
    """The fields of some items."""
    rows = pa.array([place for own in places.values() for place in own], pa.int64())
    found = texts.read_all(["field", "text", "ngram_size"]).take(rows).to_pylist()
    each = iter([Field(row["field"], row["text"], row["ngram_size"]) for row in found])
    return {item: list(islice(each, len(own))) for item, own in places.items()}


def _places(texts: Dataset, wanted: set[Item]) -> dict[Item, list[int]]:
    """Rows of `benchmark_texts` of each wanted item."""
    found: dict[Item, list[int]] = defaultdict(list)
    for place, item in enumerate(_names(texts.read_all(["benchmark", "item_id"]))):
        if item in wanted:
            found[item].append(place)
    return found


def _names(rows: pa.Table) -> list[Item]:
    return list(zip(rows["benchmark"].to_pylist(), rows["item_id"].to_pylist(), strict=True))


def _passages(store: Store, hits: dict[Item, list[dict[str, Any]]]) -> dict[Item, list[Passage]]:
    """The hits of each item as passages, in order."""
    wanted: dict[bytes, list[tuple[Item, int]]] = defaultdict(list)
    for item, own in hits.items():
        for number, hit in enumerate(own):
            wanted[hit["doc_id"]].append((item, number))
    judged = _rows(open_dataset(store, "contamination"), set(wanted), ("keep", "reason", "pieces"))
    verdicts = {row["doc_id"]: row for row in judged}
    found: dict[tuple[Item, int], Passage] = {}
    for document in _rows(open_dataset(store, "documents"), set(wanted), ("source", "url", "text")):
        for item, number in wanted[document["doc_id"]]:
            hit = hits[item][number]
            found[item, number] = _passage(hit, document, verdicts.get(hit["doc_id"]))
    return {item: [found[item, number] for number in range(len(own))] for item, own in hits.items()}


def _rows(dataset: Dataset, ids: set[bytes], columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Some columns of the rows of some documents, few of them at a time."""
    wanted = pa.array(sorted(ids), DOC_ID)
    for part in range(dataset.num_parts) if ids else ():
        rows = pc.is_in(dataset.read(part, ["doc_id"])["doc_id"], value_set=wanted)
        if pc.any(rows).as_py():
            table = dataset.read(part, ["doc_id", *columns]).filter(rows)
            for batch in table.to_batches(max_chunksize=64):
                yield from batch.to_pylist()


def _passage(
    hit: dict[str, Any], document: dict[str, Any], verdict: dict[str, Any] | None
) -> Passage:
    return Passage(
        doc_id=hit["doc_id"].hex(), source=document["source"] or "", url=document["url"] or "",
        text=excerpt(document["text"] or "", hit["start"], hit["end"], exempt=hit["exempt"]),
        fate="" if verdict is None else _fate(hit, verdict),
        **{name: hit[name] for name in ("field", "start", "end", "num_ngrams",
                                        "document_frequency", "exempt")},
    )  # fmt: skip


def _fate(hit: dict[str, Any], verdict: dict[str, Any]) -> str:
    """What became of a match by its document's verdict."""
    if not verdict["keep"]:
        return str(verdict["reason"])
    pieces = verdict["pieces"] or ()
    stays = any(piece["start"] < hit["end"] and hit["start"] < piece["end"] for piece in pieces)
    return STAYS if stays else CUT


def excerpt(text: str, start: int, end: int, *, exempt: bool) -> Marked:
    """A match in a text, marked, with AROUND characters on either side; a long match is cut."""
    first, last = max(start - AROUND, 0), min(end + AROUND, len(text))
    before = ("… " if first else "") + text[first:start]
    after = text[end:last] + (" …" if last < len(text) else "")
    match = text[start:end]
    if len(match) > MATCH_CHARACTERS:
        match, after = match[:MATCH_CHARACTERS], " …"
    pieces = (Piece(PLAIN, before), Piece(EXEMPT if exempt else FOUND, match), Piece(PLAIN, after))
    return [piece for piece in pieces if piece.text]


def window(text: Marked) -> Marked:
    """The part of a long text that begins just before what was found in it."""
    total = sum(len(piece.text) for piece in text)
    if total <= FIELD_CHARACTERS:
        return text
    found = len(text[0].text) if text[0].kind == PLAIN and len(text) > 1 else 0
    first = min(max(found - BEFORE_FOUND, 0), total - FIELD_CHARACTERS)
    last = first + FIELD_CHARACTERS
    shown = [Piece(PLAIN, "… ")] if first else []
    at = 0
    for piece in text:
        cut = piece.text[max(first - at, 0) : max(last - at, 0)]
        shown += [Piece(piece.kind, cut)] if cut else []
        at += len(piece.text)
    return [*shown, *([Piece(PLAIN, " …")] if last < total else [])]
