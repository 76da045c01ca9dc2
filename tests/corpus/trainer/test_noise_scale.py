"""The gradient noise scale against gradients whose noise is known."""

from __future__ import annotations

import numpy as np
import pytest

from corpus.trainer.noise_scale import MEMORY, NoiseScale

SMALL, BIG = 4, 32


def measured(signal: float, deviation: float, *, steps: int, size: int = 50) -> NoiseScale:
    """Steps of Gaussian gradients of `size` weights with a known mean, per sample and weight."""
    draw = np.random.default_rng(0)
    scale = NoiseScale()
    for _ in range(steps):
        samples = signal + deviation * draw.standard_normal((BIG, size))
        scale.add(
            small=SMALL,
            small_square=float(np.square(samples[:SMALL].mean(0)).sum()),
            big=BIG,
            big_square=float(np.square(samples.mean(0)).sum()),
        )
    return scale


def test_known_noise_comes_back():
    """tr(Sigma) = 50 * 2 ** 2 and |G| ** 2 = 50 * 0.5 ** 2, so 16 samples."""
    assert measured(0.5, 2.0, steps=5000).samples == pytest.approx(16, rel=0.1)


def test_each_part_is_without_bias():
    """The mean of single estimates is the truth, at a noise of 100 times the signal."""
    parts = [
        (scale.signal / scale.weight, scale.noise / scale.weight)
        for scale in (_one(seed) for seed in range(20_000))
    ]
    signal, noise = np.mean(parts, axis=0)
    spread = np.std(parts, axis=0) / np.sqrt(len(parts))
    assert abs(signal - 1.0) < 4 * spread[0]
    assert abs(noise - 100.0) < 4 * spread[1]
    assert spread[0] < 0.1
    assert spread[1] < 2


def _one(seed: int) -> NoiseScale:
    draw = np.random.default_rng(seed)
    samples = 1.0 + 10.0 * draw.standard_normal(BIG)
    scale = NoiseScale()
    scale.add(small=SMALL, small_square=samples[:SMALL].mean() ** 2,
              big=BIG, big_square=samples.mean() ** 2)  # fmt: skip
    return scale


def test_the_means_are_weighted_by_the_steps_since():
    scale = NoiseScale()
    for big_square in (1.0, 3.0):
        scale.add(small=1, small_square=5.0, big=2, big_square=big_square)
    signals, noises = (-3.0, 1.0), (8.0, 4.0)  # by the two formulas
    for total, (first, second) in ((scale.signal, signals), (scale.noise, noises)):
        assert total == pytest.approx((1 - MEMORY) * (MEMORY * first + second))
    assert scale.weight == pytest.approx(1 - MEMORY**2)


def test_there_is_none_before_a_step_and_where_noise_hides_the_gradient():
    assert NoiseScale().samples is None
    scale = NoiseScale()
    scale.add(small=1, small_square=8.0, big=2, big_square=2.0)  # less than noise alone would give
    assert scale.samples is None


def test_equal_batches_are_refused():
    with pytest.raises(ValueError, match="batches of 4 and 4 samples"):
        NoiseScale().add(small=4, small_square=1.0, big=4, big_square=1.0)
