"""The vocabulary stage on Spark: the merges of the weighted mixture, whatever the parts."""

from __future__ import annotations

import inspect
import json
import random
from fractions import Fraction

import pyarrow as pa
import pytest
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer

from corpus.datasets import open_dataset
from corpus.errors import ConfigError, DataError
from corpus.storage import Store
from corpus.tokenizer.bytelevel import byte_characters
from corpus.tokenizer.files import load, save
from corpus.tokenizer.pretokens import count_pretokens
from corpus.tokenizer.settings import VocabularySettings
from corpus.tokenizer.training import learn
from filters.mixture import MixSettings
from jobs import vocabulary
from jobs.vocabulary import in_integers
from tests.judged import Doc, job_at, judged_root

pytestmark = pytest.mark.spark

PARAGRAPHS = [p for p in inspect.getsource(random).split("\n\n") if len(p) > 40]
DOCS = [
    *(
        Doc(text, source="books" if i % 3 else "web", name=f"paragraph {i}",
            split="train" if i % 10 else "validation")
        for i, text in enumerate(PARAGRAPHS)
    ),
    Doc("zzqq zzqq zzqq zzqq", name="cut", pieces=((0, 5),)),
    Doc("a duplicate", duplicate=True, name="duplicate"),
]


def build(root, session, *, num_parts: int = 3, weights=None, docs=DOCS, **fields) -> Store:
    store = judged_root(str(root), docs, num_parts=num_parts)
    settings = VocabularySettings(**({"size": 400} | fields))
    sources = {"web": None, "books": None}
    mixture = MixSettings(weights=weights or {})
    vocabulary.run(
        job_at(store, "vocabulary", session, vocabulary=settings, mix=mixture, sources=sources)
    )
    return store


@pytest.fixture(scope="module")
def built(session, tmp_path_factory) -> Store:
    return build(tmp_path_factory.mktemp("built"), session)


def train_texts(source: str) -> list[str]:
    return [doc.text[:5] if doc.pieces else doc.text for doc in DOCS
            if doc.source == source and doc.split == "train" and not doc.duplicate]  # fmt: skip


def merges_of(texts: list[str], size: int = 400) -> list[tuple[str, str]]:
    """Those of Hugging Face's trainer."""
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    trainer = BpeTrainer(
        vocab_size=size - 1, min_frequency=2, show_progress=False, special_tokens=[],
        initial_alphabet=list(byte_characters().values()),
    )  # fmt: skip
    tokenizer.train_from_iterator(texts, trainer)
    return [tuple(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]]


def test_without_weights_the_merges_are_those_of_all_train_text(built):
    learnt = load(built.local("tokenizer"))
    assert list(learnt.merges) == merges_of([*train_texts("web"), *train_texts("books")])
    assert json.loads(built.read("tokenizer", "report.json"))["vocab_size"] == 400


def test_a_source_counts_as_often_as_its_weight_asks_for(session, tmp_path):
    # Bytes of both are known, so that three epochs of one and one of the other can be asked for.
    sizes = {name: sum(len(t.encode()) for t in train_texts(name)) for name in ("web", "books")}
    weights = {"web": 3 * sizes["web"], "books": sizes["books"]}
    store = build(tmp_path, session, weights=weights, size=330)
    expected = merges_of([*train_texts("web") * 3, *train_texts("books")], 330)
    assert list(load(store.local("tokenizer")).merges) == expected
    assert expected != merges_of([*train_texts("web"), *train_texts("books")], 330)


def test_a_source_without_weight_is_not_learnt_from(session, tmp_path):
    store = build(tmp_path, session, weights={"web": 1, "books": 0}, size=300)
    assert list(load(store.local("tokenizer")).merges) == merges_of(train_texts("web"), 300)


def test_other_parts_give_the_same_bytes(built, session, tmp_path):
    other = build(tmp_path, session, num_parts=1)
    for store in (built, other):
        open_dataset(store, "tokenizer").verify()
    assert open_dataset(other, "tokenizer").digest() == open_dataset(built, "tokenizer").digest()


def test_the_rarest_pretokens_are_left_out_where_there_are_too_many(built, session, tmp_path):
    counts = sorted(open_dataset(built, "pretokens").read_all()["count"].to_pylist(), reverse=True)
    most = next(n for n in range(60, len(counts)) if counts[n] < counts[n - 1])
    store = build(tmp_path, session, max_pretokens=most)
    report = json.loads(store.read("tokenizer", "report.json"))
    assert report["learnt_from"] == most
    assert report["share_learnt_from"] == pytest.approx(sum(counts[:most]) / sum(counts))
    fewer = build(tmp_path / "fewer", session, max_pretokens=most - 1)
    assert json.loads(fewer.read("tokenizer", "report.json"))["learnt_from"] < most


def test_a_given_vocabulary_is_taken_as_it_is(session, tmp_path):
    given = tmp_path / "given"
    given.mkdir()
    learnt = learn(*count_pretokens(pa.array(PARAGRAPHS[::2])), vocab_size=300)
    save(learnt, given, {})
    store = build(tmp_path / "root", session, path=str(given))
    assert load(store.local("tokenizer")) == learnt
    assert open_dataset(store, "pretokens").num_rows == 0
    settings = VocabularySettings(path=str(given))
    recipe = job_at(store, "vocabulary", session, vocabulary=settings).recipe
    assert vocabulary.files(recipe) == [str(given / "tokenizer.json")]


def test_without_a_given_vocabulary_no_outside_file_is_read(built, session):
    assert vocabulary.files(job_at(built, "vocabulary", session).recipe) == []


def test_small_proportions_are_exact_and_large_ones_nearly_so():
    assert in_integers({"a": Fraction(1), "b": Fraction(1)}, 10**9) == (1, {"a": 1, "b": 1})
    assert in_integers({"a": Fraction(9, 4), "b": Fraction(3, 4)}, 10**9) == (
        Fraction(4, 3), {"a": 3, "b": 1},
    )  # fmt: skip
    odd = {"a": Fraction(10**7 + 19, 10**7), "b": Fraction(1, 3)}
    epoch, times = in_integers(odd, 10**9)
    assert (epoch, times["b"]) == (2**20, 349525)
    assert times["a"] / times["b"] == pytest.approx(3.0000057, rel=1e-5)
    epoch, times = in_integers(odd, 2**50)
    assert epoch == 2**9
    assert in_integers(odd, 2**70)[1] == {"a": 1, "b": 1}


def test_no_text_in_train_is_a_data_error(session, tmp_path):
    with pytest.raises(DataError, match="no document is left for training"):
        build(tmp_path, session, docs=[Doc("held out", split="validation")])


def test_an_unknown_source_stops_the_stage(session, tmp_path):
    with pytest.raises(ConfigError, match="unknown source wbe"):
        build(tmp_path, session, weights={"wbe": 1, "web": 1, "books": 1})
