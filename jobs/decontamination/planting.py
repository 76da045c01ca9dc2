"""The run's test of itself: benchmark items are planted in clean text and go through its steps.

Some documents in which nothing was found give the clean text; each task plants a share of the
items in it and gives the documents to the same search, naming and cutting as the corpus, with the
frequencies of the corpus. Nothing of them is in any other table.
Cost: a pass of plain Python over the benchmarks for each task, 0.3 us a character once a process,
and over the planted documents: 44 s for 500 plants of 4.8 million words in benchmarks. In memory
8 bytes a benchmark word and 400 a word of the documents looked at together: 0.9 GB with a book.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import lru_cache, partial
from sys import intern
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.datasets import Dataset, open_dataset, survivors
from corpus.identity import DOC_ID, keyed_hash, keyed_uniform
from corpus.publishing import PartOutput
from corpus.schemas import table_named
from corpus.storage import Store
from corpus.words import normalise
from filters.contamination import ContaminationSettings, Rule
from filters.contamination.cuts import judge
from filters.contamination.index import NgramIndex, find
from filters.contamination.matches import matches
from filters.contamination.plants import (
    BOOK_CHARACTERS,
    PLANT_STAGE,
    Item,
    Plant,
    Text,
    choose,
    plant,
)
from filters.contamination.selftest import (
    NO_CORPUS,
    Match,
    Outcome,
    Said,
    ShortTexts,
    compare,
)
from filters.contamination.selftest import judge as judge_outcomes
from filters.contamination.texts import QUESTION_ANSWER
from filters.contamination.twin import Ngram, Words, plain_find
from jobs.decontamination.index import load, num_documents

if TYPE_CHECKING:
    from jobs.parts import Job

SELF_TEST = "self_test.json"
NUM_PASSAGES = 2_000  # on average: of web pages, as much as the longest planted document takes
PASSAGE_CHARACTERS = 20_000  # of one document, so that the clean text is of many
PLANTS_PER_TASK = 500
GROUP_CHARACTERS = 2_000_000  # of documents that are looked at together; a book is one alone
_PASSAGE_STAGE = f"{PLANT_STAGE}_passage"


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """What the stage judges documents by."""

    index: NgramIndex
    named: pa.Table
    """benchmark, item_id, field of each text of the index."""
    number_of: Mapping[tuple[str, ...], int]
    """The number of the text that these name."""
    counts: npt.NDArray[np.int64]
    """int64 (num_ngrams,): documents of the corpus that hold each N-gram."""
    rule: Rule


def plant_items(job: Job, settings: ContaminationSettings) -> None:
    """Write `contamination_self_test`, and say how the run did."""
    documents, before, hits = (job.input(n) for n in ("documents", "dedup", "ngram_hits"))
    num_plants = settings.plant if settings.benchmarks else 0
    share = min(NUM_PASSAGES / max(before.num_kept, 1), 1.0)
    job.map_parts(
        partial(_write_passages, documents, before, hits, share, job.seed),
        range(before.num_parts) if num_plants else (),
        outputs=("clean_passages",), counted="clean_passages", step="clean-passages",
    )  # fmt: skip
    passages, texts, index, frequencies = (
        job.input(n)
        for n in ("clean_passages", "benchmark_texts", "benchmark_index", "ngram_frequencies")
    )
    num_tasks = -(-num_plants // PLANTS_PER_TASK)
    job.map_parts(
        partial(
            _write_outcomes, settings, passages, texts, index, frequencies, num_tasks, job.seed
        ),
        range(num_tasks), outputs=("planted_items",), counted="planted_items", step="planted-items",
    )  # fmt: skip
    names = [field.name for field in fields(Outcome)]
    rows = job.input("planted_items").read_all(names).to_pylist() if num_plants else []
    short = _short_texts(job, settings.rule) if num_plants else NO_CORPUS
    found = judge_outcomes((Outcome(**row) for row in rows), settings.rule, short)
    with job.folder("contamination_self_test") as folder:
        text = json.dumps(found.to_json(), indent=1) if num_plants else "{}"
        (folder / SELF_TEST).write_text(text + "\n", encoding="utf-8")
    for line in found.lines() if num_plants else ():
        job.log(line)


def _short_texts(job: Job, rule: Rule) -> ShortTexts:
    """How many documents of the corpus texts shorter than the greatest N hit, and they alone."""
    from pyspark.sql import functions as sql

    texts = job.frame("benchmark_texts", [*_NAMES, "num_words"])
    removed = job.frame("hits", ["doc_id", *_NAMES, "exempt"]).where(~sql.col("exempt"))
    longest = removed.join(texts, _NAMES).groupBy("doc_id").agg(sql.max("num_words").alias("most"))
    num_hit = longest.where(sql.col("most") < rule.max_ngram_size).count()
    return ShortTexts(job.input("dedup").num_kept, num_hit)


def _write_passages(
    documents: Dataset, before: Dataset, hits: Dataset, share: float, seed: int,
    out: PartOutput, part: int,
) -> None:  # fmt: skip
    """Some documents of a part in which nothing was found."""
    ids = survivors(documents, before, part)["doc_id"]
    found = pc.is_in(ids, value_set=hits.read(part, ["doc_id"])["doc_id"].combine_chunks())
    clean = ids.filter(pc.invert(found))
    chosen = clean.filter(
        pa.array(keyed_uniform(clean, seed=seed, stage=_PASSAGE_STAGE) < share, pa.bool_())
    )
    if not len(chosen):
        return
    given = survivors(documents, before, part, ("text",))
    own = given.filter(pc.is_in(given["doc_id"], value_set=chosen.combine_chunks()))
    texts = pc.utf8_slice_codeunits(own["text"], 0, PASSAGE_CHARACTERS)
    rows = {"doc_id": own["doc_id"], "text": texts}
    out.write("clean_passages", pa.table(rows, schema=table_named("clean_passages").arrow))
    out.taken(own.num_rows)


def _write_outcomes(
    settings: ContaminationSettings, passages: Dataset, texts: Dataset, index: Dataset,
    frequencies: Dataset, num_tasks: int, seed: int, out: PartOutput, task: int,
) -> None:  # fmt: skip
    """Plant every so many items of those chosen, and write what is said of each."""
    rule, loaded = settings.rule, load(index)
    named = texts.read(0, ["benchmark", "item_id", "field", "text", "num_words", "ngram_size"])
    words = _words(texts.store.root, texts.digest())
    names = zip(*(named[name].to_pylist() for name in _NAMES), strict=True)
    number_of = {name: number for number, name in enumerate(names)}
    counts = num_documents(frequencies, loaded)
    looked = Looked(loaded, named, number_of, counts, rule)
    exempt = {
        loaded.ngram(number) for number in np.flatnonzero(counts > rule.max_documents).tolist()
    }
    items, numbers = _items(named)
    chosen = choose(items, num_plants=settings.plant, min_words=rule.min_ngram_size, seed=seed)
    own, filler = chosen[task::num_tasks], _filler(passages, seed=seed)
    # Room for what a cut takes on either side, and for a piece that stays.
    side = rule.window_characters + rule.min_piece_characters + 400
    planted = (plant(item, kind, filler, side=side, seed=seed) for item, kind in own)
    for group in _groups(planted):
        due = plain_find([one.text for one in group], words)
        rows = []
        for one, said, found in zip(group, _said(group, looked), due, strict=True):
            its_texts = numbers[(one.benchmark, one.item_id)]
            outcome = compare(one, said, found, words, its_texts, exempt, rule)
            passage = one.text[one.start : one.end]
            rows.append({"doc_id": one.doc_id, "passage": passage, **asdict(outcome)})
        out.write_rows("planted_items", rows)
        out.taken(len(rows))


def _said(plants: Sequence[Plant], looked: Looked) -> Iterator[Said]:
    """What the stage says of each planted document."""
    documents = pa.table(
        {
            "doc_id": pa.chunked_array([[one.doc_id for one in plants]], DOC_ID),
            "num_characters": pa.array([len(one.text) for one in plants], pa.int64()),
            "text": pa.chunked_array([[one.text for one in plants]], pa.large_string()),
        }
    )
    index, counts, rule = looked.index, looked.counts, looked.rule
    found = find(documents["text"], index)
    ids = documents["doc_id"].combine_chunks().take(pa.array(found.document))
    hits = pa.table(
        {"doc_id": ids, "start": found.start, "end": found.end, "ngram": found.ngram},
        schema=table_named("ngram_hits").arrow,
    )
    ngrams: list[set[Ngram]] = [set() for _ in plants]
    for row, start, end, number in zip(*(column.tolist() for column in found), strict=True):
        ngrams[row].add(Ngram(start, end, index.ngram(number)))
    matched: dict[bytes, set[Match]] = defaultdict(set)
    for row in matches(hits, documents["doc_id"], index, looked.named, counts, rule).to_pylist():
        if not row["exempt"]:
            text = looked.number_of[tuple(row[name] for name in _NAMES)]
            matched[row["doc_id"]].add((row["start"], row["end"], text))
    verdicts = judge(documents, hits, counts > rule.max_documents, rule, index).to_pylist()
    for one, own, verdict in zip(plants, ngrams, verdicts, strict=True):
        pieces = [(piece["start"], piece["end"]) for piece in verdict["pieces"]]
        yield Said(own, matched[one.doc_id], pieces, verdict["reason"])


_NAMES = ["benchmark", "item_id", "field"]


def _items(named: pa.Table) -> tuple[list[Item], dict[tuple[str, str], list[int]]]:
    """The items, and the numbers of the texts of each."""
    fields: dict[tuple[str, str], list[Text]] = {}
    numbers: dict[tuple[str, str], list[int]] = {}
    for number, row in enumerate(named.to_pylist()):
        key = row.pop("benchmark"), row.pop("item_id")
        numbers.setdefault(key, []).append(number)
        own = fields.setdefault(key, [])
        if row["field"] != QUESTION_ANSWER:
            own.append(Text(**row))
    return [Item(*key, tuple(own)) for key, own in fields.items() if own], numbers


def _filler(passages: Dataset, *, seed: int) -> str:
    """BOOK_CHARACTERS of clean text, repeated where there are fewer; none where there is none."""
    table = passages.read_all()
    texts: list[str] = []
    length = 0
    order = np.argsort(keyed_hash(table["doc_id"], seed=seed, stage=_PASSAGE_STAGE), kind="stable")
    while length < BOOK_CHARACTERS and len(order):
        before = length
        for row in order.tolist():
            texts.append(table["text"][row].as_py().strip())
            length += len(texts[-1])
            if length >= BOOK_CHARACTERS:
                break
        if length == before:  # nothing but white space
            return ""
    return "\n\n".join(texts)


def _groups(plants: Iterator[Plant]) -> Iterator[list[Plant]]:
    """Plants whose documents are looked at together."""
    group: list[Plant] = []
    length = 0
    for one in plants:
        if group and length + len(one.text) > GROUP_CHARACTERS:
            yield group
            group, length = [], 0
        group.append(one)
        length += len(one.text)
    if group:
        yield group


@lru_cache(maxsize=1)
def _words(root: str, digest: str) -> list[Words]:
    """The benchmarks' texts by plain Python, once a process; the digest as in index.py."""
    table = open_dataset(Store(root), "benchmark_texts").read(0, ["text", "ngram_size"])
    return [
        Words([intern(word) for word in normalise(row["text"]).split()], row["ngram_size"])
        for row in table.to_pylist()
    ]
