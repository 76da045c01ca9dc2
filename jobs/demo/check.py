"""Whether the run found what the demo planted: the finished tables against the list of plants.

Each kind has one rule, and a rule reads what the stages published, never what the demo knows of its
own making. A plant that the rule does not find is missed, and the demo then ends with status 1.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from corpus.crawler.crawl import HTTP_STATUS, ROBOTS_DENIED, TOO_MANY_REDIRECTS
from corpus.datasets import Dataset, open_dataset
from corpus.storage import Store
from corpus.urls import url_key
from corpus.warc.captures import DAMAGED_RECORD, TRUNCATED_RECORD
from corpus.words import normalise
from jobs.demo.plants import KINDS, Plant

JUDGES = ("screen", "quality", "dedup", "contamination", "mix")
DAMAGE = {"bit flip": DAMAGED_RECORD, "cut": TRUNCATED_RECORD}
FAILURES = {"missing": HTTP_STATUS, "redirect loop": TOO_MANY_REDIRECTS}
PASSAGE_WORDS = 13  # a run of so many words of a passage must be in no text that goes on (GPT-3, C)


@dataclass(slots=True, kw_only=True)
class Outcome:
    """One kind of plant: how many there are, and those that were missed."""

    kind: str
    planted: int = 0
    gone: int = 0
    """Plants whose pages an earlier stage had dropped, so that there was nothing to find."""
    missed: list[Plant] = field(default_factory=list)

    @property
    def found(self) -> int:
        """Plants that the run dealt with as promised."""
        return self.planted - self.gone - len(self.missed)

    @property
    def is_kept(self) -> bool:
        """Whether the promise was put to the test and held every time."""
        return not self.missed and self.found > 0


def read_plants(folder: Path) -> list[Plant]:
    """The plants that the web was built with."""
    lines = (folder / "plants.jsonl").read_text("utf-8").splitlines()
    return [Plant(**json.loads(line)) for line in lines]


def check(store: Store, folder: Path, *, threshold: float, shingle: int) -> list[Outcome]:
    """Hold every plant against the tables; one outcome a kind, in the order of KINDS.

    threshold and shingle: the recipe's, which say from where on two texts are duplicates.
    """
    tables = Tables(store=store, folder=folder, threshold=threshold, shingle=shingle)
    outcomes = {kind: Outcome(kind=kind) for kind in KINDS}
    for plant in read_plants(folder):
        outcome = outcomes[plant.kind]
        outcome.planted += 1
        answer = RULES[plant.kind](tables, plant)
        if answer is None:
            outcome.gone += 1
        elif not answer:
            outcome.missed.append(plant)
    return list(outcomes.values())


@dataclass(frozen=True, kw_only=True)
class Tables:
    """The finished run, looked up by address."""

    store: Store
    folder: Path
    threshold: float
    shingle: int

    def dataset(self, name: str) -> Dataset:
        """A finished dataset."""
        return open_dataset(self.store, name)

    @cached_property
    def documents(self) -> dict[str, list[tuple[int, bytes]]]:
        """(part, doc_id) of each document, by address key."""
        found: dict[str, list[tuple[int, bytes]]] = defaultdict(list)
        documents = self.dataset("documents")
        for part in range(documents.num_parts):
            for row in documents.read(part, ["doc_id", "url"]).to_pylist():
                if row["url"] is not None:
                    found[url_key(row["url"]) or ""].append((part, row["doc_id"]))
        return found

    @cached_property
    def reasons(self) -> dict[str, int]:
        """Why captures have no text: documents, and records that left no row, by reason."""
        record = json.loads(self.store.read("_stages", "extract.json"))
        fetched = json.loads(self.store.read("_stages", "fetch.json"))
        counts: dict[str, int] = defaultdict(int)
        for ledger in (record["ledger"], fetched["ledger"]):
            for reason, number in ledger["rows"]["dropped"].items():
                counts[reason] += number
        return counts

    @cached_property
    def kept(self) -> dict[str, set[bytes]]:
        """Documents that each judge keeps."""
        return {name: set(_kept(self.dataset(name))) for name in JUDGES}

    @cached_property
    def clusters(self) -> dict[bytes, bytes]:
        """The cluster of each document that dedup judged."""
        rows = self.dataset("dedup").read_all(["doc_id", "cluster_id"])
        return dict(zip(rows["doc_id"].to_pylist(), rows["cluster_id"].to_pylist(), strict=True))

    @cached_property
    def hits(self) -> set[tuple[bytes, str]]:
        """(doc_id, item) of each match that leads to a cut."""
        rows = self.dataset("hits").read_all(["doc_id", "item_id", "exempt"])
        return {(r["doc_id"], r["item_id"]) for r in rows.to_pylist() if not r["exempt"]}

    @cached_property
    def dirty(self) -> set[str]:
        """Benchmark items of which the corpus holds an N-gram."""
        rows = self.dataset("benchmark_items").read_all(["item_id", "dirty"])
        return set(rows.filter(rows["dirty"])["item_id"].to_pylist())

    @cached_property
    def questions(self) -> dict[str, str]:
        """The question of each item."""
        lines = (self.folder / "benchmark" / "quiz.jsonl").read_text("utf-8").splitlines()
        return {item["id"]: item["question"] for item in map(json.loads, lines)}

    @cached_property
    def fetches(self) -> dict[str, tuple[str, str | None]]:
        """(outcome, reason) of each link, by address key."""
        rows = self.dataset("fetches").read_all(["url_key", "outcome", "reason"]).to_pylist()
        return {row["url_key"]: (row["outcome"], row["reason"]) for row in rows}

    @cached_property
    def requests(self) -> set[str]:
        """Address keys that the site was asked for."""
        log = self.folder / "requests.log"
        lines = log.read_text("utf-8").splitlines() if log.exists() else []
        return {url_key(line) or "" for line in lines}

    @cached_property
    def archive_is_whole(self) -> bool:
        """Whether every undamaged record of the archive has its row."""
        lines = (self.folder / "archived.txt").read_text("utf-8").splitlines()
        return all((url_key(line) or "") in self.documents for line in lines)

    def places(self, url: str) -> list[tuple[int, bytes]]:
        """(part, doc_id) of the documents at an address."""
        return self.documents.get(url_key(url) or "", [])

    def survivors(self, url: str, stage: str) -> list[tuple[int, bytes]]:
        """Those of them that the stage keeps."""
        return [place for place in self.places(url) if place[1] in self.kept[stage]]

    def text(self, part: int, doc_id: bytes) -> str:
        """A document's text."""
        table = self.dataset("documents").read(part, ["doc_id", "text"])
        return str(table.filter(pc.equal(table["doc_id"], doc_id))["text"][0].as_py() or "")

    def pieces(self, part: int, doc_id: bytes) -> list[str]:
        """The texts that contamination leaves of a document."""
        table = self.dataset("contamination").read(part, ["doc_id", "pieces"])
        pieces = table.filter(pc.equal(table["doc_id"], doc_id))["pieces"][0].as_py() or []
        text = self.text(part, doc_id)
        return [text[piece["start"] : piece["end"]] for piece in pieces]


def _kept(verdicts: Dataset) -> list[bytes]:
    rows = verdicts.read_all(["doc_id", "keep"])
    ids: list[bytes] = rows.filter(rows["keep"])["doc_id"].to_pylist()
    return ids


def _one_copy_at_most(tables: Tables, plant: Plant) -> bool | None:
    """The copy and its original do not both survive, unless they differ by the recipe's rule."""
    if not _both_judged(tables, plant):
        return None
    ours = tables.survivors(plant.url, "dedup")
    others = tables.survivors(plant.partner, "dedup")
    return not ours or not others or _jaccard(tables, ours[0], others[0]) < tables.threshold


def _both_judged(tables: Tables, plant: Plant) -> bool:
    """Whether a document of the copy and one of the original came as far as dedup."""
    addresses = (plant.url, plant.partner)
    return all(any(d in tables.clusters for _, d in tables.places(url)) for url in addresses)


def _jaccard(tables: Tables, one: tuple[int, bytes], other: tuple[int, bytes]) -> float:
    a, b = (_runs(tables.text(*place), tables.shingle) for place in (one, other))
    return len(a & b) / max(1, len(a | b))


def _runs(text: str, size: int) -> set[tuple[str, ...]]:
    words = normalise(text).split()
    return {tuple(words[i : i + size]) for i in range(len(words) - size + 1)}


def _not_a_duplicate(tables: Tables, plant: Plant) -> bool | None:
    """The copy's documents and the original's are in no common cluster."""
    if not _both_judged(tables, plant):
        return None
    ours, others = (
        {tables.clusters[doc_id] for _, doc_id in tables.places(url) if doc_id in tables.clusters}
        for url in (plant.url, plant.partner)
    )
    return not ours & others


def _screened_out(tables: Tables, plant: Plant) -> bool:
    """There is a document, and no one of that address passes the screen."""
    return bool(tables.places(plant.url)) and not tables.survivors(plant.url, "screen")


def _decontaminated(tables: Tables, plant: Plant) -> bool | None:
    """A match is recorded in the document, and nothing of the passage goes on."""
    item = plant.detail.split()[-1]
    judged = tables.survivors(plant.url, "dedup")
    if not judged:
        return None
    if any((doc_id, item) not in tables.hits for _, doc_id in judged):
        return False
    passage = _runs(tables.questions[item], PASSAGE_WORDS)
    left = [tables.pieces(*place) for place in tables.survivors(plant.url, "contamination")]
    return not any(_runs(piece, PASSAGE_WORDS) & passage for pieces in left for piece in pieces)


def _clean(tables: Tables, plant: Plant) -> bool:
    """The item is not called dirty."""
    return plant.detail not in tables.dirty


def _counted_damage(tables: Tables, plant: Plant) -> bool:
    """The damage has its reason in the ledger, and every whole record has its row."""
    planted = [p for p in read_plants(tables.folder) if p.kind == plant.kind]
    expected = sum(p.detail == plant.detail for p in planted)
    return tables.archive_is_whole and tables.reasons[DAMAGE[plant.detail]] >= expected


def _failed_rightly(tables: Tables, plant: Plant) -> bool:
    """The link failed for the reason that it was planted for."""
    return _fetch(tables, plant.url) == ("failed", FAILURES[plant.detail])


def _never_asked_for(tables: Tables, plant: Plant) -> bool:
    """robots.txt was obeyed: the link failed, and the site saw no request."""
    is_denied = _fetch(tables, plant.url) == ("failed", ROBOTS_DENIED)
    return is_denied and url_key(plant.url) not in tables.requests


def _followed(tables: Tables, plant: Plant) -> bool:
    """The redirect was followed, and the page at its end is a document."""
    return _fetch(tables, plant.url)[0] == "crawled" and bool(tables.places(plant.partner))


def _never_fetched(tables: Tables, plant: Plant) -> bool:
    """The link is none, and the site saw no request for it."""
    key = url_key(plant.url)
    return key not in tables.fetches and key not in tables.requests


def _fetched(tables: Tables, plant: Plant) -> bool:
    """The link was captured or crawled."""
    return _fetch(tables, plant.url)[0] in ("captured", "crawled")


def _fetch(tables: Tables, url: str) -> tuple[str, str | None]:
    return tables.fetches.get(url_key(url) or "", ("unknown", None))


RULES: dict[str, Callable[[Tables, Plant], bool | None]] = {
    "mirrored page": _one_copy_at_most,
    "edited page": _one_copy_at_most,
    "rewritten page": _not_a_duplicate,
    "manual page": _one_copy_at_most,
    "junk page": _screened_out,
    "foreign page": _screened_out,
    "benchmark passage": _decontaminated,
    "clean item": _clean,
    "damaged record": _counted_damage,
    "dead link": _failed_rightly,
    "forbidden page": _never_asked_for,
    "moved page": _followed,
    "low karma": _never_fetched,
    "high karma": _fetched,
}


def missed_lines(outcomes: Sequence[Outcome], *, limit: int = 5) -> list[str]:
    """A line for each missed plant, a few of each kind."""
    lines: list[str] = []
    for outcome in outcomes:
        for plant in outcome.missed[:limit]:
            shown: dict[str, Any] = {k: v for k, v in plant.to_json().items() if v}
            lines.append("missed: " + " ".join(f"{k}={v}" for k, v in shown.items()))
    return lines
