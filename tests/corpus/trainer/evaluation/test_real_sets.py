"""The real benchmark files are asked whole: no row is bad, words are those of the papers."""

from __future__ import annotations

import pytest

from corpus.trainer.evaluation.detokenizers import DETOKENIZERS
from corpus.trainer.evaluation.reading import read_lines, read_questions, train_settings
from corpus.trainer.evaluation.shots import prompt
from corpus.trainer.evaluation.tasks import TASKS, task_of
from jobs.recipe import read_recipe


@pytest.fixture
def benchmarks(real_data):
    return read_recipe("real_pages", [f"data={real_data}"]).contamination.benchmarks


@pytest.mark.parametrize(
    ("name", "num_questions", "options"),
    [
        ("lambada", 5153, {1}), ("lambada_openai", 5153, {1}), ("boolq", 3270, {2}),
        ("arc_easy", 2376, {3, 4, 5}), ("piqa_choices", 1838, {2}), ("hellaswag", 10_042, {4}),
        ("gsm8k", 1319, {1}), ("truthfulqa", 817, set(range(2, 14))), ("race", 4887, {4}),
        ("mmlu", 9765, {4}),
    ],
)  # fmt: skip
def test_each_row_is_a_question(benchmarks, name, num_questions, options):
    task = TASKS[task_of(name, benchmarks[name].known)]
    questions, bad = read_questions(name, benchmarks[name], task.read)
    assert bad == {}
    assert len(questions) == num_questions
    assert {len(question.answers) for question in questions} <= options
    assert all("{" not in task.question.format(**one.fields) or "{" in "".join(
        one.fields.values()) for one in questions[:100])  # fmt: skip
    assert prompt(task, questions[0], [questions[1]])


def test_two_forms_of_lambada_ask_the_same(benchmarks):
    first, second = (
        read_questions(name, benchmarks[name], TASKS["lambada"].read)[0]
        for name in ("lambada", "lambada_openai")
    )
    assert [(one.fields, one.answers) for one in first] == [
        (one.fields, one.answers) for one in second
    ]


@pytest.mark.parametrize(
    ("name", "rules", "num_words", "num_left"),
    [("wikitext2", "wikitext", 245_569, 9), ("ptb", "ptb", 82_430, 0),
     ("ptb_valid", "ptb", 73_760, 0)],
)  # fmt: skip
def test_texts_have_the_words_of_the_papers(benchmarks, name, rules, num_words, num_left):
    lines = [text for _, text in read_lines(name, benchmarks[name])]
    assert sum(len(text.split()) + 1 for text in lines) == num_words
    undone = [DETOKENIZERS[rules].undo(text) for text in lines]
    assert sum(not is_undone for _, is_undone in undone) == num_left
    # Another line's plain form is never a line that was left, so that each has one of its own.
    plain = {text: " ".join(line.split()) for (text, _), line in zip(undone, lines, strict=True)}
    assert all(
        plain[text] == " ".join(line.split())
        for (text, _), line in zip(undone, lines, strict=True)
    )


def test_only_gsm8k_has_its_train_set_beside_it(benchmarks):
    names = [name for name, one in benchmarks.items() if train_settings(one) is not None]
    assert names == ["gsm8k"]
