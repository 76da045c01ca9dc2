"""Scores of choices, last words and free answers, on models whose chances are known."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from corpus.tokenizer.bytelevel import byte_characters  # noqa: E402
from corpus.tokenizer.vocabulary import END_OF_TEXT, Vocabulary  # noqa: E402
from corpus.trainer.evaluation.items import Question  # noqa: E402
from corpus.trainer.evaluation.running import Asked, Asking, ask, run_task  # noqa: E402
from corpus.trainer.evaluation.tasks import TASKS  # noqa: E402
from tests.corpus.trainer.known_models import chain  # noqa: E402

VOCABULARY = Vocabulary((*sorted(byte_characters().values()), END_OF_TEXT), ())
SIZE = VOCABULARY.size


def token(character: str) -> int:
    return VOCABULARY.encode([character])[0][0]


def model_of(chances, context=64):
    """A model of bytes: chances of the next character by the last; others are uniform."""
    rows = {
        token(last) if last else VOCABULARY.eot_id: {
            (token(character) if character else VOCABULARY.eot_id): share
            for character, share in following.items()
        }
        for last, following in chances.items()
    }
    return chain(rows, SIZE, context=context)


def question(answers, right=0, name="0", **fields):
    return Question(item_id=name, fields=fields, answers=answers, right=right)


def asked(task, *questions, **how):
    return ask("b", TASKS[task], questions, questions, Asking(**how))


def run(model, task, *questions, **how):
    return run_task(model, VOCABULARY, "b", task, asked(task, *questions, **how), Asking(**how))


def by_name(result):
    return {figure.name: figure.amounts for figure in result.figures}


# Choices

SPACE = {" ": {"a": 0.5, "b": 0.3, "c": 0.2}}


def test_each_normalisation_takes_the_option_that_it_is_said_to():
    # " a": 1/2. " ba": 0.3 * 0.9, by tokens sqrt-like: the space before is uniform in both.
    model = model_of({**SPACE, "b": {"a": 0.9, "c": 0.1}})
    one = question(("ba", "a"), right=0, context="x")
    found = by_name(run(model, "hellaswag", one))
    u = math.log(1 / SIZE)
    long, short = u + math.log(0.3 * 0.9), u + math.log(0.5)
    assert long < short
    assert long / 3 > short / 2
    assert long / 2 > short / 1
    assert found == {
        "accuracy": (1.0,), "accuracy_sum": (0.0,), "accuracy_per_byte": (1.0,)
    }  # fmt: skip


def test_an_option_that_is_likely_after_anything_gains_nothing_by_the_answer_context():
    # After "?" and after ":" a space is sure; the character before it is forgotten, but for "\n".
    model = model_of({":": {" ": 0.5, "\n": 0.5}, " ": {"a": 0.7, "b": 0.3}})
    one = question(("b", "a"), right=0, question="why")
    found = by_name(run(model, "arc", one))
    # " a" has 0.35 both after the question and after "Answer:", " b" 0.15: ratios of 1, the first.
    assert found["accuracy"] == (1.0,)
    assert found["accuracy_sum"] == (0.0,)
    assert set(found) == {"accuracy", "accuracy_sum", "accuracy_per_token", "accuracy_per_byte"}


def test_right_and_wrong_are_told_by_question():
    model = model_of(SPACE)
    options = ("a", "b", "c")
    result = run(model, "hellaswag", *(
        question(options, right=right, name=str(right), context="x") for right in range(3)
    ))  # fmt: skip
    assert result.figures[0].amounts == (1.0, 0.0, 0.0)
    assert result.item_ids == ("0", "1", "2")
    assert result.chance == pytest.approx(1 / 3)
    assert result.num_cut == 0


def test_questions_beyond_the_context_are_counted():
    model = model_of(SPACE, context=8)
    short, long = question(("a", "b"), context="x" * 6), question(("a", "b"), context="x" * 7)
    assert run(model, "hellaswag", short).num_cut == 0  # end-of-text, six letters, the space
    assert run(model, "hellaswag", long).num_cut == 1


# Last words


def test_a_last_word_is_right_where_each_of_its_tokens_is_the_likeliest():
    model = model_of({"d": {" ": 1.0}, " ": {"a": 0.6, "b": 0.4}, "a": {"b": 0.5, "c": 0.3}})
    result = run(
        model, "lambada",
        question(("ab",), name="0", context="x d"), question(("ac",), name="1", context="x d"),
    )  # fmt: skip
    accuracy, perplexity = result.figures
    assert accuracy.amounts == (1.0, 0.0)
    shares = [0.6 * 0.5 / 0.8, 0.6 * 0.3 / 0.8]  # the row of "a" is normalised
    assert perplexity.value() == pytest.approx(1 / math.sqrt(shares[0] * shares[1]), rel=1e-4)
    assert result.chance is None


def test_a_tokenized_passage_is_plain_before_its_last_word_is_asked_for():
    one = question(("home",), context="`` she did n't , '' he said , `` go")
    [text] = asked("lambada_standard", one).prompts
    assert text == '"she didn\'t," he said, "go'


# Free answers


def test_what_beam_search_writes_up_to_a_stop_is_compared():
    ways = {":": {" ": 1.0}, " ": {"4": 1.0}, "4": {"2": 1.0}, "2": {"\n": 1.0}, "\n": {"\n": 1.0}}
    model = model_of(ways)
    right, wrong = (
        question((f"so\n#### {number}",), name=number, question="q") for number in ("42", "43")
    )
    result = run(model, "gsm8k", right, wrong)
    assert by_name(result) == {"exact_match": (1.0, 0.0)}


def test_beams_find_what_is_likelier_in_all_than_the_greedy_answer():
    ways = {
        ":": {" ": 1.0}, " ": {"a": 0.51, "b": 0.49}, "b": {"\n": 1.0},
        "a": {str(digit): 0.1 for digit in range(10)},
    }
    ways |= {str(digit): {"\n": 1.0} for digit in range(10)}
    result = run(model_of(ways), "closed_book", question(("b",), question="q"))
    assert by_name(result) == {"exact_match": (1.0,)}


# What is asked


def test_a_limit_draws_rows_and_takes_all_their_questions():
    questions = [
        Question(item_id=str(n // 3), number=n % 3, fields={"context": f"{n}"}, answers=("a", "b"))
        for n in range(60)
    ]
    found = ask("b", TASKS["hellaswag"], questions, questions, Asking(limit=4, num_shots=2))
    assert len(found.questions) == 12
    assert len({one.item_id for one in found.questions}) == 4
    assert all(text.count("\n\n") == 2 for text in found.prompts)
    again = ask("b", TASKS["hellaswag"], questions, questions, Asking(limit=4, num_shots=2))
    assert found == again
    other = ask("c", TASKS["hellaswag"], questions, questions, Asking(limit=4, num_shots=2))
    assert found.item_ids != other.item_ids


def test_nothing_to_ask_gives_nothing():
    found = run_task(
        model_of(SPACE), VOCABULARY, "b", "hellaswag", Asked(questions=(), prompts=()), Asking()
    )
    assert (found.item_ids, found.chance) == ((), None)
    assert math.isnan(found.figures[0].value())
