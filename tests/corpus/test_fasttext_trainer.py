"""What is left of fastText's model, against fastText's own predictions."""

import builtins

import numpy as np
import pytest

from corpus.errors import SetupError
from corpus.fasttext_trainer import train_two_classes

floret = pytest.importorskip("floret")

GOOD = ["considered", "evidence", "suggests", "a", "longer", "argument", "with", "reasons"]
BAD = ["buy", "cheap", "now", "click", "free", "offer", "winner", "naïve", "中"]
SETTINGS = {"num_dimensions": 10, "learning_rate": 0.1, "num_epochs": 5, "num_buckets": 64}


def lines(number=200):
    drawn = np.random.default_rng(0)
    return [
        (" ".join(drawn.choice(GOOD if i % 2 else BAD, 12)), bool(i % 2)) for i in range(number)
    ]


def trained(ngrams=1, seed=1, some=None):
    return train_two_classes(some or lines(), ngrams=ngrams, seed=seed, **SETTINGS)


def test_each_word_has_one_number_that_says_which_class_it_speaks_for():
    found = trained()
    assert set(found.words) == {*GOOD, *BAD}
    assert found.weights.shape == (len(found.words),)
    assert found.ngram_weights.shape == (0,)
    weights = dict(zip(found.words, found.weights, strict=True))
    assert min(weights[word] for word in GOOD) > 0 > max(weights[word] for word in BAD)


def test_a_run_of_words_has_a_number_for_each_bucket():
    assert trained(ngrams=2).ngram_weights.shape == (64,)


@pytest.mark.parametrize("ngrams", [1, 2])
def test_the_same_lines_and_seed_give_the_same_numbers(ngrams):
    one, two, other = trained(ngrams), trained(ngrams), trained(ngrams, seed=2)
    assert one.words == two.words
    assert one.weights.tobytes() == two.weights.tobytes() != other.weights.tobytes()
    assert one.ngram_weights.tobytes() == two.ngram_weights.tobytes()
    assert one.end_weight == two.end_weight


def test_the_mean_over_a_line_is_fasttexts_log_odds(tmp_path):
    found = trained()
    path = tmp_path / "lines.txt"
    path.write_text(
        "".join(f"__label__{'positive' if good else 'negative'} {words}\n"
                for words, good in lines()), encoding="utf-8",
    )  # fmt: skip
    own = floret.train_supervised(
        str(path), dim=10, lr=0.1, epoch=5, wordNgrams=1, minCount=1, thread=1, seed=1, verbose=0
    )
    weights = dict(zip(found.words, found.weights, strict=True))
    for line in ("considered evidence", "buy cheap unseen words", "中 naïve free a", ""):
        known = [weights[word] for word in line.split() if word in weights]
        odds = (sum(known) + found.end_weight) / (len(known) + 1)
        labels = {label: score for score, label in own.f.predict(line + "\n", 2, 0.0, "strict")}
        # fastText adds 1e-5 before it takes the logarithm that it ranks labels by.
        expected = labels["__label__positive"] - 1e-5
        assert 1 / (1 + np.exp(-odds)) == pytest.approx(expected, abs=1e-6)


def test_no_file_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    trained()
    assert list(tmp_path.iterdir()) == []


def test_without_the_trainer_the_stage_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def missing(name, *arguments, **others):
        if name == "floret":
            raise ImportError(name)
        return real(name, *arguments, **others)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(SetupError, match=r"floret is not installed; pip install.*fasttext"):
        trained()
