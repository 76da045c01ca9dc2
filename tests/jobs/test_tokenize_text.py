"""The tokenize stage on Spark: shards come back as documents, byte for byte the same each time."""

from __future__ import annotations

import inspect
import random

import numpy as np
import pytest

from corpus import shards
from corpus.datasets import open_dataset
from corpus.storage import Store
from corpus.tokenizer.files import load
from corpus.tokenizer.settings import TokenizeSettings, VocabularySettings
from corpus.tokenizer.vocabulary import END_OF_TEXT
from filters.mixture import MixSettings
from jobs import mix, tokenize_text, vocabulary
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
SETTINGS = TokenizeSettings(tokens_per_shard=5000)
OUTPUTS = ("tokenizer", "shards", "provenance")


def build(root, session, *, docs=DOCS, num_parts: int = 3, **of_vocabulary) -> Store:
    store = judged_root(str(root), docs, num_parts=num_parts)
    sections = {
        "vocabulary": VocabularySettings(**({"size": 400} | of_vocabulary)),
        "mix": MixSettings(weights={"web": 1, "books": 1}, min_validation_tokens=0),
        "tokenize": SETTINGS,
        "sources": {"web": None, "books": None},
    }
    for name, stage in (("vocabulary", vocabulary), ("mix", mix), ("tokenize", tokenize_text)):
        stage.run(job_at(store, name, session, **sections))
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
    learnt = load(built.local("tokenizer"))
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
        assert learnt.decode(found.tolist()) == expected
        assert (found == learnt.eot_id).sum() == len([piece for piece in kept if piece])
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
    assert (manifest.recipe, manifest.seed) == ("judged", 0)
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


def test_other_parts_give_the_same_bytes(built, session, tmp_path):
    assert digests(build(tmp_path, session, num_parts=1)) == digests(built)


def test_a_run_that_was_cut_off_ends_with_the_same_bytes(built, session):
    before = digests(built)
    for step, number in (("shards", 0), ("shards", 2)):
        built.remove("_stages", "tokenize", step, f"{number:05d}.json")
    built.remove("shards", "train-00000.bin")
    tokenize_text.run(job_at(built, "tokenize", session, tokenize=SETTINGS))
    assert digests(built) == before


def test_every_encoder_gives_the_same_bytes(built, session, tmp_path):
    assert digests(build(tmp_path, session, encoder="tokenizers")) == digests(built)


def test_parts_without_documents_and_no_validation_are_fine(session, tmp_path):
    store = build(tmp_path, session, docs=DOCS[1:6], num_parts=7)
    manifest = shards.verify(store.local("shards"))
    assert {shard.split for shard in manifest.shards} == {"train"}


@pytest.mark.parametrize(
    "fields",
    [{"split_digits": True}, {"words_per_token": 3}, {"whitespace_runs": 8}, {"size": 70_000}],
)
def test_shards_of_other_splittings_give_the_texts_back(session, tmp_path, fields):
    store = build(tmp_path, session, docs=DOCS[1:20], num_parts=2, **fields)
    learnt = load(store.local("tokenizer"))
    manifest = shards.verify(store.local("shards"))
    texts = {doc_id(i, doc): doc.text for i, doc in enumerate(DOCS[1:20])}
    for row in open_dataset(store, "provenance").read_all().to_pylist():
        name = shards.shard_name(row["split"], row["shard"])
        tokens = shards.read_tokens(store.local("shards", f"{name}.bin"))
        found = learnt.decode(tokens[row["start"] : row["end"]].tolist())
        assert found == texts[row["doc_id"]] + END_OF_TEXT
    assert manifest.vocab_size == learnt.size


def test_gpt_1_s_kind_of_vocabulary_goes_the_same_way(session, tmp_path):
    store = build(tmp_path, session, docs=DOCS[1:20], kind="characters", num_merges=100)
    learnt = load(store.local("tokenizer"))
    assert (learnt.kind, len(learnt.merges)) == ("characters", 100)
    shards.verify(store.local("shards"))
    row = open_dataset(store, "provenance").read(0).to_pylist()[0]
    tokens = shards.read_tokens(store.local("shards", f"{row['split']}-00000.bin"))
    texts = {doc_id(i, doc): doc.text for i, doc in enumerate(DOCS[1:20])}
    words = "".join(texts[row["doc_id"]].lower().split())
    found = learnt.decode(tokens[row["start"] : row["end"] - 1].tolist())
    assert found.replace(" ", "") == words
