"""The samples of a step: the same for any number of ranks and any size of a pass."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from corpus.trainer.batches import SampleOrder, TokenStream  # noqa: E402
from corpus.trainer.loading import Loader  # noqa: E402
from corpus.trainer.ranks import Ranks  # noqa: E402
from corpus.trainer.schedules import Schedule  # noqa: E402
from corpus.trainer.settings import TrainSettings  # noqa: E402

CPU = torch.device("cpu")
SETTINGS = TrainSettings(
    context=8, sequences_per_step=12, num_steps=0, num_tokens=8 * 100,
    ramp_sequences=4, ramp_tokens=8 * 40, ramp_increment=1,
)  # fmt: skip


def order() -> SampleOrder:
    stream = TokenStream([np.arange(801, dtype=np.uint16)], 1000)  # 100 windows
    return SampleOrder(stream=stream, context=8, seed=0)


def loaders(num_ranks: int, per_pass: int) -> list[Loader]:
    ranks = [Ranks(rank, num_ranks, CPU) for rank in range(num_ranks)]
    return [Loader(order(), Schedule(SETTINGS), one, per_pass) for one in ranks]


def steps(num_ranks: int, per_pass: int, *, in_two: bool = False, ahead: bool = True) -> list:
    """Inputs of each step of a run, over all ranks in their order."""
    schedule, found, consumed = Schedule(SETTINGS), [], 0
    of_ranks = loaders(num_ranks, per_pass)
    while consumed < schedule.total_samples:
        following = consumed + schedule.batch(consumed)
        inputs = []
        for loader in of_ranks:
            passes = loader.step(consumed, in_two=in_two)
            if ahead:
                loader.read_ahead(following, in_two=in_two)
            inputs += [one.tokens for one in passes]
            assert all(torch.equal(one.tokens + 1, one.targets) for one in passes)
        found.append(torch.cat(inputs))
        consumed = following
    for loader in of_ranks:
        loader.close()
    return found


@pytest.mark.parametrize("num_ranks", [1, 2, 3, 4])
@pytest.mark.parametrize("per_pass", [1, 5, 100])
@pytest.mark.parametrize("in_two", [False, True])
def test_every_step_has_the_same_samples_in_the_same_order(num_ranks, per_pass, in_two):
    expected = steps(1, 12, ahead=False)
    assert [len(step) for step in expected] == [len(step) for step in steps(num_ranks, per_pass)]
    for step, same in zip(steps(num_ranks, per_pass, in_two=in_two), expected, strict=True):
        assert torch.equal(step, same)


def test_every_sample_of_an_epoch_is_seen_once():
    seen = torch.cat(steps(3, 2))[:100, 0].tolist()
    assert sorted(seen) == [8 * window for window in range(100)]


def test_a_pass_holds_no_more_than_it_may():
    loader = loaders(2, 5)[1]
    assert [len(one.tokens) for one in loader.step(60)] == [5, 1]  # 6 of 12
    loader.close()


@pytest.mark.parametrize("num_ranks", [1, 3])
def test_in_two_the_first_pass_is_as_large_on_all_ranks(num_ranks):
    found = [[len(one.tokens) for one in loader.step(5, in_two=True)]
             for loader in loaders(num_ranks, 100)]  # fmt: skip
    assert all(len(sizes) >= 2 for sizes in found) or num_ranks == 3
    assert len({sizes[0] for sizes in found}) == 1


def test_what_was_read_ahead_for_another_step_is_not_taken():
    loader = loaders(1, 12)[0]
    loader.read_ahead(60)
    assert torch.equal(loader.step(0)[0].tokens, loaders(1, 12)[0].step(0)[0].tokens)
    loader.close()
