"""The cut against all cuts, and the model's file."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import Damaged
from corpus.extraction.blocks import scan_html
from corpus.extraction.blocks.features import NUM_KINDS, NUM_MEASURES, NUM_SURROUND
from corpus.extraction.blocks.markup import NUM_TOKENS
from corpus.extraction.blocks.model import (
    MIN_COPY_WORDS,
    Model,
    choose,
    first_features,
    from_bytes,
    keep_blocks,
    second_features,
    to_bytes,
)
from corpus.extraction.blocks.structure import structure_of
from corpus.extraction.blocks.trees import Trees

NUM_FIRST = NUM_MEASURES + NUM_SURROUND
BLOCKS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]) | st.floats(0, 1, width=32),
              st.integers(2, 400)),
    min_size=1,
    max_size=12,
)  # fmt: skip


def stump(feature: int, *, threshold: float = 0.5, low: float = -2.0, high: float = 2.0) -> Trees:
    """An ensemble of one split."""
    return Trees(
        feature=np.array([feature, 0, 0], np.int32),
        threshold=np.array([threshold, np.inf, np.inf], np.float32),
        left=np.array([1, 1, 2], np.int32),
        value=np.array([0, low, high], np.float32),
        root=np.array([0], np.int32),
        depth=np.array([1], np.int32),
    )


def small_model(*, first: int = 3, second: int = 4) -> Model:
    weights = np.random.default_rng(0).normal(size=(NUM_KINDS, NUM_TOKENS)).astype(np.float16)
    return Model(weights.astype(np.float32), stump(first), stump(second))


def expected_f1(kept: list[bool], blocks: list[tuple[float, int]]) -> float:
    """Of words, with each sum at its expectation."""
    right = sum(p * n for keep, (p, n) in zip(kept, blocks, strict=True) if keep)
    chosen = sum(n for keep, (_, n) in zip(kept, blocks, strict=True) if keep)
    wanted = sum(p * n for p, n in blocks)
    return 2 * right / (chosen + wanted)


def chosen(blocks: list[tuple[float, int]]) -> list[bool]:
    probabilities, units = zip(*blocks, strict=True)
    return choose(np.array(probabilities, np.float32), np.array(units, np.int32)).tolist()


@given(BLOCKS)
def test_no_other_cut_has_a_greater_expected_f1(blocks):
    kept = chosen(blocks)
    best = max(
        expected_f1([p >= threshold for p, _ in blocks], blocks) for threshold, _ in blocks
    )
    assert expected_f1(kept, blocks) == pytest.approx(best, abs=1e-6)


@given(BLOCKS)
def test_no_block_is_left_out_that_is_likelier_than_one_kept(blocks):
    kept = chosen(blocks)
    assert any(kept)
    least = min(p for keep, (p, _) in zip(kept, blocks, strict=True) if keep)
    assert all(keep for keep, (p, _) in zip(kept, blocks, strict=True) if p >= least)


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ([(0.01, 2)], [True]),
        ([(0.0, 2), (0.0, 9)], [True, True]),
        ([(0.9, 100), (0.1, 100)], [True, False]),
        ([(0.9, 100), (0.5, 100)], [True, True]),
        ([(0.1, 100), (0.9, 2), (0.1, 100)], [True, True, True]),
        ([(0.2, 10), (0.2, 100), (0.9, 100)], [False, False, True]),
        ([(0.9, 100), (0.3, 100), (0.3, 2)], [True, False, False]),
        ([(0.9, 100), (0.4, 100), (0.4, 2)], [True, True, True]),
    ],
)
def test_the_cut_of_a_page(blocks, expected):
    assert chosen(blocks) == expected


def test_a_model_reads_back_as_it_was_written():
    model = small_model()
    packed = to_bytes(model)
    found = from_bytes(packed)
    assert np.array_equal(found.weights, model.weights)
    for ours, theirs in ((found.first, model.first), (found.second, model.second)):
        assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
        assert [array.dtype for array in ours] == [array.dtype for array in theirs]
    assert to_bytes(found) == packed


@pytest.mark.parametrize(
    "spoil",
    [
        lambda m: m._replace(weights=m.weights[:, :100]),
        lambda m: m._replace(weights=m.weights[:3]),
        lambda m: m._replace(first=stump(NUM_FIRST)),
        lambda m: m._replace(second=stump(NUM_FIRST + NUM_SURROUND)),
    ],
    ids=["tokens", "kinds", "first", "second"],
)
def test_a_model_of_other_features_is_refused(spoil: Callable[[Model], Model]):
    with pytest.raises(Damaged, match="train it again"):
        from_bytes(to_bytes(spoil(small_model())))


def test_the_last_feature_of_each_ensemble_fits():
    model = small_model(first=NUM_FIRST - 1, second=NUM_FIRST + NUM_SURROUND - 1)
    assert from_bytes(to_bytes(model)).second.feature[0] == NUM_FIRST + NUM_SURROUND - 1


def test_loading_a_model_executes_nothing():
    class Harmful:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return exec, ("raise SystemExit",)

    file = io.BytesIO()
    fields = {f"{name}_{field}": np.zeros(1) for name in ("first", "second")
              for field in Trees._fields}  # fmt: skip
    np.savez(file, weights=np.array([Harmful()], object), **fields)
    with pytest.raises(ValueError, match="allow_pickle"):
        from_bytes(file.getvalue())


def test_a_models_file_holds_no_times():
    """So that the same model is the same bytes on any day."""
    with zipfile.ZipFile(io.BytesIO(to_bytes(small_model()))) as file:
        assert {member.date_time for member in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_probabilities_are_the_mean_of_both_ensembles():
    scan = scan_html("<nav><a href=/>Home</a></nav><p>A text of some words.</p><p>And more.</p>")
    link_share = 2
    model = small_model(first=link_share, second=NUM_FIRST)  # the first one's probability itself
    high, low = 1 / (1 + np.exp(-2)), 1 / (1 + np.exp(2))
    assert model.probabilities(scan) == pytest.approx([high, low, low], abs=1e-6)
    other = model._replace(second=stump(NUM_FIRST, low=0.0, high=0.0))
    assert other.probabilities(scan) == pytest.approx([(x + 0.5) / 2 for x in (high, low, low)])


def test_the_second_ensemble_sees_what_the_first_one_does_and_its_surroundings():
    scan = scan_html("<p>One</p><p>two</p>")
    structure = structure_of(scan)
    first = first_features(scan, structure, small_model().weights)
    second = second_features(scan, structure, first, np.array([0.2, 0.7], np.float32))
    assert first.shape == (2, NUM_FIRST)
    assert np.array_equal(second[:, :NUM_FIRST], first)
    assert second.shape == (2, NUM_FIRST + NUM_SURROUND)
    assert second[:, NUM_FIRST].tolist() == pytest.approx([0.2, 0.7])


def words(num: int, *, start: int = 0) -> str:
    """So many words that are all different."""
    letters = "abcdefghij"
    return " ".join(
        "w" + "".join(letters[int(digit)] for digit in str(n)) for n in range(start, start + num)
    )


def kept(html: str, probabilities: list[float]) -> list[bool]:
    return keep_blocks(scan_html(html), np.array(probabilities, np.float32)).tolist()


def test_a_second_copy_of_a_long_block_is_left_out():
    text = words(MIN_COPY_WORDS)
    html = f"<p>z</p><p>{text}</p><p>and more</p><div>{text}</div>"
    assert kept(html, [0.0, 0.9, 0.9, 0.9]) == [False, True, True, False]


def test_a_copy_of_a_block_that_is_not_kept_stays():
    text = words(MIN_COPY_WORDS)
    assert kept(f"<p>z</p><div>{text}</div><p>{text}</p>", [0.0, 0.1, 0.9]) == [False, False, True]


def test_a_short_copy_stays():
    text = words(MIN_COPY_WORDS - 1)
    assert kept(f"<p>z</p><p>{text}</p><p>{text}</p>", [0.0, 0.9, 0.9]) == [False, True, True]


def test_a_long_block_that_repeats_another_in_part_stays():
    first, second = words(MIN_COPY_WORDS), words(MIN_COPY_WORDS, start=20)
    html = f"<p>z</p><p>{first}</p><p>{second}</p>"
    assert kept(html, [0.0, 0.9, 0.9]) == [False, True, True]


def test_a_page_without_long_blocks_is_cut_only():
    html = "<p>One two</p><p>three</p><p>four</p>"
    assert kept(html, [0.9, 0.1, 0.8]) == [True, False, True]
