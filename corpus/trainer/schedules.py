"""The batch and the learning rate of each step: pure functions of the settings; imports no torch.

Both depend on the samples consumed alone, not on the number of the step, so that a ramp of the
batch leaves the learning rate where it was, and a checkpoint needs no more than that integer.

    batch          ramp_sequences, growing in proportion to the tokens over ramp_tokens, rounded
                   down to whole increments; then sequences_per_step (Brown et al. 2020, appendix B;
                   MT-NLG grows by 32, Smith et al. 2022, section 3.1)
    learning rate  linear over the warm-up; then cosine, linear or constant to the end of the decay,
                   and from there the stated fraction of the peak (appendix B)
"""

from __future__ import annotations

import math
from functools import cached_property

from corpus.trainer.settings import TrainSettings


class Schedule:
    """Of one run."""

    def __init__(self, settings: TrainSettings) -> None:
        """Take the lengths from the settings, in tokens."""
        self._settings = settings
        self._context = settings.shape().context
        tokens_per_step = settings.sequences_per_step * self._context
        self._warmup_tokens = settings.warmup_tokens or settings.warmup_steps * tokens_per_step

    def batch(self, consumed: int) -> int:
        """Sequences of the step that follows so many samples."""
        settings = self._settings
        full, first = settings.sequences_per_step, settings.ramp_sequences
        tokens = consumed * self._context
        if tokens >= settings.ramp_tokens:
            return full
        increment = settings.ramp_increment
        grown = (full - first) * tokens // (settings.ramp_tokens * increment) * increment
        return first + grown

    @cached_property
    def total_steps(self) -> int:
        """Steps of the whole run: the smaller of the budgets in steps and tokens."""
        return self._length[0]

    @cached_property
    def total_samples(self) -> int:
        """Samples of the whole run."""
        return self._length[1]

    @cached_property
    def _length(self) -> tuple[int, int]:
        """Steps and samples: walked through while the batch grows, then counted."""
        settings = self._settings
        most_steps: float = settings.num_steps or math.inf
        most_samples: float = -(-settings.num_tokens // self._context) or math.inf
        full, steps, samples = settings.sequences_per_step, 0, 0
        while samples * self._context < settings.ramp_tokens:
            if steps >= most_steps or samples >= most_samples:
                return steps, samples
            samples += self.batch(samples)
            steps += 1
        left = most_steps - steps
        if most_samples < math.inf:
            left = min(left, -(-max(0, most_samples - samples) // full))
        return steps + int(left), samples + int(left) * full

    def learning_rate_fraction(self, consumed: int) -> float:
        """Of the peak, in the step after which so many samples are consumed.

        The first step has its share of the warm-up, the last of the decay the stated fraction.
        """
        settings, tokens = self._settings, consumed * self._context
        if tokens <= self._warmup_tokens:
            return tokens / self._warmup_tokens
        end = settings.decay_tokens or self.total_samples * self._context
        done = min(1.0, (tokens - self._warmup_tokens) / max(1, end - self._warmup_tokens))
        low = settings.min_learning_rate_fraction
        if settings.decay == "constant":
            return 1.0
        left = 0.5 * (1 + math.cos(math.pi * done)) if settings.decay == "cosine" else 1 - done
        return low + (1 - low) * left
