"""What a training step costs in floating-point operations, and what a device could do.

Model FLOP utilisation is the model's own operations over the device's dense peak in the precision
used: recomputed or padded work does not count (Chowdhery et al. 2022, appendix B). Where the peak
of a device is not known, none is stated.
"""

from __future__ import annotations

from corpus.trainer.shapes import ModelShape

# Dense bfloat16 with float32 accumulation, operations a second, from the makers' data sheets; the
# first name found in the device's counts, so longer ones stand before those they begin with.
BFLOAT16_PEAKS = {
    "B200": 2250e12,
    "GH200": 989e12,
    "H200": 989e12,
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H100": 989e12,
    "A100": 312e12,
    "A40": 149.7e12,
    "A10G": 70e12,
    "A10": 125e12,
    "L40S": 362e12,
    "L40": 181e12,
    "L4": 121e12,
    "MI300X": 1307e12,
    "MI250X": 383e12,
}


def flops_per_token(shape: ModelShape, vocab_size: int) -> float:
    """Of forward and backward, for a token of a full sequence: 6 N + 12 L D T.

    N leaves out the positions, which are looked up; the embedding counts, as it is the output layer
    too. Attention counts as dense: that the causal half is skipped is the kernel's merit.
    """
    weights = shape.num_parameters(vocab_size) - shape.context * shape.width
    return 6.0 * weights + 12.0 * shape.num_layers * shape.width * shape.context


def peak_flops(device_name: str, precision: str) -> float | None:
    """The device's peak, or None: for other precisions and devices not listed."""
    if precision != "bfloat16":
        return None
    for name, peak in BFLOAT16_PEAKS.items():
        if name in device_name:
            return peak
    return None
