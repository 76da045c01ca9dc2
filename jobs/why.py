"""A document's life: from its WARC record to its shard and token range, or where it died and why.

Reads the published tables by pyarrow, no Spark: a document's part is found once in `documents`, and
every judging table is then read at that part alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console
from rich.text import Text

from corpus.datasets import MANIFEST, Dataset, open_dataset
from corpus.identity import DOC_ID
from corpus.storage import Store
from corpus.urls import url_key

# Verdict tables in the order in which they judge, with the details worth telling of each.
JUDGES = ("screen", "quality", "dedup", "contamination", "mix")

MAX_ROWS = 20
"""Pairs, hits and shard places shown of one document."""


@dataclass(frozen=True, slots=True)
class Event:
    """What one stage said: `alive` is whether the document went on."""

    stage: str
    said: str
    details: dict[str, Any]
    alive: bool


@dataclass(slots=True)
class Life:
    """One document's events in order."""

    name: str
    events: list[Event] = field(default_factory=list)
    text: str | None = None
    pieces: list[dict[str, int]] | None = None
    edits: list[dict[str, Any]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        events = [
            {"stage": e.stage, "said": e.said, "alive": e.alive, **plain(e.details)}
            for e in self.events
        ]
        return {"document": self.name, "events": events}


def lives(store: Store, document: str) -> list[Life]:
    """The lives of the documents with this id (32 hexadecimal digits) or at this address."""
    if len(document) == 32 and all(c in "0123456789abcdefABCDEF" for c in document):
        places = _places(store, "doc_id", pa.scalar(bytes.fromhex(document), DOC_ID))
        return [_life(store, part, row) for part, row in places]
    key = url_key(document)
    if key is None:
        return []
    link_events = [*_link_events(store, key)]
    found = [_life(store, part, row) for part, row in _places(store, "url_key", pa.scalar(key))]
    for life in found:
        life.events[:0] = link_events
    if not found and link_events:
        return [Life(document, link_events)]
    return found


def _link_events(store: Store, key: str) -> Iterator[Event]:
    for row in matching(store, "links", "url_key", pa.scalar(key)):
        yield Event("links", f"linked with karma {row['karma']}", row, alive=True)
    for row in matching(store, "fetches", "url_key", pa.scalar(key)):
        failed = row["outcome"] == "failed"
        said = f"failed: {row['reason']}" if failed else str(row["outcome"])
        yield Event("fetch", said, row, alive=not failed)


def _life(store: Store, part: int, document: dict[str, Any]) -> Life:
    doc_id = document["doc_id"]
    life = Life(doc_id.hex(), text=document.pop("text"))
    place = f"{document['warc_file']} at {document['offset']}, {document['length']} bytes"
    said = f"{document['num_characters']:,} characters" if document["keep"] else document["reason"]
    life.events.append(Event("extract", f"{said}; from {place}", document, document["keep"]))
    for name in JUDGES:
        if not life.events[-1].alive or not store.exists(name, MANIFEST):
            return life
        dataset = open_dataset(store, name)
        for row in _rows(dataset, part, "doc_id", pa.scalar(doc_id, DOC_ID)):
            life.events.append(_verdict(store, name, row))
            if name in ("screen", "dedup"):
                edits = [*life.edits, *(row["edits"] or ())]
                life.edits = sorted(edits, key=lambda edit: edit["start"])
            elif name == "contamination":
                life.pieces = row["pieces"]
    if life.events[-1].alive:
        life.events += _shard_events(store, doc_id)
    return life


def _verdict(store: Store, stage: str, row: dict[str, Any]) -> Event:
    said = "kept" if row["keep"] else f"dropped: {row['reason']}"
    doc_id = pa.scalar(row["doc_id"], DOC_ID)
    if stage == "screen":
        said += f"; {row['language']} ({row['language_confidence']:.2f}), {row['num_words']} words"
        said += _edits_said(row)
    elif stage == "quality" and row["score"] is not None:
        said += f"; score {row['score']:.3f}"
    elif stage == "dedup":
        if row["kept_doc_id"] != row["doc_id"]:
            said += f" of {row['kept_doc_id'].hex()}"
        said += _edits_said(row)
        row["pairs"] = [
            pair
            for side in ("doc_id_a", "doc_id_b")
            for pair in matching(store, "pairs", side, doc_id)
        ][:MAX_ROWS]
    elif stage == "contamination" and row["num_matches"]:
        said += f"; {row['num_matches']} matches cut, {len(row['pieces'])} pieces stay"
        row["hits"] = matching(store, "hits", "doc_id", doc_id)[:MAX_ROWS]
    elif stage == "mix":
        said += f"; {row['split']}, {row['copies']} copies"
    return Event(stage, said, row, alive=bool(row["keep"]))


def _edits_said(row: dict[str, Any]) -> str:
    kinds = Counter(edit["kind"] for edit in row["edits"] or ())
    return "".join(f", {count} {kind} edits" for kind, count in sorted(kinds.items()))


def _shard_events(store: Store, doc_id: bytes) -> list[Event]:
    rows = matching(store, "provenance", "doc_id", pa.scalar(doc_id, DOC_ID))[:MAX_ROWS]
    return [
        Event(
            "tokenize",
            f"{row['split']} shard {row['shard']}, tokens {row['start']:,}..{row['end']:,}",
            row,
            alive=True,
        )
        for row in rows
    ]


def _places(store: Store, column: str, value: pa.Scalar) -> Iterator[tuple[int, dict[str, Any]]]:
    if not store.exists("documents", MANIFEST):
        return
    documents = open_dataset(store, "documents")
    for part in range(documents.num_parts):
        for row in _rows(documents, part, column, value):
            yield part, row


def matching(store: Store, name: str, column: str, value: pa.Scalar) -> list[dict[str, Any]]:
    """Rows of a table with this value in a column; none where the table is not built."""
    if not store.exists(name, MANIFEST):
        return []
    dataset = open_dataset(store, name)
    return [row for part in range(dataset.num_parts) for row in _rows(dataset, part, column, value)]


def _rows(dataset: Dataset, part: int, column: str, value: pa.Scalar) -> list[dict[str, Any]]:
    """Rows of a part with this value; the other columns are read only where there is one."""
    keys = dataset.read(part, [column])
    mask = pc.equal(keys[column], value)
    if not pc.any(mask).as_py():
        return []
    rows: list[dict[str, Any]] = dataset.read(part).filter(mask).to_pylist()
    return rows


def plain(value: Any) -> Any:
    """A row's value as JSON has it; bytes as hexadecimal digits, times as text."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value if isinstance(value, int | float | bool | None) else str(value)


def print_life(life: Life, *, everything: bool, with_text: bool) -> None:
    """Print one life: a line a stage and its evidence below, or with `everything` every column."""
    console = Console(soft_wrap=True)
    console.print(Text(f"document {life.name}", style="bold"))
    for event in life.events:
        style = "green" if event.alive else "red"
        console.print(Text(f"  {event.stage:<14} {event.said}", style=style))
        details = _columns(event) if everything else _evidence(event)
        for line in details:
            console.print(Text(f"    {'':<14} {line}", style="dim"))
    if with_text and life.text is not None:
        console.print(_marked(life))


def _columns(event: Event) -> Iterator[str]:
    for key, value in plain(event.details).items():
        if value not in (None, [], "") and key not in ("keep", "reason", "doc_id"):
            yield f"{key}: {value}"


def _evidence(event: Event) -> Iterator[str]:
    """What the answer rests on: the address, the proved pairs, the benchmark text found."""
    if event.stage == "extract":
        yield f"{event.details['source']}: {event.details['url']}"
    for pair in event.details.get("pairs", ()):
        answer = "duplicates" if pair["verified"] else "no duplicates"
        ids = f"{pair['doc_id_a'].hex()} and {pair['doc_id_b'].hex()}"
        yield f"{ids}: Jaccard {pair['jaccard']:.3f}, {answer}"
    for hit in event.details.get("hits", ()):
        item = f"{hit['benchmark']} {hit['item_id']} ({hit['field']})"
        exempt = ", exempt" if hit["exempt"] else ""
        yield (
            f"characters {hit['start']}..{hit['end']}: {item}, \"{hit['ngram']}\", "
            f"in {hit['document_frequency']} documents{exempt}"
        )


def _marked(life: Life) -> Text:
    """The text with what is cut struck through, and the mask behind what is masked."""
    text = life.text or ""
    marked = Text(text, style="strike red" if life.pieces is not None else "")
    for piece in life.pieces or ():
        marked.stylize("not strike default", piece["start"], piece["end"])
    for edit in life.edits:
        marked.stylize("strike yellow", edit["start"], edit["end"])
    shown, at = Text(), 0
    for edit in life.edits:
        shown += marked[at : edit["end"]] + Text(edit["replacement"], style="yellow")
        at = edit["end"]
    return shown + marked[at:]
