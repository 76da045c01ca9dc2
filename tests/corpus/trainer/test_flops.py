"""Operations of a token, counted by hand; peaks of devices by their names."""

from __future__ import annotations

import pytest

from corpus.trainer.flops import flops_per_token, peak_flops
from corpus.trainer.shapes import PRESETS, ModelShape


def test_a_small_model_is_counted_by_hand():
    """One layer of width 4, 10 ids, 8 positions: a token uses each weight 6 times."""
    shape = ModelShape(num_layers=1, num_heads=1, width=4, context=8)
    matrices = 10 * 4 + 4 * (4 * 4) + 2 * (4 * 16)
    biases_and_norms = (12 + 4 + 16 + 4) + 3 * 8
    attention = 12 * 4 * 8
    expected = 6 * (matrices + biases_and_norms) + attention
    assert flops_per_token(shape, 10) == expected


def test_gpt2_takes_what_is_said_of_it():
    """124 M parameters at 1,024 tokens: 0.85 GFLOP a token, as 6 N + 12 L H Q T comes to."""
    assert flops_per_token(PRESETS["gpt2"], 50_257) == pytest.approx(0.855e9, rel=0.01)


@pytest.mark.parametrize(
    ("device", "teraflops"),
    [("NVIDIA H200", 989), ("NVIDIA H100 80GB HBM3", 989), ("NVIDIA H100 PCIe", 756),
     ("NVIDIA A100-SXM4-80GB", 312), ("NVIDIA L40S", 362), ("NVIDIA L4", 121),
     ("NVIDIA A10G", 70), ("NVIDIA A40", 149.7)],
)  # fmt: skip
def test_a_known_device_has_its_dense_peak(device, teraflops):
    assert peak_flops(device, "bfloat16") == teraflops * 1e12


def test_an_unknown_device_or_another_precision_has_none():
    assert peak_flops("NVIDIA GeForce GTX 750", "bfloat16") is None
    assert peak_flops("NVIDIA H200", "float32") is None
