"""A small model and hand-made examples of each kind, for the tests of fine-tuning."""

from __future__ import annotations

from collections.abc import Sequence

from corpus.trainer.finetuning.classifier import Classifier
from corpus.trainer.finetuning.encoding import Encoded, Targets
from corpus.trainer.finetuning.inputs import Ids
from corpus.trainer.finetuning.tasks import Kind, Task
from corpus.trainer.model import GPT
from corpus.trainer.shapes import ModelShape

VOCAB = 20
S, D, E = 20, 21, 22
SHAPE = ModelShape(num_layers=2, num_heads=2, width=16, context=12)

EXAMPLES: dict[Kind, list[Sequence[Ids]]] = {
    "classification": [((S, 1, 2, 3, E),), ((S, 4, E),), ((S, 5, 6, 7, 8, 9, E),)],
    "entailment": [((S, 1, 2, D, 3, E),), ((S, 4, D, 5, E),), ((S, 5, 6, 7, D, 8, 9, E),)],
    "similarity": [
        ((S, 1, 2, D, 3, E), (S, 3, D, 1, 2, E)),
        ((S, 4, D, 5, E), (S, 5, D, 4, E)),
        ((S, 5, 6, 7, D, 8, 9, E), (S, 8, 9, D, 5, 6, 7, E)),
    ],
    "multiple_choice": [
        ((S, 1, 2, D, 3, E), (S, 1, 2, D, 4, E)),
        ((S, 4, D, 5, E), (S, 4, D, 6, 7, E), (S, 4, D, 8, E)),
        ((S, 5, 6, D, 8, 9, E), (S, 5, 6, D, 1, E)),
    ],
}
TARGETS = {kind: (2, 0, 1) for kind in EXAMPLES} | {"multiple_choice": (1, 2, 0)}
SCORES = (-1.2, 0.0, 1.2)
CLASSES = Targets(classes=("a", "b", "c"))


def examples(kind: Kind, targets: Sequence[int | float] | None = None) -> list[Encoded]:
    return [
        Encoded(line=line, sequences=tuple(sequences), target=target, is_cut=False)
        for line, (sequences, target) in enumerate(
            zip(EXAMPLES[kind], targets or TARGETS[kind], strict=True), 1
        )
    ]


def classifier(kind: Kind, *, target: str = "class", shape: ModelShape = SHAPE, seed: int = 1):
    is_class = kind != "multiple_choice" and target == "class"
    task = Task(kind=kind, target=target)
    return Classifier(GPT(shape, VOCAB, seed=0), task, 3 if is_class else 1, seed=seed)
