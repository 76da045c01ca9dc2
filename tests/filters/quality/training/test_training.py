"""Training: what is learnt from, what is measured on, and what the card says."""

import json

import numpy as np
import pyarrow as pa
import pytest

from corpus.errors import InputError
from filters.quality.classifiers import read_classifier
from filters.quality.settings import QualitySettings
from filters.quality.training import divide, train, untrained_card
from tests.filters.quality.pages import BAD, GOOD, SETTINGS, examples_of, made, table, text_of

FASTTEXT = QualitySettings(num_features=2**12, kind="fasttext")


def texts(*given):
    return pa.array(given, pa.large_string())


def test_classes_that_differ_are_told_apart_on_unseen_sites():
    model, card = train(examples_of(table()), SETTINGS, seed=0)
    held_out = card["held_out"]
    assert card["trained"]
    assert card["converged"]
    assert held_out["divided_domains"] == []
    assert held_out["auc"] == held_out["average_precision"] == 1.0
    good, bad = model.score(texts(" ".join(GOOD), " ".join(BAD)))
    assert good > 0.7 > 0.3 > bad
    assert card["positives"]["by_source"] == {"webtext": 67}
    assert card["negatives"]["by_source"] == {"crawl": 67}
    assert card["positives"]["num_train"] + card["positives"]["num_held_out"] == 67
    assert held_out["pareto_keeps_positives"] > held_out["pareto_keeps_negatives"]
    assert {row["words"][0] for row in card["words"]["positive"]} == set(GOOD)
    assert json.loads(json.dumps(card, allow_nan=False)) == card


def test_classes_that_are_alike_are_not_told_apart():
    alike = examples_of(table(600, num_sites=100, words=(GOOD, GOOD)))
    _, card = train(alike, SETTINGS, seed=0)
    assert abs(card["held_out"]["auc"] - 0.5) < 0.25


def test_the_larger_class_is_no_likelier():
    rows = table(900, num_sites=200, words=(GOOD, GOOD))
    names = rows["source"].to_pylist()
    few = [name == "crawl" or (name == "webtext" and i % 7 == 0) for i, name in enumerate(names)]
    examples = examples_of(rows.filter(pa.array(few)))
    model, card = train(examples, SETTINGS, seed=0)
    assert card["positives"]["num_train"] * 5 < card["negatives"]["num_train"]
    assert abs(model.score(rows["text"]).mean() - 0.5) < 0.1


def test_training_twice_gives_the_same_bytes():
    (one, one_card), (two, two_card) = (
        train(examples_of(table(), num_parts=k), SETTINGS, seed=0) for k in (1, 3)
    )
    assert one.to_files() == two.to_files()
    assert one_card == two_card


def test_the_penalty_is_swept_where_the_settings_ask():
    settings = QualitySettings(num_features=2**12, regularisation=(1.0, 100.0))
    _, card = train(examples_of(table()), settings, seed=0)
    assert [row["regularisation"] for row in card["sweep"]] == [1.0, 100.0]
    assert card["regularisation"] in (1.0, 100.0)
    assert train(examples_of(table()), SETTINGS, seed=0)[1]["sweep"] == []


def test_a_saved_model_scores_as_it_did():
    model, card = train(examples_of(table()), SETTINGS, seed=0)
    back = read_classifier(model.to_files(), where="here")
    given = texts(*(text_of(i, GOOD + BAD) for i in range(20)))
    assert back.score(given).tolist() == model.score(given).tolist()
    assert card["training_set"] in model.to_files()["model.json"].decode()


def test_the_mark_of_the_training_set_is_that_of_its_texts_and_classes():
    def mark(**changes):
        texts = [text_of(i, GOOD if i % 2 else BAD) for i in range(80)]
        texts[7] = changes.get("text", texts[7])
        return train(made(texts, [i % 2 == 1 for i in range(80)]), SETTINGS, seed=0)[1][
            "training_set"
        ]

    assert mark() == mark()
    assert mark() != mark(text="quite another text")


def long(number):
    return " ".join(f"w{i}" for i in np.random.default_rng(number).integers(0, 4000, 80))


def test_leaks_are_left_out_of_both_sides_and_counted():
    base = [long(i) for i in range(120)]
    texts = base + base[:10] + [base[100]] * 3
    is_positive = [i < 60 for i in range(120)] + [False] * 10 + [False] * 3
    has_benchmark = [20 <= i < 25 for i in range(133)]
    examples = made(texts, is_positive, has_benchmark=has_benchmark)
    split = divide(examples, SETTINGS, seed=0)
    assert split.about["left_out"]["near_duplicate_of_negative"] == 10
    assert split.about["left_out"]["benchmark_text"] == 5
    assert split.about["left_out"]["positives"] == 15
    gone = set(split.examples.texts.to_pylist()) & set(base[20:25])
    assert not gone
    rows = split.examples.texts.to_pylist()
    learnt = {rows[i] for i in np.flatnonzero(split.is_training)}
    assert not learnt & {rows[i] for i in np.flatnonzero(split.is_measured)}
    is_twin = np.array([text == base[100] for text in rows])
    assert split.about["left_out"]["held_out_twins"] == (
        is_twin & ~split.is_training & ~split.is_measured
    ).sum()


@pytest.fixture
def trainer():
    pytest.importorskip("floret")


@pytest.mark.usefixtures("trainer")
def test_fasttext_is_measured_on_the_same_split_with_the_same_card():
    examples = examples_of(table())
    _, logistic = train(examples, SETTINGS, seed=0)
    model, card = train(examples, FASTTEXT, seed=0)
    assert card["kind"] == "fasttext"
    assert card["training_set"] == logistic["training_set"]
    for name in ("num_positives", "num_negatives", "num_units"):
        assert card["held_out"][name] == logistic["held_out"][name]
    assert set(logistic["held_out"]) == set(card["held_out"])
    assert card["held_out"]["auc"] == 1.0
    assert card["sweep"] == []
    named = [row["words"][0] for row in card["words"]["positive"]]
    assert set(named[: len(GOOD)]) <= {*GOOD, "</s>"}
    assert json.loads(json.dumps(card, allow_nan=False)) == card
    back = read_classifier(model.to_files(), where="here")
    given = texts(*(text_of(i, GOOD + BAD) for i in range(20)))
    assert back.score(given).tolist() == model.score(given).tolist()


@pytest.mark.usefixtures("trainer")
def test_fasttext_learns_the_same_from_any_parts():
    one, many = (train(examples_of(table(), num_parts=k), FASTTEXT, seed=0) for k in (1, 4))
    assert one[0].to_files() == many[0].to_files()
    assert one[1] == many[1]


def test_leaks_that_leave_too_few_stop_the_stage():
    base = [long(i) for i in range(40)]
    examples = made(base + base, [True] * 40 + [False] * 40)
    with pytest.raises(InputError, match=r"0 positive .*40 more were left out as leaks"):
        train(examples, SETTINGS, seed=0)


def test_the_card_of_a_run_without_a_classifier_says_why():
    card = untrained_card("no source of the recipe is judged", SETTINGS)
    assert (card["trained"], card["why"]) == (False, "no source of the recipe is judged")
    assert json.loads(json.dumps(card)) == card
