"""The tokenize stage on Spark: shards come back as documents, byte for byte the same each time."""

from __future__ import annotations

import inspect
import json
import random

import numpy as np
import pyarrow as pa
import pytest

from corpus import shards
from corpus.datasets import open_dataset
from corpus.storage import Store
from corpus.tokenizer.files import load, save
from corpus.tokenizer.pretokens import count_pretokens
from corpus.tokenizer.settings import TokenizeSettings
from corpus.tokenizer.training import learn
from corpus.tokenizer.vocabulary import END_OF_TEXT
from filters.mixture import MixSettings
from jobs import mix, tokenize_text
from tests.judged import Doc, doc_id, job_at, judged_root

pytestmark = pytest.mark.spark

# Real text that every Python has.
PARAGRAPHS = [p for p in inspect.getsource(random).split("\n\n") if len(p) > 40]
DOCS = [
    *(
        Doc(text, source="books" if i % 3 else "web", name=f"paragraph {i}",
            split="train" if i % 10 else "validation")
        for i, text in enumerate(PARAGRAPHS)
    ),
    Doc(f"before{END_OF_TEXT}after", name="injection"),
    Doc("naïve café 日本語 🙂 " * 3, name="cut", pieces=((0, 14), (20, 40))),
    Doc("mail me at me@example.org, please", name="masked", edits=((11, 25, "<mail>"),)),
    Doc("all of it is taken out" * 3, name="emptied", edits=((0, 66, ""),)),
    Doc("a duplicate", duplicate=True, name="duplicate"),
    Doc("dropped", pieces=(), name="dropped"),
]
SETTINGS = TokenizeSettings(vocab_size=400, tokens_per_shard=5000, train_bytes=10_000)
OUTPUTS = ("tokenizer", "shards", "provenance")


def build(root, session, *, docs=DOCS, num_parts: int = 3, settings=SETTINGS) -> Store:
    store = judged_root(str(root), docs, num_parts=num_parts)
    weights = MixSettings(weights={"web": 1, "books": 1}, min_validation_bytes=0)
    sources = {"web": None, "books": None}
    mix.run(job_at(store, "mix", session, mix=weights, sources=sources))
    tokenize_text.run(job_at(store, "tokenize", session, tokenize=settings))
    return store


@pytest.fixture(scope="module")
def built(session, tmp_path_factory) -> Store:
    return build(tmp_path_factory.mktemp("built"), session)


def edited(doc: Doc, start: int, end: int) -> str:
    """A piece of the document; its only edit, if any, lies wholly inside."""
    for first, last, replacement in doc.edits:
        return doc.text[start:first] + replacement + doc.text[last:end]
    return doc.text[start:end]


def digests(store: Store) -> list[str]:
    return [open_dataset(store, name).digest() for name in OUTPUTS]


def test_every_copy_stands_where_provenance_says(built):
    vocabulary = load(built.local("tokenizer"))
    texts = {doc_id(i, doc): doc for i, doc in enumerate(DOCS)}
    rows = open_dataset(built, "provenance").read_all().to_pylist()
    for row in rows:
        name = shards.shard_name(row["split"], row["shard"])
        tokens = shards.read_tokens(built.local("shards", f"{name}.bin"))
        doc = texts[row["doc_id"]]
        pieces = doc.pieces or ((0, len(doc.text)),)
        kept = [edited(doc, a, b) for a, b in pieces]
        expected = "".join(piece + END_OF_TEXT for piece in kept if piece)
        found = tokens[row["start"] : row["end"]]
        assert vocabulary.decode(found.tolist()) == expected
        assert (found == vocabulary.eot_id).sum() == len([piece for piece in kept if piece])
        assert (row["source"], row["split"]) == (doc.source, doc.split)
        assert row["url"].startswith(f"https://{doc.source}.example/")
    mixed = open_dataset(built, "mix").read_all().to_pylist()
    expected_copies = {(row["doc_id"], c) for row in mixed for c in range(row["copies"])}
    assert {(row["doc_id"], row["copy"]) for row in rows} == expected_copies
    assert len(rows) == len(expected_copies)


def test_shards_hold_nothing_else_and_their_description_is_true(built):
    manifest = shards.verify(built.local("shards"))
    rows = open_dataset(built, "provenance").read_all()
    lengths = np.subtract(rows["end"].to_numpy(), rows["start"].to_numpy())
    assert sum(manifest.num_tokens.values()) == lengths.sum() + len(manifest.shards)
    assert sum(shard.num_documents for shard in manifest.shards) == rows.num_rows
    in_train = np.array(rows["split"].to_pylist()) == "train"
    assert sum(manifest.source_tokens.values()) == lengths[in_train].sum()
    assert len({shard.name for shard in manifest.shards if shard.split == "train"}) > 2
    dataset = open_dataset(built, "shards")
    assert dataset.files()[-1] == shards.MANIFEST
    dataset.verify()


def test_each_shard_lists_its_documents_in_token_order(built):
    dataset = open_dataset(built, "provenance")
    for part in range(dataset.num_parts):
        rows = dataset.read(part)
        assert rows["ordinal"].to_pylist() == list(range(rows.num_rows))
        starts, ends = rows["start"].to_pylist(), rows["end"].to_pylist()
        assert starts == [1, *ends[:-1]]


def test_the_report_measures_the_train_sample(built):
    report = json.loads((built.local("tokenizer") / "report.json").read_text())
    assert report["trained"]
    assert report["vocab_size"] == 400
    assert 1.5 < report["bytes_per_token"] < 4


def test_other_parts_give_the_same_bytes(built, session, tmp_path):
    assert digests(build(tmp_path, session, num_parts=1)) == digests(built)


def test_a_run_that_was_cut_off_ends_with_the_same_bytes(built, session):
    before = digests(built)
    for step, number in (("encode", 1), ("shards", 0), ("shards", 2)):
        built.remove("_stages", "tokenize", step, f"{number:05d}.json")
    built.remove("shards", "train-00000.bin")
    tokenize_text.run(job_at(built, "tokenize", session, tokenize=SETTINGS))
    assert digests(built) == before


def test_a_given_vocabulary_is_taken_as_it_is(built, session, tmp_path):
    given = tmp_path / "given"
    given.mkdir()
    vocabulary = learn(*count_pretokens(pa.array(PARAGRAPHS[::2])), vocab_size=300)
    save(vocabulary, given, {})
    settings = TokenizeSettings(vocabulary=str(given))
    docs, num_parts = DOCS[1:6], 7  # some parts without a document, and no validation
    store = build(tmp_path / "root", session, docs=docs, num_parts=num_parts, settings=settings)
    assert load(store.local("tokenizer")) == vocabulary
    manifest = shards.verify(store.local("shards"))
    assert manifest.vocab_size == 300
    assert {shard.split for shard in manifest.shards} == {"train"}
    recipe = job_at(store, "tokenize", session, tokenize=settings).recipe
    assert tokenize_text.files(recipe) == [str(given / "tokenizer.json")]


def test_without_a_given_vocabulary_no_outside_file_is_read(built, session):
    assert tokenize_text.files(job_at(built, "tokenize", session).recipe) == []
