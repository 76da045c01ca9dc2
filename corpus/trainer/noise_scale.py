"""The gradient noise scale: about how large a batch pays (McCandlish et al. 2018).

B_simple = tr(Sigma) / |G|^2: the noise of one sample's gradient over the square of the true
gradient. GPT-3 chose its batches by it (Brown et al. 2020, section 2.3). Both parts are estimated
without bias from the gradient's square at two batch sizes (appendix A.1),

    |G|^2     = (B |G_B|^2 - b |G_b|^2) / (B - b)
    tr(Sigma) = (|G_b|^2 - |G_B|^2) / (1/b - 1/B)

and averaged over the steps each by itself, as the mean of a ratio is biased. Here B is a step's
batch and b its first pass: the gradient is there at that moment, and the cost is a norm.
"""

from __future__ import annotations

import msgspec

# Of the running means. Single estimates scatter by more than their size; McCandlish et al. average
# over some hundred steps. 0.99 is a hundred.
MEMORY = 0.99


class NoiseScale(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Running means of both parts, as a checkpoint has them."""

    noise: float = 0.0
    """Of tr(Sigma), per sample, before the correction for its beginning at 0."""
    signal: float = 0.0
    """Of |G|^2, likewise."""
    weight: float = 0.0
    """Weight of what was measured in them: 1 - MEMORY ** measurements."""

    def add(self, *, small: int, small_square: float, big: int, big_square: float) -> None:
        """Take in a step: the squares of its gradient over `small` and `big` samples."""
        if not 0 < small < big:
            raise ValueError(f"batches of {small} and {big} samples, expected a smaller and a big")
        signal = (big * big_square - small * small_square) / (big - small)
        noise = (small_square - big_square) / (1 / small - 1 / big)
        self.noise += (1 - MEMORY) * (noise - self.noise)
        self.signal += (1 - MEMORY) * (signal - self.signal)
        self.weight += (1 - MEMORY) * (1 - self.weight)

    @property
    def samples(self) -> float | None:
        """B_simple in samples; None before there is any, and where noise hides the gradient."""
        if self.noise <= 0 or self.signal <= 0:
            return None
        return self.noise / self.signal
