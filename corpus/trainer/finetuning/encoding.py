"""Examples -> ids and targets, as the model is given them; imports no torch.

A class is its place among the sorted classes of the training rows. A score is brought to mean 0
and deviation 1 over the training rows, so that a squared error of 1 is that of knowing nothing,
whatever scale the scores have.
Cost: encoding runs at the tokenizer's speed; all ids are in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import fmean, pstdev

from corpus.config import Settings
from corpus.errors import ConfigError, InputError
from corpus.tokenizer.vocabulary import Vocabulary
from corpus.trainer.finetuning import inputs
from corpus.trainer.finetuning.inputs import Ids, Special
from corpus.trainer.finetuning.tasks import Example, Kind, Task, class_names

SHORTEST_CONTEXT = 8
"""Fewest tokens of a sequence: the new ones, and a token or two of each part."""


class Targets(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How labels become numbers."""

    classes: tuple[str, ...] = ()
    """Names, sorted; none of scores and of multiple choice."""
    mean: float = 0.0
    """Of the training rows' scores."""
    deviation: float = 1.0
    """Of the training rows' scores."""

    @property
    def num_outputs(self) -> int:
        """Outputs of the task's layer for a sequence."""
        return len(self.classes) or 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """An example as the model is given it."""

    line: int
    """Of the example's row in its file."""
    sequences: tuple[Ids, ...]
    """One; both orders of similarity; or one for each choice."""
    target: int | float
    """Place of the class or choice, or the standardised score."""
    is_cut: bool
    """Whether the context was too short for it."""


def learn_targets(task: Task, examples: Sequence[Example], *, where: str) -> Targets:
    """The classes or the scale of training rows; raises InputError where all are the same."""
    if task.kind == "multiple_choice":
        return Targets()
    if task.target == "class":
        return Targets(classes=class_names(examples, where=where))
    scores = [float(example.label) for example in examples]
    deviation = pstdev(scores)
    if deviation == 0:
        raise InputError(f"{where}: every row has the score {scores[0]:g}, expected two at least")
    return Targets(mean=fmean(scores), deviation=deviation)


def encode_examples(
    examples: Sequence[Example],
    task: Task,
    targets: Targets,
    vocabulary: Vocabulary,
    *,
    context: int,
) -> list[Encoded]:
    """Each example as ids, in order; raises ConfigError where a context has room for nothing."""
    if context < SHORTEST_CONTEXT:
        raise ConfigError(f"max_tokens is {context}, expected at least {SHORTEST_CONTEXT}")
    special = inputs.special_ids(vocabulary.size)
    texts = [text for example in examples for text in (*example.texts, *example.choices)]
    ids = iter(vocabulary.encode(texts))
    found = []
    for example in examples:
        given = list(islice(ids, len(example.texts)))
        choices = list(islice(ids, len(example.choices)))
        longest = [*map(len, given), *([max(map(len, choices))] if choices else ())]
        found.append(
            Encoded(
                line=example.line,
                sequences=_transform(task.kind, given, choices, special, context),
                target=_target(example, targets),
                is_cut=sum(longest) + _num_special(task.kind) > context,
            )
        )
    return found


def _num_special(kind: Kind) -> int:
    return 2 if kind == "classification" else 3


def _transform(
    kind: Kind, given: list[list[int]], choices: list[list[int]], special: Special, context: int
) -> tuple[Ids, ...]:
    if kind == "multiple_choice":
        return inputs.multiple_choice(given, choices, special, context=context)
    transforms: dict[Kind, Callable[..., tuple[Ids, ...]]] = {
        "classification": inputs.classification,
        "entailment": inputs.entailment,
        "similarity": inputs.similarity,
    }
    return transforms[kind](*given, special, context=context)


def _target(example: Example, targets: Targets) -> int | float:
    if isinstance(example.label, str):
        return targets.classes.index(example.label)
    if isinstance(example.label, int):
        return example.label
    return (example.label - targets.mean) / targets.deviation
