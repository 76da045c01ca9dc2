"""fastText as a classifier: against fastText's own scores, and as data."""

import gzip
import itertools
import json
import math

import numpy as np
import pyarrow as pa
import pytest

from corpus.errors import Damaged
from corpus.normal_form import normal_form
from filters.quality.classifiers.fasttext import FastTextModel, train
from filters.quality.classifiers.model import Facts
from filters.quality.settings import QualitySettings

floret = pytest.importorskip("floret")

GOOD = ["considered", "evidence", "suggests", "a", "longer", "argument", "with", "reasons"]
BAD = ["buy", "cheap", "now", "click", "free", "offer", "winner"]
FACTS = Facts(seed=3, training_set="ab12", sources=("crawl", "webtext"))


def column(*texts):
    return pa.array(texts, pa.large_string())


def documents(number=300, share=2):
    """Documents of several lines, one in `share` of them good."""
    drawn = np.random.default_rng(0)
    is_positive = np.arange(number) % share == 0
    texts = ["\n".join(drawn.choice(GOOD if good else BAD, 12)) for good in is_positive]
    return column(*texts), is_positive


def small_model(ngrams=1, seed=3, share=2, facts=FACTS):
    settings = QualitySettings(kind="fasttext", ngrams=ngrams, num_features=256)
    return train(*documents(share=share), settings, seed=seed, facts=facts)


def own_scores(texts, is_positive, asked, *, ngrams, seed, path, num_buckets=256):
    """fastText's probability of a positive, of its own training and prediction."""
    with path.open("w", encoding="utf-8") as file:
        for line, good in zip(normal_form(texts).to_pylist(), is_positive, strict=True):
            file.write(f"__label__{'positive' if good else 'negative'} {line}\n")
    model = floret.train_supervised(
        str(path), dim=100, lr=0.1, epoch=5, wordNgrams=ngrams, bucket=num_buckets, minCount=1,
        thread=1, seed=seed, verbose=0,
    )  # fmt: skip
    found = []
    for line in normal_form(asked).to_pylist():
        answer = model.f.predict(line + "\n", 2, 0.0, "strict")
        found.append({label: score for score, label in answer}["__label__positive"] - 1e-5)
    return np.array(found)  # 1e-5: fastText adds it before the logarithm that it ranks labels by


@pytest.mark.parametrize("ngrams", [1, 2, 3])
def test_scores_are_fasttexts(ngrams, tmp_path):
    texts, is_positive = documents()
    asked = column(
        "Considered evidence", "buy NOW, unseen words", "", None, "naïve 中", "click\nfree\nclick"
    )
    expected = own_scores(
        texts, is_positive, asked, ngrams=ngrams, seed=3, path=tmp_path / "lines.txt"
    )
    assert small_model(ngrams).score(asked) == pytest.approx(expected, abs=1e-6)


def test_real_pages_have_fasttexts_scores(real_data, tmp_path):
    found = []
    for name in ("web_gold", "nltk_misc"):
        with gzip.open(real_data / "text" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            found.append([json.loads(line)["text"] for line in itertools.islice(lines, 300)])
    texts = column(*itertools.chain.from_iterable(zip(*found, strict=True)))
    is_positive = np.arange(len(texts)) % 2 == 0
    settings = QualitySettings(kind="fasttext", ngrams=2, num_features=2**12)
    model = train(texts.slice(0, 400), is_positive[:400], settings, seed=1)
    expected = own_scores(
        texts.slice(0, 400), is_positive[:400], texts, ngrams=2, seed=1, num_buckets=2**12,
        path=tmp_path / "lines.txt",
    )  # fmt: skip
    assert model.score(texts) == pytest.approx(expected, abs=1e-6)
    assert len(model.words) > 10_000


def test_classes_that_differ_are_told_apart():
    scores = small_model().score(column(" ".join(GOOD), " ".join(BAD)))
    assert scores[0] > 0.9 > 0.1 > scores[1]


def test_a_line_break_parts_words_and_counts_no_further():
    one, two, glued = small_model().score(column("buy\ncheap", "Buy, cheap!", "buycheap"))
    assert one == two
    assert glued == pytest.approx(small_model().score(column(""))[0])  # not a word that was learnt


def test_the_larger_class_is_no_likelier():
    # Of nothing but the prior: one good document for nine bad ones weighs no less.
    model = small_model(share=10)
    assert model.intercept == pytest.approx(math.log(9))
    balanced = model.score(column("reasons"))[0]
    odds = math.log(balanced / (1 - balanced))
    number = model.words.index("reasons")
    assert odds == pytest.approx((model.weights[number] + model.end_weight) / 2 + math.log(9))


@pytest.mark.parametrize("ngrams", [1, 2])
def test_training_twice_gives_the_same_bytes(ngrams):
    files = small_model(ngrams).to_files()
    assert files == small_model(ngrams).to_files()
    assert files["weights.npy"] != small_model(ngrams, seed=4).to_files()["weights.npy"]


@pytest.mark.parametrize("ngrams", [1, 2])
def test_a_model_comes_back_as_it_was_saved(ngrams):
    model = small_model(ngrams)
    files = model.to_files()
    back = FastTextModel.from_files(files, where="here")
    asked = column("considered offer", "free reasons", "")
    assert back.score(asked).tolist() == model.score(asked).tolist()
    assert back.facts == FACTS
    assert back.to_files() == files
    assert set(files) == {"model.json", "words.txt", "weights.npy"} | (
        {"runs.npy"} if ngrams > 1 else set()
    )


@pytest.mark.parametrize("ngrams", [1, 2])
def test_the_words_of_an_explanation_add_up_to_the_score(ngrams):
    found = small_model(ngrams).explain("Considered evidence: buy, buy unseen!")
    odds = found.intercept + sum(part.contribution for part in found.parts)
    assert found.score == pytest.approx(1 / (1 + math.exp(-odds)))
    parts = {part.word: part for part in found.parts}
    assert parts["buy"].count == 2
    assert parts["unseen"].contribution == 0
    assert parts["considered"].contribution > 0 > parts["buy"].contribution
    runs = {"considered evidence", "evidence buy", "buy buy", "buy unseen", "unseen </s>"}
    assert set(parts) == {"considered", "evidence", "buy", "unseen", "</s>"} | (
        runs if ngrams > 1 else set()
    )


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("words.txt", None, "no such file"),
        ("words.txt", b"", "0 lines"),
        ("words.txt", b"a\nb\n", "2 lines with 2 distinct"),
        ("words.txt", b"a\n" * 15, "15 lines with 1 distinct"),
        ("words.txt", b"\xff\n", "utf-8"),
        ("weights.npy", b"", "expected an array of 15"),
        ("runs.npy", None, "no such file"),
        ("model.json", b"{}", "kind None, expected .* fasttext"),
    ],
)
def test_a_damaged_model_is_refused(name, data, expected):
    files = small_model(2).to_files()
    files.pop(name)
    with pytest.raises(Damaged, match=rf"^here/{name}: .*{expected}.*; train .* again$"):
        FastTextModel.from_files(files | ({name: data} if data is not None else {}), where="here")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"ngrams": 1}, "ngrams 1 and num_buckets 256"),
        ({"num_buckets": 0}, "ngrams 2 and num_buckets 0"),
        ({"end_weight": math.nan}, "end_weight is nan"),
        ({"intercept": None}, "intercept is None"),
    ],
)
def test_a_description_that_is_no_models_is_refused(changes, expected):
    files = small_model(2).to_files()
    about = json.loads(files["model.json"]) | changes
    files["model.json"] = json.dumps(about).encode()
    with pytest.raises(Damaged, match=rf"^here/model.json: .*{expected}.*; train .* again$"):
        FastTextModel.from_files(files, where="here")
