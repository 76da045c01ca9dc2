"""Loss on held-out text, in nats per token and in bits per byte.

The validation stream is scored in order, each token once, in the context of the tokens before it in
its window, so the figure is the same for every run of the same weights. Bits per byte divide by the
text's UTF-8 bytes, not by tokens (Radford et al. 2019, section 3.1: report in canonical units), so
that models of different vocabularies compare; an end-of-text costs bits and counts no byte.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from corpus.tokenizer.vocabulary import Vocabulary
from corpus.trainer.batches import Int64Array, TokenStream, sequential_batches
from corpus.trainer.model import GPT
from corpus.trainer.ranks import Ranks

LossOf = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""Mean loss of inputs, targets and documents, as GPT.loss takes them."""


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
    loss_of: LossOf | None = None,
    ranks: Ranks | None = None,
) -> Validation | None:
    """Score the first num_tokens of a stream (0 = all); None where it has no two tokens.

    token_bytes: int64 (vocab_size,) bytes of each token. num_sequences: sequences in memory at
    once. loss_of: what to call in place of model.loss. ranks: among which batches are dealt out;
    the answer is the same on all. Runs under the caller's autocast.
    """
    device = next(model.parameters()).device
    loss_of, size = loss_of or model.loss, ranks.size if ranks else 1
    nats, num_bytes, num_targets = 0.0, 0, 0
    batches = sequential_batches(stream, model.shape.context, num_sequences, num_tokens=num_tokens)
    with torch.no_grad():
        for batch in islice(batches, ranks.rank if ranks else 0, None, size):
            inputs, targets = (torch.from_numpy(part).to(device) for part in batch[:2])
            documents = batch.documents
            its = None if documents is None else torch.from_numpy(documents).to(device)
            nats += loss_of(inputs, targets, its).item() * batch.targets.size
            num_bytes += int(token_bytes[batch.targets].sum())
            num_targets += batch.targets.size
    if ranks:
        nats, *counts = ranks.sums([nats, num_bytes, num_targets])
        num_bytes, num_targets = map(int, counts)
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
