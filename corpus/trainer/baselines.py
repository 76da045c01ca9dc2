"""What counting alone comes to: the loss of unigrams and bigrams, for a model to be held against.

The unigram is each token's share of the training tokens. The bigram is interpolated with it by
Witten and Bell (1991): a token that was followed by r kinds of tokens in n places gives r / (n + r)
to the unigram. Both know what was trained on and nothing else, so that a model which has learnt
from more than one token back is below the bigram. Needs no torch.

Cost: a sort of the training tokens.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from corpus.trainer.batches import Int64Array


class Baselines(NamedTuple):
    """Mean cross entropy over the validation tokens but the first, nats per token."""

    unigram: float
    bigram: float


def baselines(train: Int64Array, validation: Int64Array, vocab_size: int) -> Baselines:
    """Losses on a validation stream of at least two tokens; ids are below vocab_size.

    One is added to each token's count, so that none is impossible.
    """
    counts = np.bincount(train, minlength=vocab_size) + 1.0
    unigram = counts / counts.sum()
    pairs, places = np.unique(train[:-1] * vocab_size + train[1:], return_counts=True)
    kinds = np.bincount(pairs // vocab_size, minlength=vocab_size)  # r of each token
    firsts = np.bincount(train[:-1], minlength=vocab_size)  # n of each token
    before, after = validation[:-1], validation[1:]
    wanted = before * vocab_size + after
    at = np.minimum(np.searchsorted(pairs, wanted), len(pairs) - 1)
    seen = np.where(pairs[at] == wanted, places[at], 0)
    of_all = firsts[before] + kinds[before]
    follows = np.divide(seen + kinds[before] * unigram[after], of_all,
                        out=unigram[after].copy(), where=of_all > 0)  # fmt: skip
    return Baselines(-float(np.log(unigram[after]).mean()), -float(np.log(follows).mean()))
