"""Samples: every token once an epoch, in an order that is a function of the seed alone."""

from __future__ import annotations

import numpy as np
import pytest

from corpus.errors import Damaged, InputError
from corpus.shards import (
    ShardManifest,
    ShardWriter,
    TokenFormat,
    file_sha256,
    make_manifest,
    shard_info,
    shard_name,
)
from corpus.trainer.batches import (
    SampleOrder,
    TokenStream,
    open_split,
    permute,
    sequential_batches,
)

FORMAT = TokenFormat(vocab_size=1000, eot_id=999, tokenizer_sha256="ab" * 32)


def stream(*sizes: int) -> TokenStream:
    """Shards of these sizes whose tokens count up from 0 over all of them."""
    tokens = np.arange(sum(sizes), dtype=np.uint16)
    return TokenStream(np.split(tokens, np.cumsum(sizes)[:-1]), 1000)


def epoch_targets(order: SampleOrder, epoch: int) -> list[int]:
    targets = []
    for sample in range(epoch * order.num_windows, (epoch + 1) * order.num_windows):
        targets += order.batch(sample, 1)[1][0].tolist()
    return targets


def test_an_epoch_has_every_token_but_the_first_as_target_once():
    order = SampleOrder(stream=stream(30, 11, 40), context=8, seed=0)  # 80 targets, 10 windows
    for epoch in (0, 1, 7):
        assert sorted(epoch_targets(order, epoch)) == list(range(1, 81))
    assert epoch_targets(order, 0) != epoch_targets(order, 1)


def test_the_last_window_is_shifted_back_and_no_tail_is_lost():
    order = SampleOrder(stream=stream(84), context=8, seed=0)  # 83 targets: 10 windows and 3
    assert order.num_windows == 11
    targets = sorted(epoch_targets(order, 0))
    assert sorted(set(targets)) == list(range(1, 84))
    assert [t for t in set(targets) if targets.count(t) == 2] == [76, 77, 78, 79, 80]


def test_a_target_is_the_token_after_its_input():
    order = SampleOrder(stream=stream(30, 11, 40), context=8, seed=3)
    inputs, targets, _ = order.batch(0, 7)
    assert inputs.shape == targets.shape == (7, 8)
    assert np.array_equal(inputs + 1, targets)


def test_a_batch_is_the_same_however_it_is_split_into_passes():
    order = SampleOrder(stream=stream(500), context=8, seed=3)
    whole = order.batch(60, 8).inputs  # crosses the end of the first epoch of 63 windows
    halves = [order.batch(60, 4)[0], order.batch(64, 4)[0]]
    assert np.array_equal(whole, np.concatenate(halves))


def test_the_order_is_that_of_the_seed():
    one, same, other = (SampleOrder(stream=stream(500), context=8, seed=seed) for seed in (1, 1, 2))
    assert epoch_targets(one, 0) == epoch_targets(same, 0) != epoch_targets(other, 0)


@pytest.mark.parametrize("size", [1, 2, 3, 16, 17, 100, 1023, 1025])
def test_permute_reaches_every_position_once(size):
    assert sorted(permute(i, size, key="k") for i in range(size)) == list(range(size))


def test_permute_gives_the_same_order_on_every_machine():
    assert [permute(i, 10, key="0/0") for i in range(10)] == [7, 4, 2, 1, 9, 0, 8, 3, 5, 6]


def test_permute_leaves_no_pattern_behind():
    """Neighbours in the epoch are as far apart as chance puts them: a third of the size."""
    order = np.array([permute(i, 3000, key="k") for i in range(3000)])
    assert np.abs(np.diff(order)).mean() == pytest.approx(1000, rel=0.06)
    assert abs(np.corrcoef(order, np.arange(3000))[0, 1]) < 0.06


def test_a_stream_shorter_than_a_window_is_refused_with_what_to_do():
    with pytest.raises(InputError, match=r"has 8 tokens, a sequence needs 9; lower train.context"):
        SampleOrder(stream=stream(8), context=8, seed=0)
    assert SampleOrder(stream=stream(9), context=8, seed=0).num_windows == 1


def test_the_validation_stream_is_read_in_order_each_target_once():
    batches = list(sequential_batches(stream(20, 25), 8, 3))
    assert [targets.shape for _, targets, _ in batches] == [(3, 8), (2, 8), (1, 4)]
    flat = np.concatenate([targets.ravel() for _, targets, _ in batches])
    assert flat.tolist() == list(range(1, 45))
    assert all(np.array_equal(inputs + 1, targets) for inputs, targets, _ in batches)


def test_a_limit_takes_the_first_tokens_of_the_validation_stream():
    flat = [t.ravel().tolist() for _, t, _ in sequential_batches(stream(45), 8, 3, num_tokens=10)]
    assert flat == [list(range(1, 9)), [9, 10]]
    assert list(sequential_batches(stream(1), 8, 3)) == []
    assert list(sequential_batches(stream(0), 8, 3)) == []


def test_each_end_of_text_is_of_the_document_after_it():
    """Two shards: end-of-text, a document of 3 with its own, one of 2; then one of 4."""
    shards = [np.array([999, 1, 2, 999, 3, 999]), np.array([999, 4, 5, 6, 999])]
    ends = [np.array([4, 6]), np.array([5])]
    documents = TokenStream([s.astype(np.uint16) for s in shards], 1000, ends)
    numbers = documents.documents_of([0], 11)[0].tolist()
    assert numbers == [1, 1, 1, 2, 2, 3, 4, 4, 4, 4, 5]
    order = SampleOrder(stream=documents, context=5, seed=0)
    batch = order.batch(0, 2)
    for inputs, row in zip(batch.inputs.tolist(), batch.documents.tolist(), strict=True):
        start = (numbers[:5], numbers[5:10]).index(row)
        assert inputs == [*shards[0], *shards[1]][5 * start : 5 * start + 5]
    assert stream(20).documents_of([0], 5) is None


def test_shards_are_read_in_the_order_of_the_manifest(tmp_path, write_shards):
    shards = [np.arange(5), np.arange(5, 12)]
    manifest = write_shards(tmp_path, FORMAT, {"train": shards, "validation": [np.arange(3)]})
    train = open_split(tmp_path, manifest, "train")
    assert len(train) == 12
    assert train.read(3, 6).tolist() == [3, 4, 5, 6, 7, 8]
    assert len(open_split(tmp_path, manifest, "validation")) == 3


def test_a_shard_of_another_length_than_the_manifest_says_is_refused(tmp_path, write_shards):
    manifest = write_shards(tmp_path, FORMAT, {"train": [np.arange(5)]})
    write_shards(tmp_path, FORMAT, {"train": [np.arange(6)]})
    with pytest.raises(Damaged, match=r"train-00000.bin: 6 tokens, the manifest has 5"):
        open_split(tmp_path, manifest, "train")


def test_an_id_outside_the_vocabulary_is_refused():
    with pytest.raises(Damaged, match="token id 1000 near token 2, expected ids below 1000"):
        TokenStream([np.array([5, 1000], np.uint16)], 1000).read(0, 2)


@pytest.fixture
def pairs(tmp_path) -> ShardManifest:
    """Two train shards and one validation shard with their indexes, in tmp_path."""
    infos = []
    for split, number in (("train", 0), ("train", 1), ("validation", 0)):
        files = [tmp_path / f"{shard_name(split, number)}.{end}" for end in ("bin", "idx")]
        with ShardWriter(*files, FORMAT) as shard:
            for size in (3, 40, 500):
                shard.add(np.array([*range(size), 999], "<u2").tobytes())
        described = [(path.stat().st_size, file_sha256(path)) for path in files]
        infos.append(
            shard_info(FORMAT, split, number, num_documents=3, source_tokens={}, files=described)
        )
    return make_manifest(FORMAT, infos, seed=0)


def test_sound_shards_are_verified_and_read(tmp_path, pairs):
    verified, other = (open_split(tmp_path, pairs, "train", verify=v) for v in (True, False))
    assert len(verified) == 2 * (1 + 4 + 41 + 501)
    assert np.array_equal(verified.read(0, len(verified)), other.read(0, len(other)))


def test_documents_come_from_the_indexes_of_the_shards(tmp_path, pairs):
    masked = open_split(tmp_path, pairs, "train", with_documents=True)
    numbers = masked.documents_of([0], len(masked))[0]
    of_a_shard = [1] * 4 + [2] * 41 + [3] * 501 + [4]  # the last end-of-text begins nothing
    assert numbers.tolist() == [*of_a_shard, *(4 + n for n in of_a_shard)]
    assert open_split(tmp_path, pairs, "train").documents_of([0], 5) is None


# In the .bin: free words of the header, and ids; in the .idx: lengths, pointers and bounds.
@pytest.mark.parametrize(
    ("end", "at"), [("bin", 70), ("bin", 1026), ("bin", -1), ("idx", 34), ("idx", 50), ("idx", -1)]
)
def test_a_flipped_bit_is_found_on_request(tmp_path, pairs, end, at):
    path = tmp_path / f"train-00001.{end}"
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    open_split(tmp_path, pairs, "train")  # which nothing else would see
    with pytest.raises(Damaged) as caught:
        open_split(tmp_path, pairs, "train", verify=True)
    info = pairs.shards[1]
    expected = info.sha256 if end == "bin" else info.index_sha256
    said = str(caught.value)
    assert said.startswith(f"{path}: SHA-256 {file_sha256(path)}, expected {expected} as")
    assert "`winnow shards verify`" in said
    open_split(tmp_path, pairs, "validation", verify=True)


@pytest.mark.parametrize("end", ["bin", "idx"])
def test_a_missing_file_of_a_shard_is_found_on_request(tmp_path, pairs, end):
    (tmp_path / f"train-00000.{end}").unlink()
    with pytest.raises(Damaged, match=rf"train-00000.{end}: missing, but shards.json lists it"):
        open_split(tmp_path, pairs, "train", verify=True)
