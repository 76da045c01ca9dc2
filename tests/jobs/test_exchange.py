"""Records between tasks: every one arrives, once, where it was sent."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from corpus.datasets import open_dataset
from corpus.ledger import Ledger
from corpus.stages import stage_named
from corpus.storage import Store
from jobs import exchange
from jobs.exchange import Sent, num_targets_for, packed, send, target_of, unpacked
from jobs.parts import Job

NUMBER = np.dtype([("number", "<i8")])
PAIR = np.dtype([("left", "<i4"), ("right", "<u8", 2)])


def numbers(values: range | list[int]) -> np.ndarray:
    return np.array([(value,) for value in values], NUMBER)


def arrived(sent: list[Sent], kinds, num_targets: int) -> list[tuple[np.ndarray, ...]]:
    """What each target gets, without Spark."""
    batches = [batch for one in sent for batch in packed(one, kinds, num_targets)]
    rows = pa.Table.from_batches(batches, schema=exchange._ARROW)
    target = rows["target"].to_numpy()
    return [
        unpacked(kinds, rows.filter(pa.array(target == k)).to_batches()) for k in range(num_targets)
    ]


@pytest.mark.parametrize("max_block", [1, 40, 8 << 20])
def test_records_arrive_at_their_targets_whatever_the_size_of_blocks(
    max_block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "MAX_BLOCK", max_block)
    rng = np.random.default_rng(1)
    targets = rng.integers(0, 5, 200)
    pairs = np.zeros(200, PAIR)
    pairs["left"] = rng.integers(0, 99, 200)
    pairs["right"][:, 1] = np.arange(200)
    sent = [Sent(numbers(range(200)), targets), Sent(pairs, targets[::-1].copy())]
    found = arrived(sent, (NUMBER, PAIR), 5)
    for k, (its_numbers, its_pairs) in enumerate(found):
        assert its_numbers["number"].tolist() == np.flatnonzero(targets == k).tolist()
        assert (its_pairs == pairs[targets[::-1] == k]).all()


@pytest.mark.parametrize(
    ("num_records", "num_targets"),
    [(0, 1), (1, 1), (10**6, 1), (10**6 + 1, 2), (20 * 10**6, 20), (4096 * 10**6, 4096),
     (5 * 10**9, 4096), (60 * 10**9, 7500)],
)  # fmt: skip
def test_a_target_gets_a_million_records_and_more_where_there_are_many(
    num_records: int, num_targets: int
) -> None:
    assert num_targets_for(num_records) == num_targets


@pytest.mark.parametrize("num_targets", [1, 7, 4096])
def test_hashes_are_shared_out_by_their_range(num_targets: int) -> None:
    hashes = np.sort(np.random.default_rng(1).integers(0, 2**64, 100_000, np.uint64))
    hashes[-1] = 2**64 - 1
    targets = target_of(hashes, num_targets)
    assert (np.diff(targets) >= 0).all()
    assert (targets[0], targets[-1]) == (0, num_targets - 1)
    assert np.bincount(targets).max() < 2 * len(hashes) / num_targets + 40


def test_one_target_for_all_and_none_for_nothing() -> None:
    found = arrived([Sent(numbers([4, 2]), 1), Sent(numbers([]), 0)], (NUMBER,), 3)
    assert [each["number"].tolist() for (each,) in found] == [[], [4, 2], []]


@pytest.mark.parametrize(
    "records", [np.array(["text"], object), np.zeros(1, PAIR), np.array([("a",)], [("x", "O")])]
)
def test_text_and_records_of_another_kind_are_refused(records: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected one of"):
        list(packed(Sent(records, 0), (NUMBER,), 1))


def produce(item: int) -> Iterator[Sent]:
    values = np.arange(item * 100, item * 100 + 100)
    yield Sent(numbers(values.tolist()), values % 4)


def square_of_each(target: int, given: np.ndarray) -> Iterator[Sent]:
    assert (given["number"] % 4 == target).all()
    yield Sent(numbers((given["number"] ** 2).tolist()), given["number"] % 3)


def write(out, given: np.ndarray) -> None:
    """As rows of the narrowest table there is."""
    values = np.sort(given["number"])
    out.taken(len(values))
    rows = {"row": pa.array(values.astype(np.int32)), "component": pa.array(values)}
    out.write("components", pa.table(rows))


@pytest.mark.spark
def test_two_hops_through_spark_lose_and_double_nothing(session, tmp_path) -> None:
    store = Store(str(tmp_path))
    job = Job(
        stage=stage_named("dedup"), recipe=SimpleNamespace(seed=0), store=store, session=session,
        ledger=Ledger(),
    )  # fmt: skip
    made = []

    def flow():
        made.append(1)
        first = send(session, produce, 3, kinds=(NUMBER,), num_targets=4)
        return first.through(square_of_each, kinds=(NUMBER,), num_targets=5)

    def receive() -> None:
        job.receive(
            flow, write, num_parts=5, outputs=("components",), counted="components", step="test"
        )

    receive()
    found = open_dataset(store, "components")
    expected = [[n * n for n in range(300) if n % 3 == k] for k in range(5)]
    assert [found.read(k)["component"].to_pylist() for k in range(5)] == expected
    receive()
    assert made == [1]  # all parts are done: nothing is sent again
