"""Prompts: which examples stand before a question, and which items are asked at all.

Zero-shot has no example, one-shot one, few-shot K. Each item draws its own K, as in GPT-3's
evaluation (section 2.4), from the train set where its file is known, else from the set that is
scored, but never an example of its own row. Draws are keyed by seed, benchmark and item, so that
they are the same in every run and whatever else is asked. Needs no torch.
"""

from __future__ import annotations

from collections.abc import Sequence

from corpus.trainer.batches import permute
from corpus.trainer.evaluation.items import Question
from corpus.trainer.evaluation.tasks import Task


def drawn(size: int, limit: int, *, key: str) -> list[int]:
    """Which of `size` rows are asked where at most `limit` are (0 = all), in order.

    A smaller limit asks a part of what a larger one asks.
    """
    if not 0 < limit < size:
        return list(range(size))
    return sorted(permute(place, size, key=key) for place in range(limit))


def examples(
    question: Question, pool: Sequence[Question], num_shots: int, *, key: str
) -> list[Question]:
    """num_shots questions of the pool, or as many as it has, none of the question's own row."""
    key = f"{key}/{question.item_id}/{question.number}"
    found: list[Question] = []
    for place in range(len(pool)):
        if len(found) == num_shots:
            break
        one = pool[permute(place, len(pool), key=key)]
        if one.item_id != question.item_id:
            found.append(one)
    return found


def prompt(task: Task, question: Question, shots: Sequence[Question]) -> str:
    """What stands before the answer."""
    template = task.shot_question if shots and task.shot_question else task.question
    parts = [task.heading.format(**question.fields)]
    for shot in shots:
        right = shot.answers[shot.right].strip()
        parts += [template.format(**shot.fields), task.answer.format(answer=right), task.between]
    return "".join([*parts, template.format(**question.fields)])


def continuation(task: Task, answer: str) -> str:
    """An answer as it follows the prompt."""
    return task.answer.format(answer=answer.strip())
