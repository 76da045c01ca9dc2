"""Figures clean and dirty, with the interval or the error that fits, and the tables of them."""

from __future__ import annotations

import math

import pytest

from corpus.trainer.evaluation.results import Figure, TaskResult
from filters.contamination.scores import compare
from jobs.evaluating.clean import told
from jobs.evaluating.showing import lines


def result(task: str, rows: str, *figures: Figure, **settings) -> TaskResult:
    return TaskResult(
        benchmark="b", task=task, num_shots=0, item_ids=tuple(rows), figures=figures,
        **{"chance": 0.5, "bad_rows": {}} | settings,
    )  # fmt: skip


ACCURACY = Figure(name="accuracy", amounts=(1.0, 0.0, 1.0, 1.0))
DIRTY = {"a": True, "b": True, "c": False, "d": False}


def test_shares_have_the_intervals_of_the_contamination_commands():
    [figure] = told(result("arc", "abcd", ACCURACY), DIRTY)["figures"]
    expected = compare(ACCURACY.amounts, [True, True, False, False])
    for name in ("all", "clean", "dirty"):
        one = getattr(expected, name)
        found = figure[name]
        assert (found["num"], found["value"], found["low"], found["high"]) == (
            one.number, one.value, one.low, one.high
        )  # fmt: skip
    difference = expected.difference
    assert figure["difference"] == {
        "value": difference.value, "low": difference.low, "high": difference.high
    }  # fmt: skip


def test_rows_of_several_questions_have_the_error_of_their_rows():
    [figure] = told(result("race", "aacc", ACCURACY), DIRTY)["figures"]
    assert "low" not in figure["all"]
    assert figure["all"]["error"] == pytest.approx(ACCURACY.error("aacc"))
    assert figure["clean"] == {"num": 2, "value": 1.0, "error": None}  # one row has no error
    assert figure["difference"] == {"value": 0.5, "error": None}


def test_a_question_that_no_table_has_is_neither_and_a_line_is_clean():
    found = told(result("arc", "abcx", ACCURACY), DIRTY)
    assert found["num_not_judged"] == 1
    assert [found["figures"][0][name]["num"] for name in ("all", "clean", "dirty")] == [4, 1, 2]
    perplexity = Figure(
        name="perplexity_word", amounts=(2.0, 4.0, 1.0, 1.0), units=(1.0, 1.0, 1.0, 1.0),
        is_exponential=True,
    )  # fmt: skip
    found = told(result("ptb", "abcx", perplexity), DIRTY)
    [figure] = found["figures"]
    assert found["num_not_judged"] == 0
    assert figure["clean"]["value"] == pytest.approx(math.e)
    assert figure["dirty"]["value"] == pytest.approx(math.exp(3))
    # Dirty: nats 2 and 4 about 3 a word, e**3 * sqrt((1 + 1) * 2) / 2; the clean ones are equal.
    assert figure["difference"]["error"] == pytest.approx(math.exp(3))


def test_a_figure_that_cannot_be_said_is_null_in_json_and_a_dash_in_the_table():
    found = told(result("arc", "", Figure(name="accuracy", amounts=())), DIRTY)
    assert found["figures"][0]["all"]["value"] is None
    [head, line, *_] = lines({"validation": None, "benchmarks": [found]})
    assert line.split()[:4] == ["b", "0", "accuracy", "-"]
    assert "clean - dirty" in head


def test_the_table_says_what_was_not_asked_cut_or_judged():
    one = result("arc", "abcx", ACCURACY, num_cut=3, bad_rows={"no label": 2}, notes=("a note",))
    shown = list(lines({"validation": None, "benchmarks": [told(one, DIRTY)]}))
    assert shown[-4:] == [
        "b: 1 are not in the contamination tables",
        "b: 3 of 4 did not fit the model's context; their beginning was not read",
        "b: 2 rows not asked: no label",
        "b: a note",
    ]


def test_other_normalisations_are_in_json_alone():
    other = Figure(name="accuracy_sum", amounts=(0.0, 0.0, 0.0, 0.0))
    found = told(result("arc", "abcd", ACCURACY, other), None)
    assert [figure["name"] for figure in found["figures"]] == ["accuracy", "accuracy_sum"]
    shown = lines({"validation": None, "benchmarks": [found]})
    assert sum("accuracy" in line for line in shown) == 1
