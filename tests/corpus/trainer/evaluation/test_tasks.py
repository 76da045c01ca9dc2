"""The table of tasks is whole: names of rules exist, and templates name what readers give."""

from __future__ import annotations

import pytest

from corpus.benchmarks import known_benchmarks
from corpus.trainer.evaluation import items
from corpus.trainer.evaluation.answers import EXTRACTIONS
from corpus.trainer.evaluation.detokenizers import DETOKENIZERS
from corpus.trainer.evaluation.shots import prompt
from corpus.trainer.evaluation.tasks import TASKS

ROWS = {
    items.hellaswag: ["It: he", "0", "a", "b"],
    items.options: {"query": "Why?", "choices": ["a", "b"], "gold": 0},
    items.boolq: {"passage": "x", "question": "y", "label": 0},
    items.race: {"article": "x", "questions": ["y"], "answers": ["A"], "options": [["a", "b"]]},
    items.mmlu: ["y", "a", "b", "A"],
    items.truthfulqa: {"Question": "y", "Best Answer": "a", "Incorrect Answers": "b"},
    items.last_word: {"text": "a b"},
    items.worked: {"question": "y", "answer": "#### 1"},
    items.aliases: {"question": "y", "answer": ["a"]},
}


@pytest.mark.parametrize("name", TASKS)
def test_each_task_names_rules_that_there_are(name):
    task = TASKS[name]
    has = {
        "normalisation": task.normalisation in ("sum", "per_token", "per_byte", "answer_context"),
        "extract": task.extract in EXTRACTIONS and task.max_tokens > 0 and bool(task.stops),
    }
    assert has == {"normalisation": task.kind == "choice", "extract": task.kind == "free"}
    assert (task.read is None) == (task.kind == "text")
    assert not task.detokenizer or task.detokenizer in DETOKENIZERS
    assert task.kind != "text" or task.detokenizer


@pytest.mark.parametrize("name", [name for name, task in TASKS.items() if task.read])
def test_each_template_names_fields_that_its_reader_gives(name):
    task = TASKS[name]
    [question] = task.read(ROWS[task.read], "part:0")
    text = prompt(task, question, [question])
    assert "{" not in text
    assert not text[-1].isspace()
    assert text.count(task.between.strip() or "\n") >= 1


def test_no_benchmark_has_two_tasks():
    names = [name for task in TASKS.values() for name in task.benchmarks]
    assert len(names) == len(set(names))


def test_what_is_not_a_name_of_the_registry_is_one_of_a_recipe():
    own = {"piqa_choices", "ptb_valid", "lambada"}
    names = {name for task in TASKS.values() for name in task.benchmarks}
    assert names - {*known_benchmarks()} == own
