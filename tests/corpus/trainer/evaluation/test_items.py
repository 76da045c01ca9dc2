"""Rows of each form in which a set is found are the questions that they should be."""

from __future__ import annotations

import pytest

from corpus.trainer.evaluation import items
from corpus.trainer.evaluation.items import Question, read_rows


def one(reader, row, item_id="7"):
    [found] = reader(row, item_id)
    assert found.item_id == item_id
    return found


def told(found: Question):
    return dict(found.fields), found.answers, found.right


@pytest.mark.parametrize(
    "row",
    [
        ["Swimming: A man dives. He", "1", "sinks.", "swims off.", "x", "y"],
        {"activity_label": "Swimming", "ctx_a": "A man dives.", "ctx_b": "he", "label": "1",
         "endings": ["sinks.", "swims off.", "x", "y"]},
    ],
)  # fmt: skip
def test_hellaswag_has_lines_or_columns(row):
    assert told(one(items.hellaswag, row)) == (
        {"context": "Swimming: A man dives. He"}, ("sinks.", "swims off.", "x", "y"), 1
    )  # fmt: skip


def test_marks_of_wikihow_are_taken_out():
    row = {"activity_label": "Tea", "ctx_a": "[header] How [title] Boil it.", "ctx_b": "",
           "label": 0, "endings": ["[step] Pour [substeps] it.", "Wait."]}  # fmt: skip
    assert told(one(items.hellaswag, row)) == (
        {"context": "Tea: How. Boil it."}, ("Pour it.", "Wait."), 0
    )  # fmt: skip


@pytest.mark.parametrize(
    "row",
    [
        {"query": "Question: Why?\n", "choices": ["So.", "No."], "gold": 1},
        {"goal": "Why?", "sol1": "So.", "sol2": "No.", "label": 1},
        {"question": "Why?", "choices": {"text": ["So.", "No."], "label": ["A", "B"]},
         "answerKey": "B"},
        {"question_stem": "Why?", "choices": {"text": ["So.", "No."], "label": ["1", "2"]},
         "answerKey": "2"},
    ],
)  # fmt: skip
def test_options_have_the_forms_of_their_publishers(row):
    assert told(one(items.options, row)) == ({"question": "Why?"}, ("So.", "No."), 1)


@pytest.mark.parametrize(
    "row",
    [
        {"query": "Passage: All of it.\nMore.\nQuestion: is it so?", "choices": ["no", "yes"],
         "gold": 1},
        {"query": "Passage: All of it.\nMore.\nQuestion: is it so?", "choices": ["yes", "no"],
         "gold": 0},
        {"passage": "All of it.\nMore.", "question": "is it so", "label": 1},
        {"passage": "All of it.\nMore.", "question": "is it so", "answer": True},
    ],
)  # fmt: skip
def test_boolq_is_no_or_yes(row):
    assert told(one(items.boolq, row)) == (
        {"context": "All of it.\nMore.", "question": "is it so"}, ("no", "yes"), 1
    )  # fmt: skip


def test_race_asks_each_question_after_those_before_it():
    row = {"article": "One went.", "questions": ["Who?", "He  _  ."], "answers": ["B", "A"],
           "options": [["Two", "One"], ["went", "came"]]}  # fmt: skip
    first, second = items.race(row, "high1.txt")
    assert (first.item_id, first.number, second.number) == ("high1.txt", 0, 1)
    assert told(first) == (
        {"context": "One went.", "asked": "", "question": "Who?"}, ("Two", "One"), 1
    )  # fmt: skip
    assert second.fields["asked"] == "Q: Who?\n\nA: One\n\n"


@pytest.mark.parametrize(
    "row",
    [
        {"question": "2 + 2?", "choice0": "3", "choice1": "4", "choice2": "5", "choice3": "6",
         "answer": "1"},
        {"question": "2 + 2?", "choices": ["3", "4", "5", "6"], "answer": 1},
        ["2 + 2?", "3", "4", "5", "6", "B"],
    ],
)  # fmt: skip
def test_mmlu_is_answered_by_a_letter(row):
    found = one(items.mmlu, row, "high_school_physics_test:3")
    assert found.answers == ("A", "B", "C", "D")
    assert found.right == 1
    assert found.fields["options"] == "A. 3\nB. 4\nC. 5\nD. 6"
    assert found.fields["about"] == " about high school physics"


@pytest.mark.parametrize(
    "row",
    [
        {"Question": "Why?", "Best Answer": "So", "Incorrect Answers": "No.; Never;"},
        {"question": "Why?",
         "mc1_targets": {"choices": ["So.", "No.", "Never."], "labels": [1, 0, 0]}},
    ],
)  # fmt: skip
def test_truthfulqa_has_one_best_answer(row):
    assert told(one(items.truthfulqa, row)) == ({"question": "Why?"}, ("Never.", "No.", "So."), 2)


@pytest.mark.parametrize(
    "row",
    [{"text": "He said,\n\"I am here"}, {"context": 'He said,\n"I am ', "continuation": " here"},
     ['He said,\n"I am here ']],
)  # fmt: skip
def test_a_last_word_follows_the_last_blank(row):
    assert told(one(items.last_word, row)) == ({"context": 'He said,\n"I am'}, ("here",), 0)


def test_a_line_break_is_no_blank():
    assert told(one(items.last_word, {"text": "a kind of\n\nPower"})) == (
        {"context": "a kind"}, ("of\n\nPower",), 0
    )  # fmt: skip


@pytest.mark.parametrize(
    ("row", "answers"),
    [
        ({"question": "Who?", "answer": {"value": "Ann", "aliases": ["Ann", "A."]}},
         ("Ann", "Ann", "A.")),
        ({"question": "Who?", "answer": ["Ann"]}, ("Ann",)),
        ({"question": "Who?", "answers": ["Ann", "Bob"]}, ("Ann", "Bob")),
    ],
)  # fmt: skip
def test_short_answers_are_all_right(row, answers):
    assert one(items.aliases, row).answers == answers


def test_a_worked_answer_ends_in_its_number():
    row = {"question": " 1 + 1? ", "answer": "It is 2.\n#### 2"}
    assert told(one(items.worked, row)) == ({"question": "1 + 1?"}, ("It is 2.\n#### 2",), 0)


@pytest.mark.parametrize(
    ("reader", "row", "reason"),
    [
        (items.options, {"goal": "Why?", "sol1": "a", "sol2": "b"}, "no label"),
        (items.options, {"query": "Why?", "choices": ["a", "b"], "gold": 2}, "of no option"),
        (items.options, {"query": "Why?", "choices": ["a", "b"], "gold": -1}, "of no option"),
        (items.options, {"query": "Why?", "choices": ["a", "b"], "gold": "x1"}, "neither"),
        (items.options, {"query": "Why?", "choices": ["a", "b"], "gold": None}, "neither"),
        (items.options, {"query": "Why?", "choices": ["a", "b"], "gold": True}, "of no option"),
        (items.options, {"query": " ", "choices": ["a", "b"], "gold": 0}, "query is no text"),
        (items.options, {"query": "Why?", "choices": ["a"], "gold": 0}, "list of options"),
        (items.options, {"query": "Why?", "choices": ["a", ""], "gold": 0}, "an option is no"),
        (items.options, ["Why?"], "no question"),
        (items.hellaswag, ["context"], "no 1"),
        (items.hellaswag, ["context", "E", "a", "b"], "of no option"),
        (items.boolq, {"query": "why?", "choices": ["no", "yes"], "gold": 0}, "a passage and"),
        (items.boolq, {"passage": "x", "question": "y", "label": -1}, "neither true"),
        (items.race, {"article": "x", "questions": "Who?", "answers": [], "options": []}, "list"),
        (items.mmlu, ["2 + 2?", "3", "4", "Z"], "neither"),
        (items.truthfulqa, {"question": "x", "mc1_targets": {"choices": ["a", "b"],
         "labels": [1, 1]}}, "one right answer"),
        (items.last_word, {"text": "word"}, "two words"),
        (items.worked, {"question": "x", "answer": "2"}, "####"),
        (items.aliases, {"question": "x", "answer": []}, "list of texts"),
    ],
)  # fmt: skip
def test_a_row_that_is_no_question_says_why(reader, row, reason):
    with pytest.raises(items.BadRow, match=reason):
        list(reader(row, "0"))


def test_a_bad_row_costs_itself_and_is_counted_whole():
    article = {"article": "One went.", "questions": ["Who?", "Where?"], "answers": ["A", "Z"],
               "options": [["Two", "One"], ["here", "there"]]}  # fmt: skip
    good = {**article, "answers": ["A", "B"]}
    questions, reasons = read_rows(items.race, [("0", article), ("1", good), ("2", {})])
    assert [(one.item_id, one.number) for one in questions] == [("1", 0), ("1", 1)]
    assert reasons == {"the label is neither a number nor a letter": 1, "no article": 1}
