"""Rows of benchmark files as questions: what each publisher's fields mean.

A reader takes a row as its file has it, and the row's id, and gives its questions: one, or as many
as an article of RACE has. It knows the forms in which a set is found: Hugging Face's columns, the
publisher's own files, and those of mosaicml/llm-foundry and llama.cpp. A row without a right answer
or with another form raises BadRow, and costs itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LETTERS = "ABCDEFGHIJ"
_BOOLQ = re.compile(r"Passage: (?P<passage>.*)\nQuestion: (?P<question>.*?)\n?", re.DOTALL)


class BadRow(ValueError):
    """A row that is no question of its set; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question with its answers."""

    item_id: str
    """Of the row it comes from, as the contamination tables have it."""
    fields: Mapping[str, str]
    """What a task's templates may name."""
    answers: tuple[str, ...]
    """The options of a choice; else the texts that are right."""
    right: int = 0
    """Which option is right; of a free answer, the one that examples show."""
    number: int = 0
    """Of the question in its row."""


Reader = Callable[[Any, str], Iterator[Question]]


def read_rows(
    reader: Reader, rows: Sequence[tuple[str, Any]]
) -> tuple[list[Question], dict[str, int]]:
    """The questions of rows, given as (id, row), and how many rows are bad, by reason."""
    questions: list[Question] = []
    reasons: dict[str, int] = {}
    for item_id, row in rows:
        try:
            questions += list(reader(row, item_id))
        except BadRow as error:
            reasons[str(error)] = reasons.get(str(error), 0) + 1
    return questions, reasons


def _value(row: Any, *names: str | int) -> Any:
    """What is below these names; raises BadRow where there is nothing."""
    for name in names:
        try:
            row = row[name]
        except (KeyError, IndexError, TypeError) as error:
            raise BadRow(f"no {'.'.join(map(str, names))}") from error
    return row


def _text(row: Any, *names: str | int) -> str:
    """The text below these names; raises BadRow where there is none."""
    found = _value(row, *names)
    if not isinstance(found, str) or not found.strip():
        raise BadRow(f"{'.'.join(map(str, names))} is no text")
    return found


def _texts(values: Any, name: str) -> tuple[str, ...]:
    """Two options or more, each a text."""
    if not isinstance(values, (list, tuple)) or len(values) < 2:
        raise BadRow(f"{name} is not a list of options")
    if not all(isinstance(value, str) and value.strip() for value in values):
        raise BadRow(f"{name}: an option is no text")
    return tuple(values)


def _place(label: Any, num_answers: int) -> int:
    """Which option a label means: a number from 0, as a number or in digits, or a letter from A."""
    if isinstance(label, str):
        label = LETTERS.find(label) if len(label) == 1 and label in LETTERS else label
    try:
        place = int(label)
    except (TypeError, ValueError) as error:
        raise BadRow("the label is neither a number nor a letter") from error
    if isinstance(label, (bool, float)) or not 0 <= place < num_answers:
        raise BadRow("the label is of no option")
    return place


def _has(row: Any, name: str) -> bool:
    return isinstance(row, dict) and name in row


def hellaswag(row: Any, item_id: str) -> Iterator[Question]:
    """Lines (context, label, four endings), or columns ctx_a, ctx_b, activity_label, endings."""
    if isinstance(row, list):
        context, label = _text(row, 0), _value(row, 1)
        endings = _texts(row[2:], "endings")
    else:
        begins = _text(row, "ctx_a"), str(_value(row, "ctx_b")).capitalize()
        context = _without_titles(f"{_text(row, 'activity_label')}: {' '.join(begins)}")
        label, endings = _value(row, "label"), _texts(_value(row, "endings"), "endings")
        endings = tuple(map(_without_titles, endings))
    fields = {"context": context.strip()}
    answers = tuple(ending.strip() for ending in endings)
    place = _place(label, len(answers))
    yield Question(item_id=item_id, fields=fields, answers=answers, right=place)


def _without_titles(text: str) -> str:
    """WikiHow's marks of titles taken out, as lm-evaluation-harness has it."""
    text = re.sub(r"\[.*?\]", "", text.strip().replace(" [title]", ". "))
    return text.replace("  ", " ")


def options(row: Any, item_id: str) -> Iterator[Question]:
    """A question with a list of options: llm-foundry's query, choices, gold; ARC's and others'."""
    if _has(row, "query"):
        question = _text(row, "query").strip().removeprefix("Question: ")
        answers, label = _texts(_value(row, "choices"), "choices"), _value(row, "gold")
    elif _has(row, "goal"):
        question, answers = _text(row, "goal"), (_text(row, "sol1"), _text(row, "sol2"))
        label = _value(row, "label")
    else:
        name = "question_stem" if _has(row, "question_stem") else "question"
        question, answers = _text(row, name), _texts(_value(row, "choices", "text"), "choices")
        labels = list(_value(row, "choices", "label"))
        label = labels.index(_value(row, "answerKey")) if row.get("answerKey") in labels else None
    place = _place(label, len(answers))
    fields = {"question": question.strip()}
    yield Question(item_id=item_id, fields=fields, answers=answers, right=place)


def boolq(row: Any, item_id: str) -> Iterator[Question]:
    """llm-foundry's query "Passage: ... Question: ...", or columns passage, question, label."""
    if _has(row, "query"):
        found = _BOOLQ.fullmatch(_text(row, "query"))
        if found is None:
            raise BadRow("query is not a passage and a question")
        passage, question = found["passage"], found["question"]
        choices = _texts(_value(row, "choices"), "choices")
        is_true = choices[_place(_value(row, "gold"), len(choices))] == "yes"
    else:
        passage, question = _text(row, "passage"), _text(row, "question")
        label = row["answer"] if _has(row, "answer") else _value(row, "label")
        if label not in (0, 1):
            raise BadRow("the label is neither true nor false")
        is_true = bool(label)
    fields = {"context": passage.strip(), "question": question.strip().removesuffix("?")}
    yield Question(item_id=item_id, fields=fields, answers=("no", "yes"), right=int(is_true))


def race(row: Any, item_id: str) -> Iterator[Question]:
    """An article with its questions: each is asked after those before it, answered."""
    article, asked = _text(row, "article").strip(), ""
    questions, labels = _value(row, "questions"), _value(row, "answers")
    if not isinstance(questions, list):
        raise BadRow("questions is no list")
    for number, question in enumerate(questions):
        if not isinstance(question, str):
            raise BadRow("a question is no text")
        answers = _texts(_value(row, "options", number), "options")
        place = _place(_value(labels, number), len(answers))
        fields = {"context": article, "asked": asked, "question": question.strip()}
        yield Question(
            item_id=item_id, fields=fields, answers=answers, right=place, number=number
        )
        asked += f"Q: {question.strip()}\n\nA: {answers[place].strip()}\n\n"


def mmlu(row: Any, item_id: str) -> Iterator[Question]:
    """Columns question, choices or choice0 to choice3, answer; or the publisher's bare cells."""
    if isinstance(row, list):
        question, answers, label = _text(row, 0), row[1:-1], row[-1]
    else:
        question, label = _text(row, "question"), _value(row, "answer")
        answers = (
            _value(row, "choices") if _has(row, "choices")
            else [_value(row, f"choice{number}") for number in range(4)]
        )  # fmt: skip
    listed = _texts(answers, "choices")
    lines = [f"{letter}. {text}" for letter, text in zip(LETTERS, listed, strict=False)]
    subject = item_id.rpartition(":")[0].removesuffix("_test").replace("_", " ")
    fields = {
        "question": question.strip(),
        "options": "\n".join(lines),
        "about": f" about {subject}" if subject else "",
    }
    letters = tuple(LETTERS[: len(listed)])
    yield Question(
        item_id=item_id, fields=fields, answers=letters, right=_place(label, len(listed))
    )


def truthfulqa(row: Any, item_id: str) -> Iterator[Question]:
    """The best answer and the incorrect ones of the publisher's table, or mc1_targets.

    Options are sorted: the publisher has the best one first, where a tie would choose it.
    """
    if _has(row, "mc1_targets"):
        answers = _texts(_value(row, "mc1_targets", "choices"), "mc1_targets")
        labels = list(_value(row, "mc1_targets", "labels"))
        if sorted(labels) != [0] * (len(answers) - 1) + [1]:
            raise BadRow("mc1_targets has not one right answer")
        question, best = _text(row, "question"), answers[labels.index(1)]
    else:
        question = _text(row, "Question")
        wrong = [one.strip() for one in _text(row, "Incorrect Answers").split(";")]
        listed = [_text(row, "Best Answer").strip(), *filter(None, wrong)]
        answers = tuple(one if one.endswith(".") else f"{one}." for one in listed)
        best = answers[0]
    ordered = tuple(sorted(answers))
    fields = {"question": question.strip()}
    yield Question(
        item_id=item_id, fields=fields, answers=ordered, right=ordered.index(best)
    )


def last_word(row: Any, item_id: str) -> Iterator[Question]:
    """A passage and its last word: text, or llm-foundry's context and continuation.

    The word is what follows the last blank, as lm-evaluation-harness and llm-foundry have it: in a
    few passages a line break stands in it.
    """
    if _has(row, "continuation"):
        context, word = _text(row, "context").rstrip(), _text(row, "continuation").strip()
    else:
        text = _text(row, 0) if isinstance(row, list) else _text(row, "text")
        parts = text.rstrip().rsplit(" ", 1)
        if len(parts) < 2:
            raise BadRow("the text has no two words")
        context, word = parts[0], parts[1].strip()
    yield Question(item_id=item_id, fields={"context": context.strip()}, answers=(word,))


def worked(row: Any, item_id: str) -> Iterator[Question]:
    """GSM8K's question, and its answer with the steps that lead to it."""
    answer = _text(row, "answer").strip()
    if "####" not in answer:
        raise BadRow("answer has no ####")
    yield Question(
        item_id=item_id, fields={"question": _text(row, "question").strip()}, answers=(answer,)
    )


def aliases(row: Any, item_id: str) -> Iterator[Question]:
    """A question with the short answers that are right: TriviaQA, Natural Questions, WebQs."""
    question = _text(row, "question").strip()
    name = "answers" if _has(row, "answers") else "answer"
    found = _value(row, name)
    if isinstance(found, dict):
        shown = [found["value"]] if found.get("value") else []
        found = [*shown, *found.get("aliases", ())]
    listed = [found] if isinstance(found, str) else list(found or ())
    if not listed or not all(isinstance(one, str) and one.strip() for one in listed):
        raise BadRow(f"{name} is no list of texts")
    yield Question(item_id=item_id, fields={"question": question}, answers=tuple(listed))
