"""What GPT-1 is about: what was learnt without labels answers where labels never pointed.

Two topics have twenty words each. The labelled texts are of five words of each topic, and those to
answer of the other fifteen: no label says of which topic they are, only the company that they kept
in the texts of pre-training.
"""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch")

from corpus.trainer.finetuning.classifier import Classifier  # noqa: E402
from corpus.trainer.finetuning.encoding import Encoded, Targets  # noqa: E402
from corpus.trainer.finetuning.inputs import classification, special_ids  # noqa: E402
from corpus.trainer.finetuning.settings import FinetuneSettings  # noqa: E402
from corpus.trainer.finetuning.tasks import Task  # noqa: E402
from corpus.trainer.finetuning.training import finetune  # noqa: E402
from corpus.trainer.model import GPT  # noqa: E402
from corpus.trainer.shapes import ModelShape  # noqa: E402

SHAPE = ModelShape(num_layers=1, num_heads=2, width=32, context=12)
WORDS, LABELLED = 20, 5
VOCAB = 2 * WORDS
SETTINGS = FinetuneSettings(
    epochs=20, score_every=20, examples_per_step=16, learning_rate=3e-3, lm_weight=0.5
)


def texts(num: int, low: int, high: int, *, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Texts of ten words of a topic, of its words low to high, and their topics."""
    generator = torch.Generator().manual_seed(seed)
    topics = torch.arange(num) % 2
    words = torch.randint(low, high, (num, 10), generator=generator)
    return words + WORDS * topics[:, None], topics


def rows(num: int, low: int, high: int, *, seed: int) -> list[Encoded]:
    words, topics = texts(num, low, high, seed=seed)
    special = special_ids(VOCAB)
    return [
        Encoded(line=1, sequences=classification(ids, special, context=12), target=topic,
                is_cut=False)
        for ids, topic in zip(words.tolist(), topics.tolist(), strict=True)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def pretrained() -> GPT:
    model = GPT(SHAPE, VOCAB, seed=0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for step in range(150):
        words, _ = texts(64, 0, WORDS, seed=1000 + step)
        model.loss(words[:, :-1], words[:, 1:]).backward()
        optimizer.step()
        optimizer.zero_grad()
    return model


def accuracy(gpt: GPT, seed: int) -> float:
    model = Classifier(gpt, Task(kind="classification"), 2, seed=seed)
    train, dev = rows(32, 0, LABELLED, seed=1), rows(200, LABELLED, WORDS, seed=2)
    targets = Targets(classes=("a", "b"))
    progress = finetune(model, train, dev, targets, SETTINGS, seed=seed, log=lambda line: None)
    assert progress.losses[-1][0] < 0.3  # the labelled rows themselves are learnt by either
    return progress.epochs[SETTINGS.epochs].main.value


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_pre_training_answers_for_words_that_no_label_was_given_for(pretrained, seed):
    ours = accuracy(copy.deepcopy(pretrained), seed)
    theirs = accuracy(GPT(SHAPE, VOCAB, seed=seed), seed)
    assert ours > 0.9
    assert theirs < 0.75
