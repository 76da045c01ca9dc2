"""The loop: repeatable, the same for any passes, GPT-1's schedule, and it learns."""

from __future__ import annotations

import math
import re

import msgspec
import pytest

torch = pytest.importorskip("torch")

from corpus.errors import TrainingDiverged  # noqa: E402
from corpus.trainer.finetuning.batching import derived_seed, epoch_order, steps  # noqa: E402
from corpus.trainer.finetuning.encoding import Targets  # noqa: E402
from corpus.trainer.finetuning.settings import FinetuneSettings  # noqa: E402
from corpus.trainer.finetuning.tasks import KINDS  # noqa: E402
from corpus.trainer.finetuning.training import finetune, predict  # noqa: E402
from tests.corpus.trainer.finetuning.small import CLASSES, classifier, examples  # noqa: E402

SETTINGS = FinetuneSettings(epochs=2, examples_per_step=2, examples_per_pass=2, learning_rate=1e-3)


def trained(kind="entailment", *, settings=SETTINGS, seed=1, model=None, log=None):
    model = model or classifier(kind, seed=seed)
    rows = examples(kind)
    targets = Targets() if kind == "multiple_choice" else CLASSES
    progress = finetune(
        model, rows, rows, targets, settings, seed=seed, log=log or (lambda line: None)
    )
    return model, progress


def changed(**values) -> FinetuneSettings:
    return msgspec.structs.replace(SETTINGS, **values)


def assert_same(one, other, **tolerance) -> None:
    for (name, ours), theirs in zip(
        one.state_dict().items(), other.state_dict().values(), strict=True
    ):
        torch.testing.assert_close(ours, theirs, **tolerance, msg=lambda m, n=name: f"{n}: {m}")


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_gives_the_same_weights_to_the_bit(kind):
    one, progress = trained(kind)
    same, again = trained(kind)
    assert_same(one, same, rtol=0, atol=0)
    assert progress.losses == again.losses
    other, _ = trained(kind, seed=2)
    assert not torch.equal(one.output.weight, other.output.weight)


@pytest.mark.parametrize("kind", KINDS)
def test_passes_change_a_result_by_rounding_alone(kind):
    settings = changed(examples_per_step=3, dropout=0.5)
    one, progress = trained(kind, settings=changed(examples_per_step=3, dropout=0.5))
    other, again = trained(kind, settings=msgspec.structs.replace(settings, examples_per_pass=1))
    for ours, theirs in zip(progress.losses, again.losses, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4)
    assert_same(one, other, rtol=0, atol=2e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_the_rows_are_learnt(kind):
    settings = changed(epochs=60, learning_rate=3e-3, model_dropout=0.0)
    _, progress = trained(kind, settings=settings)
    first, last = progress.losses[0], progress.losses[-1]
    assert last[0] < first[0] / 3
    assert progress.epochs[60].main.value == 1.0


def test_the_model_itself_loses_too_where_it_is_told_to():
    (one, kept), (other, lost) = (
        trained(settings=changed(model_dropout=share)) for share in (0.0, 0.3)
    )
    assert kept.losses[0] != lost.losses[0]
    assert not torch.equal(one.output.weight, other.output.weight)
    rows = examples("entailment")
    assert predict(other, rows, SETTINGS) == predict(other, rows, SETTINGS)  # answers lose nothing


def test_the_language_models_loss_is_beside_the_tasks_or_not():
    with_lm, progress = trained(settings=changed(lm_weight=0.5))
    without, alone = trained(settings=changed(lm_weight=0.0))
    assert progress.losses[0][0] == pytest.approx(alone.losses[0][0])
    assert progress.losses[0][1] > 2.5  # near log(23)
    assert alone.losses[0][1] == 0
    assert not torch.equal(with_lm.output.weight, without.output.weight)


def test_a_loss_that_is_no_number_stops_before_the_weights_change():
    model = classifier("entailment")
    with torch.no_grad():
        model.output.weight[0, 0] = float("nan")
    before = model.gpt.positions.weight.clone()
    with pytest.raises(TrainingDiverged, match="finetune: step 1: loss nan of the task"):
        trained(model=model)
    assert torch.equal(model.gpt.positions.weight, before)


def test_each_epoch_is_scored_and_told():
    said: list[str] = []
    _, progress = trained(settings=changed(log_every=1), log=said.append)
    assert len(progress.epochs) == 2
    assert len(progress.losses) == 4
    assert [line for line in said if line.startswith("epoch")] == [
        f"epoch {number} of 2: {measures.words()}"
        for number, measures in progress.epochs.items()
    ]
    assert re.fullmatch(
        r"step 1 of 4, loss \d\.\d{3} \+ 0\.5 \* \d\.\d{3}, [\d,.]+ examples/s, "
        r"[\d,]+ s of steps left",
        said[0],
    )


def test_scores_may_be_taken_less_often_and_change_no_weight():
    often, scores = trained(settings=changed(epochs=5))
    seldom, few = trained(settings=changed(epochs=5, score_every=3))
    assert list(scores.epochs) == [1, 2, 3, 4, 5]
    assert few.epochs == {epoch: scores.epochs[epoch] for epoch in (3, 5)}
    assert_same(often, seldom, rtol=0, atol=0)


def test_outputs_come_in_the_order_of_the_examples():
    model, rows = classifier("multiple_choice"), examples("multiple_choice")
    together = predict(model, rows, changed(examples_per_pass=2))
    assert [len(values) for values in together] == [2, 3, 2]
    for row, values in zip(rows, together, strict=True):
        assert predict(model, [row], SETTINGS)[0] == pytest.approx(values, abs=1e-6)


def test_an_epoch_has_each_example_once_in_an_order_of_its_own():
    orders = [epoch_order(50, seed=1, epoch=epoch) for epoch in range(3)]
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert orders[0] != orders[1] != orders[2]
    assert orders[0] == epoch_order(50, seed=1, epoch=0) != epoch_order(50, seed=2, epoch=0)
    parts = list(steps(50, 32, seed=1, epoch=0))
    assert [len(part) for part in parts] == [32, 18]
    assert [number for part in parts for number in part] == orders[0]


def test_purposes_of_a_seed_draw_apart():
    assert len({derived_seed(1, "a", 1), derived_seed(1, "a", 2), derived_seed(2, "a", 1),
                derived_seed(1, "b", 1), derived_seed(1, "a", 1, 1)}) == 5  # fmt: skip


def test_the_rate_rises_over_a_share_of_the_steps_and_falls_linearly():
    settings = changed(learning_rate=1.0, warmup_fraction=0.2)
    rates = [settings.learning_rate_at(step, 10) for step in range(1, 11)]
    assert rates == pytest.approx([0.5, 1, *(left / 9 for left in range(8, 0, -1))])


def test_defaults_are_those_of_the_paper():
    found = FinetuneSettings()
    assert (found.learning_rate, found.epochs, found.examples_per_step) == (6.25e-5, 3, 32)
    assert (found.lm_weight, found.dropout, found.warmup_fraction) == (0.5, 0.1, 0.002)
    steps = 3 * found.steps_per_epoch(392_702)  # MNLI's
    assert found.learning_rate_at(math.ceil(0.002 * steps), steps) == pytest.approx(6.25e-5)


@pytest.mark.parametrize(
    ("name", "value"),
    [("epochs", 0), ("learning_rate", 0.0), ("lm_weight", -1.0), ("dropout", 1.0),
     ("warmup_fraction", 2.0), ("learning_rate", float("nan"))],
)  # fmt: skip
def test_a_setting_out_of_range_is_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} is {value}"):
        FinetuneSettings(**{name: value})
