"""The loss and outputs against a twin written out by hand, one sequence at a time."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from corpus.trainer.finetuning.batching import make_batch, passes  # noqa: E402
from corpus.trainer.finetuning.classifier import (  # noqa: E402
    Classifier,
    dropout_scale,
    num_targets,
    sequence_keys,
)
from corpus.trainer.finetuning.tasks import KINDS  # noqa: E402
from corpus.trainer.model import GPT  # noqa: E402
from corpus.trainer.shapes import ModelShape  # noqa: E402
from tests.corpus.trainer.finetuning.small import (  # noqa: E402
    EXAMPLES,
    SCORES,
    SHAPE,
    VOCAB,
    classifier,
    examples,
)

CASES = [*((kind, "class") for kind in KINDS), ("similarity", "score")]


def twin_hidden(model: Classifier, ids) -> torch.Tensor:
    """Hidden states of one sequence, with the embedding's rows put together by hand: (T, D)."""
    table = torch.cat([model.gpt.tokens.weight[:VOCAB], model.gpt.tokens.special])
    x = table[torch.tensor(ids)] + model.gpt.positions.weight[: len(ids)]
    x = x[None]
    for block in model.gpt.blocks:
        x = block(x)
    return model.gpt.norm(x)[0]


def twin_losses(model: Classifier, encoded, scale=None) -> tuple[torch.Tensor, torch.Tensor]:
    """L2 and L1 in plain torch."""
    table = torch.cat([model.gpt.tokens.weight[:VOCAB], model.gpt.tokens.special])
    task, tokens = [], []
    for number, example in enumerate(encoded):
        states = []
        for ids in example.sequences:
            hidden = twin_hidden(model, ids)
            state = hidden[-1] if scale is None else hidden[-1] * scale[number]
            states.append(state)
            chances = (hidden[:-1] @ table.T).log_softmax(1)
            tokens += [-chances[place, following] for place, following in enumerate(ids[1:])]
        if model.task.kind == "multiple_choice":
            outputs = torch.stack([model.output.weight[0] @ state for state in states])
        else:
            outputs = model.output.weight @ torch.stack(states).sum(0)
        if model.task.target == "score":
            task.append((outputs[0] - example.target) ** 2)
        else:
            task.append(-outputs.log_softmax(0)[example.target])
    return torch.stack(task).mean(), torch.stack(tokens).mean()


def made(kind, target):
    model = classifier(kind, target=target)
    with torch.no_grad():
        model.output.weight *= 20  # first outputs are near 0, where any loss is alike
    return model, examples(kind, SCORES if target == "score" else None)


@pytest.mark.parametrize(("kind", "target"), CASES)
def test_both_losses_are_those_of_the_twin(kind, target):
    model, encoded = made(kind, target)
    scale = dropout_scale(3, SHAPE.width, 0.5, seed=1, step=1)
    for given in (None, scale):
        found = model.losses(make_batch(encoded), given)
        expected = twin_losses(model, encoded, given)
        torch.testing.assert_close((found.task, found.lm), expected)


@pytest.mark.parametrize(("kind", "target"), CASES)
def test_the_whole_gradient_is_that_of_l2_and_half_l1(kind, target):
    model, encoded = made(kind, target)
    found = model.losses(make_batch(encoded))
    (found.task + 0.5 * found.lm).backward()
    ours = {name: p.grad.clone() for name, p in model.named_parameters()}
    model.zero_grad()
    task, lm = twin_losses(model, encoded)
    (task + 0.5 * lm).backward()
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(ours[name], parameter.grad, msg=lambda m, n=name: f"{n}: {m}")


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_reaches_every_new_embedding_through_the_input_alone(kind):
    model, encoded = made(kind, "class")
    model.losses(make_batch(encoded), with_lm=False).task.backward()
    reached = model.gpt.tokens.special.grad.abs().sum(1) > 0
    assert reached.tolist() == [True, kind != "classification", True]
    assert model.output.weight.grad.abs().sum() > 0


def test_only_w_y_and_three_embeddings_are_new():
    gpt = GPT(SHAPE, VOCAB)
    names = set(gpt.state_dict())
    model = Classifier(gpt, classifier("entailment").task, 3, seed=1)
    added = set(model.state_dict()) - {f"gpt.{name}" for name in names}
    assert added == {"gpt.tokens.special", "output.weight"}
    assert list(model.output.weight.shape) == [3, SHAPE.width]
    assert list(model.gpt.tokens.special.shape) == [3, SHAPE.width]


def test_a_vocabulary_without_spare_rows_has_the_new_tokens_too():
    model = Classifier(GPT(SHAPE, 64), classifier("classification").task, 2, seed=1)
    (example, *_) = examples("classification")
    ids = (64, *example.sequences[0][1:-1], 66)
    batch = make_batch([type(example)(line=1, sequences=(ids,), target=1, is_cut=False)])
    model.losses(batch).task.backward()
    assert (model.gpt.tokens.special.grad.abs().sum(1) > 0).tolist() == [True, False, True]


def test_new_parameters_depend_on_the_seed_and_are_no_copy_of_the_first_weights():
    one, same, other = (classifier("entailment", seed=seed) for seed in (0, 0, 5))
    assert torch.equal(one.gpt.tokens.special, same.gpt.tokens.special)
    assert not torch.equal(one.gpt.tokens.special, other.gpt.tokens.special)
    assert not torch.equal(one.gpt.tokens.special[0], one.gpt.tokens.weight[0])


@pytest.mark.parametrize("band", [0, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_gives_what_each_example_gives_alone(kind, band):
    shape = ModelShape(num_layers=2, num_heads=2, width=16, context=12, band=band)
    model, encoded = classifier(kind, shape=shape), examples(kind)
    together = model(make_batch(encoded))
    for row, example in enumerate(encoded):
        alone = model(make_batch([example]))[0]
        torch.testing.assert_close(together[row, : len(alone)], alone)


def test_similarity_does_not_know_which_text_came_first():
    model, encoded = made("similarity", "class")
    turned = [
        type(one)(line=1, sequences=one.sequences[::-1], target=one.target, is_cut=False)
        for one in encoded
    ]
    torch.testing.assert_close(model(make_batch(turned)), model(make_batch(encoded)))


def test_a_choice_that_is_not_there_has_no_chance():
    model, encoded = made("multiple_choice", "class")
    found = model(make_batch(encoded))
    assert found.isinf().tolist() == [[False, False, True], [False] * 3, [False, False, True]]
    assert model.losses(make_batch(encoded)).task.isfinite()


def test_weighted_losses_of_passes_are_those_of_the_step():
    model, encoded = made("multiple_choice", "class")
    whole = model.losses(make_batch(encoded))
    num_tokens = num_targets(make_batch(encoded))
    task = lm = torch.zeros(())
    for places in passes(encoded, 2):
        batch = make_batch([encoded[place] for place in places])
        losses = model.losses(batch)
        task = task + losses.task * len(places) / 3
        lm = lm + losses.lm * num_targets(batch) / num_tokens
    torch.testing.assert_close((task, lm), (whole.task, whole.lm))


def test_dropout_is_a_function_of_seed_and_step():
    one = dropout_scale(50, 40, 0.1, seed=1, step=7)
    assert torch.equal(one, dropout_scale(50, 40, 0.1, seed=1, step=7))
    assert not torch.equal(one, dropout_scale(50, 40, 0.1, seed=1, step=8))
    assert not torch.equal(one, dropout_scale(50, 40, 0.1, seed=2, step=7))
    assert sorted(set(one.flatten().tolist())) == pytest.approx([0, 1 / 0.9])
    assert 0.07 < (one == 0).float().mean() < 0.13
    assert torch.equal(dropout_scale(2, 3, 0.0, seed=1, step=1), torch.ones(2, 3))


def test_a_sequence_loses_by_its_example_and_step_wherever_it_is_batched():
    encoded = examples("multiple_choice")
    whole = sequence_keys(make_batch(encoded), [0, 1, 2], seed=1, step=3)
    assert len(set(whole.tolist())) == 7
    alone = sequence_keys(make_batch(encoded[1:2]), [1], seed=1, step=3)
    assert torch.equal(alone, whole[2:5])
    assert not torch.equal(alone, sequence_keys(make_batch(encoded[1:2]), [1], seed=1, step=4))
    assert not torch.equal(alone, sequence_keys(make_batch(encoded[1:2]), [1], seed=2, step=3))


def test_the_model_still_speaks_as_it_did():
    gpt = GPT(SHAPE, VOCAB)
    ids = torch.tensor([EXAMPLES["classification"][0][0][1:-1]])
    before = gpt.logits(ids)
    Classifier(gpt, classifier("classification").task, 3, seed=1)
    assert torch.equal(gpt.logits(ids), before)
