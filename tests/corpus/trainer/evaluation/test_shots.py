"""Prompts have the wanted examples, drawn by key, and never the item itself."""

from __future__ import annotations

import pytest

from corpus.trainer.evaluation.items import Question
from corpus.trainer.evaluation.shots import continuation, drawn, examples, prompt
from corpus.trainer.evaluation.tasks import TASKS, task_of

QUESTIONS = [
    Question(item_id=f"{n // 2}", number=n % 2, fields={"question": f"q{n}?"},
             answers=(f"wrong{n}", f"right{n} "), right=1)
    for n in range(20)
]  # fmt: skip


def test_all_rows_are_asked_where_no_limit_is_met():
    assert drawn(5, 0, key="k") == drawn(5, 5, key="k") == drawn(5, 9, key="k") == [0, 1, 2, 3, 4]


def test_a_smaller_limit_asks_a_part_of_what_a_larger_one_asks():
    few, many = (drawn(1000, limit, key="k") for limit in (20, 50))
    assert (len(few), len(many)) == (20, 50)
    assert set(few) < set(many)
    assert few == sorted(few)
    assert few != drawn(1000, 20, key="other")
    assert max(few) > 200


@pytest.mark.parametrize("num_shots", [0, 1, 5, 18, 30])
def test_examples_are_other_rows_each_once(num_shots):
    for question in QUESTIONS[:4]:
        found = examples(question, QUESTIONS, num_shots, key="k")
        assert len(found) == min(num_shots, 18)
        assert question.item_id not in {one.item_id for one in found}
        assert len({(one.item_id, one.number) for one in found}) == len(found)


def test_examples_differ_by_item_and_key_and_are_the_same_again():
    by_item = [examples(question, QUESTIONS, 6, key="k") for question in QUESTIONS]
    assert by_item == [examples(question, QUESTIONS, 6, key="k") for question in QUESTIONS]
    assert by_item[0] != by_item[1]
    assert by_item[0] != examples(QUESTIONS[0], QUESTIONS, 6, key="other")
    assert by_item[0][:3] == examples(QUESTIONS[0], QUESTIONS, 3, key="k")


def test_a_prompt_is_examples_with_their_right_answers_and_the_question():
    task = TASKS["arc"]
    assert prompt(task, QUESTIONS[0], []) == "Question: q0?\nAnswer:"
    assert prompt(task, QUESTIONS[0], QUESTIONS[2:4]) == (
        "Question: q2?\nAnswer: right2\n\nQuestion: q3?\nAnswer: right3\n\n"
        "Question: q0?\nAnswer:"
    )
    assert continuation(task, " wrong0") == " wrong0"


def test_the_heading_stands_once_before_the_examples():
    fields = {"about": " about law", "question": "Is it?", "options": "A. no\nB. yes"}
    asked = Question(item_id="law_test:0", fields=fields, answers=("A", "B"), right=1)
    assert prompt(TASKS["mmlu"], asked, [asked]) == (
        "The following are multiple choice questions (with answers) about law.\n\n"
        "Is it?\nA. no\nB. yes\nAnswer: B\n\n"
        "Is it?\nA. no\nB. yes\nAnswer:"
    )


def test_a_last_word_is_a_blank_to_fill_in_where_there_are_examples():
    first, second = (
        Question(item_id=name, fields={"context": f"{name} went to visit her friend"},
                 answers=("Bob.",))
        for name in ("Alice", "Eve")
    )  # fmt: skip
    task = TASKS["lambada"]
    assert prompt(task, first, []) == "Alice went to visit her friend"
    assert prompt(task, first, [second]) == (
        "Eve went to visit her friend ____. -> Bob.\n\n"
        "Alice went to visit her friend ____. ->"
    )


@pytest.mark.parametrize(
    ("benchmark", "known", "task"),
    [
        ("arc_easy", "llm_foundry_multiple_choice", "arc"),
        ("lambada_openai", "llm_foundry_language_modeling", "lambada"),
        ("exams", "mmlu", "mmlu"),
        ("piqa_test", "", None),
        ("humaneval", "humaneval", None),
    ],
)
def test_a_benchmark_is_asked_by_its_name_or_its_entry(benchmark, known, task):
    assert task_of(benchmark, known) == task
