"""Loss on held-out text, in nats per token and in bits per byte.

The validation stream is scored in order, each token once, in the context of the tokens before it in
its window, so the figure is the same for every run of the same weights. Bits per byte divide by the
text's UTF-8 bytes, not by tokens (Radford et al. 2019, section 3.1: report in canonical units), so
that models of different vocabularies compare; an end-of-text costs bits and counts no byte.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from corpus.tokenizer.vocabulary import Vocabulary
from corpus.trainer.batches import Int64Array, TokenStream, sequential_batches
from corpus.trainer.model import GPT


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """Loss of a model on a stream."""

    num_tokens: int
    """Tokens that were scored."""
    loss: float
    """Mean cross entropy, nats per token."""
    bits_per_byte: float | None
    """Bits per UTF-8 byte of the scored tokens; None where they have none."""


def evaluate(
    model: GPT,
    stream: TokenStream,
    token_bytes: Int64Array,
    *,
    num_sequences: int,
    num_tokens: int = 0,
) -> Validation | None:
    """Score the first num_tokens of a stream (0 = all); None where it has no two tokens.

    token_bytes: int64 (vocab_size,) bytes of each token. num_sequences: sequences in memory at
    once. Runs under the caller's autocast.
    """
    device = model.tokens.weight.device
    nats, num_bytes, num_targets = 0.0, 0, 0
    with torch.no_grad():
        for inputs, targets in sequential_batches(
            stream, model.shape.context, num_sequences, num_tokens=num_tokens
        ):
            loss = model.loss(
                torch.from_numpy(inputs).to(device), torch.from_numpy(targets).to(device)
            )
            nats += loss.item() * targets.size
            num_bytes += int(token_bytes[targets].sum())
            num_targets += targets.size
    if num_targets == 0:
        return None
    return Validation(
        num_tokens=num_targets,
        loss=nats / num_targets,
        bits_per_byte=nats / math.log(2) / num_bytes if num_bytes else None,
    )


def token_lengths(vocabulary: Vocabulary) -> Int64Array:
    """UTF-8 bytes of each id, int64 (vocab_size,); 0 for end-of-text."""
    lengths = np.array([len(token) for token in vocabulary.token_bytes], np.int64)
    lengths[vocabulary.eot_id] = 0
    return lengths
