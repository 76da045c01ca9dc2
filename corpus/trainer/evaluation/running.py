"""A model on one benchmark: its questions asked, answered and scored as the table of tasks says.

choice: each option's likelihood after the prompt, compared by the task's normalisation; accuracy by
the others is given too. last_word: whether each token of the word is the likeliest, and the word's
perplexity (Radford et al. 2019, section 3.3, without their stop-word filter, whose list is not
published). free: beam search of width 4 with a length penalty of alpha 0.6 (Brown et al. 2020,
section 2.4). A prompt that does not fit the model's context loses its beginning, and is counted.

Cost: choices a pass an option, options of one token a pass together; free answers a pass a token
over five rows, which dominates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from corpus.tokenizer.vocabulary import Vocabulary
from corpus.trainer.evaluation.answers import is_right
from corpus.trainer.evaluation.choices import NORMALISATIONS, Answer, choose, score_choices
from corpus.trainer.evaluation.detokenizers import DETOKENIZERS
from corpus.trainer.evaluation.items import Question
from corpus.trainer.evaluation.results import Figure, TaskResult, chance_of
from corpus.trainer.evaluation.scoring import encode_pairs, score
from corpus.trainer.evaluation.shots import continuation, drawn, examples, prompt
from corpus.trainer.evaluation.tasks import TASKS, Task
from corpus.trainer.generation.texts import Generation, complete
from corpus.trainer.model import GPT

NUM_BEAMS, ALPHA = 4, 0.6  # section 2.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How many are asked, and how."""

    num_shots: int = 0
    limit: int = 0
    """Rows, or lines of a text, at most; 0 = all."""
    seed: int = 0
    """Of the draws of rows and examples."""
    num_sequences: int = 16
    """Sequences in memory at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The questions of a benchmark that are asked, each with its prompt."""

    questions: tuple[Question, ...]
    prompts: tuple[str, ...]

    @property
    def item_ids(self) -> tuple[str, ...]:
        """The row of each."""
        return tuple(question.item_id for question in self.questions)


def ask(
    benchmark: str, task: Task, questions: Sequence[Question], pool: Sequence[Question], how: Asking
) -> Asked:
    """Draw the rows that are asked, and the examples of each from the pool."""
    rows = list(dict.fromkeys(question.item_id for question in questions))
    key = f"{how.seed}/{benchmark}"
    taken = {rows[place] for place in drawn(len(rows), how.limit, key=f"{key}/rows")}
    asked = tuple(_plain(task, one) for one in questions if one.item_id in taken)
    shown = [_plain(task, one) for one in pool] if how.num_shots else []
    prompts = tuple(
        prompt(task, one, examples(one, shown, how.num_shots, key=f"{key}/examples"))
        for one in asked
    )
    return Asked(questions=asked, prompts=prompts)


def _plain(task: Task, question: Question) -> Question:
    """A last word's passage without the set's tokenization; any other question as it is."""
    if not task.detokenizer:
        return question
    rules = DETOKENIZERS[task.detokenizer]
    word = question.answers[0]
    line, _ = rules.undo(f"{question.fields['context']} {word}")
    fields = {"context": line.removesuffix(word).rstrip(" ")}
    return Question(item_id=question.item_id, fields=fields, answers=question.answers)


def run_task(
    model: GPT,
    vocabulary: Vocabulary,
    benchmark: str,
    task_name: str,
    asked: Asked,
    how: Asking,
    *,
    bad_rows: dict[str, int] | None = None,
    notes: tuple[str, ...] = (),
) -> TaskResult:
    """Ask the questions of a benchmark; under the caller's autocast."""
    task = TASKS[task_name]
    run = {"choice": _choices, "last_word": _last_words, "free": _free}[task.kind]
    figures, num_cut = run(model, vocabulary, task, asked, how)
    options = [len(question.answers) for question in asked.questions]
    return TaskResult(
        benchmark=benchmark,
        task=task_name,
        num_shots=how.num_shots,
        item_ids=asked.item_ids,
        figures=figures,
        chance=chance_of(options) if task.kind == "choice" else None,
        bad_rows=bad_rows or {},
        num_cut=num_cut,
        notes=notes,
    )


Scores = tuple[tuple[Figure, ...], int]
"""Figures, and how many questions were cut."""


def _choices(
    model: GPT, vocabulary: Vocabulary, task: Task, asked: Asked, how: Asking
) -> Scores:
    pairs = [
        (text, [continuation(task, answer) for answer in question.answers])
        for text, question in zip(asked.prompts, asked.questions, strict=True)
    ]
    scored = score_choices(
        model,
        vocabulary,
        pairs,
        unconditional=task.normalisation == "answer_context",
        answer_context=task.answer_context,
        num_sequences=how.num_sequences,
    )
    names = [task.normalisation, *(n for n in NORMALISATIONS if n != task.normalisation)]
    if task.normalisation != "answer_context":
        names.remove("answer_context")
    figures = tuple(
        Figure(
            name="accuracy" if name == task.normalisation else f"accuracy_{name}",
            amounts=_right(scored, asked.questions, name),
        )
        for name in names
    )
    return figures, sum(any(answer.is_cut for answer in answers) for answers in scored)


def _right(
    scored: Sequence[Sequence[Answer]], questions: Sequence[Question], normalisation: str
) -> tuple[float, ...]:
    return tuple(
        float(choose(answers, NORMALISATIONS[normalisation]) == question.right)
        for answers, question in zip(scored, questions, strict=True)
    )


def _last_words(
    model: GPT, vocabulary: Vocabulary, task: Task, asked: Asked, how: Asking
) -> Scores:
    requests = encode_pairs(vocabulary, [
        (text, continuation(task, question.answers[0]))
        for text, question in zip(asked.prompts, asked.questions, strict=True)
    ])  # fmt: skip
    scored = score(model, requests, num_sequences=how.num_sequences)
    figures = (
        Figure(name="accuracy", amounts=tuple(float(one.is_greedy) for one in scored)),
        Figure(
            name="perplexity",
            amounts=tuple(-one.log_likelihood for one in scored),
            is_exponential=True,
        ),
    )
    return figures, sum(request.num_read > model.shape.context for request in requests)


def _free(model: GPT, vocabulary: Vocabulary, task: Task, asked: Asked, how: Asking) -> Scores:
    writing = Generation(
        max_tokens=task.max_tokens, num_beams=NUM_BEAMS, alpha=ALPHA, stops=task.stops
    )
    texts = [complete(model, vocabulary, text, writing).text for text in asked.prompts]
    right = tuple(
        float(is_right(text, question.answers, task.extract))
        for text, question in zip(texts, asked.questions, strict=True)
    )
    lengths = [1 + len(ids) for ids in vocabulary.encode(asked.prompts)]
    num_cut = sum(length > model.shape.context for length in lengths)
    return (Figure(name="exact_match", amounts=right),), num_cut
