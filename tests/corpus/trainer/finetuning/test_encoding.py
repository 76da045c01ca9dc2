"""Examples as ids and targets."""

from __future__ import annotations

from statistics import fmean, pstdev

import pytest

from corpus.errors import ConfigError, InputError
from corpus.tokenizer.files import load
from corpus.trainer.finetuning.encoding import encode_examples, learn_targets
from corpus.trainer.finetuning.tasks import Example, Task

A, B, C = "the cat sat on", "a mat", "one dog run by two small trees"


@pytest.fixture
def vocabulary(data):
    return load(data.tokenizer)


def encode(vocabulary, task, examples, context=64):
    targets = learn_targets(task, examples, where="rows")
    return encode_examples(examples, task, targets, vocabulary, context=context)


def test_each_kind_has_its_transform(vocabulary):
    a, b, c = (tuple(ids) for ids in vocabulary.encode([A, B, C]))
    s, d, e = range(vocabulary.size, vocabulary.size + 3)
    cases = [
        (Task(kind="classification"), (A,), (), ((s, *a, e),)),
        (Task(kind="entailment"), (A, B), (), ((s, *a, d, *b, e),)),
        (Task(kind="similarity"), (A, B), (), ((s, *a, d, *b, e), (s, *b, d, *a, e))),
        (Task(kind="multiple_choice"), (A,), (B, C), ((s, *a, d, *b, e), (s, *a, d, *c, e))),
    ]
    for task, texts, choices, expected in cases:
        labels = (0, 1) if choices else ("x", "y")
        rows = [Example(line=1, texts=texts, choices=choices, label=label) for label in labels]
        found = encode(vocabulary, task, rows)
        assert [one.sequences for one in found] == [expected, expected]
        assert [one.target for one in found] == [0, 1]
        assert not any(one.is_cut for one in found)


def test_what_does_not_fit_is_cut_and_told(vocabulary):
    rows = [Example(line=n, texts=(text,), label=text) for n, text in enumerate((C, C + B))]
    sizes = [len(ids) for ids in vocabulary.encode([C, C + B])]
    assert sizes[0] < sizes[1]
    found = encode(vocabulary, Task(kind="classification"), rows, context=sizes[0] + 2)
    assert [one.is_cut for one in found] == [False, True]
    assert [len(one.sequences[0]) for one in found] == [sizes[0] + 2] * 2


def test_scores_are_brought_to_mean_0_and_deviation_1(vocabulary):
    task = Task(kind="similarity", target="score")
    rows = [Example(line=1, texts=(A, B), label=score) for score in (1.0, 2.0, 4.0, 5.0)]
    targets = [one.target for one in encode(vocabulary, task, rows)]
    assert fmean(targets) == pytest.approx(0)
    assert pstdev(targets) == pytest.approx(1)
    assert targets == sorted(targets)


def test_one_score_alone_is_refused():
    rows = [Example(line=1, texts=(A, B), label=3.0)] * 2
    with pytest.raises(InputError, match="every row has the score 3"):
        learn_targets(Task(kind="similarity", target="score"), rows, where="rows")


def test_a_context_for_nothing_is_refused(vocabulary):
    rows = [Example(line=1, texts=(A,), label=label) for label in "xy"]
    with pytest.raises(ConfigError, match="max_tokens is 4, expected at least 8"):
        encode(vocabulary, Task(kind="classification"), rows, context=4)
