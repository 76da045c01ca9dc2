"""fastText as the classifier: the drop-in alternative to the logistic regression.

What Pile-CC and DCLM judge pages with. Every document is one line of its normalised words: a line
break never joins two words to one, and both kinds of classifier see the same words.

The saved model has one number a word, to which fastText's own comes down when there are two classes
(corpus/fasttext_trainer.py). Classes of unequal size are weighed out of the score by their log
ratio, so that it is the probability under equal priors, as the logistic model's is.
Cost, one core: 0.3 GB of text a second to score; 4 minutes a GB to train.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from math import log

import numpy as np
import pyarrow as pa

from corpus.fasttext_trainer import END_OF_LINE, train_two_classes
from corpus.normal_form import normal_form
from corpus.words import normalise
from filters.quality.classifiers.explain import Explanation, explain_parts
from filters.quality.classifiers.features import runs
from filters.quality.classifiers.model import (
    MODEL,
    WEIGHTS,
    Facts,
    FloatArray,
    check_fields,
    damaged,
    probability,
    read_about,
    read_array,
    read_facts,
    write_about,
    write_array,
)
from filters.quality.classifiers.word_sums import Lookup, lookup_of, mean_weights, run_bucket
from filters.quality.settings import QualitySettings
from filters.verdict import BoolArray

WORDS, RUN_WEIGHTS = "words.txt", "runs.npy"

# fastText's own defaults, which DCLM's quality model kept; that one also counts pairs of words.
NUM_DIMENSIONS = 100
LEARNING_RATE = 0.1
NUM_EPOCHS = 5


@dataclass(frozen=True, kw_only=True)
class FastTextModel:
    """A fastText classifier of two classes."""

    words: tuple[str, ...]
    """Those seen in training; others count for nothing."""
    weights: FloatArray
    """float64 (num_words,): what each occurrence adds to the sum whose mean is the log-odds."""
    run_weights: FloatArray
    """float64 (num_buckets,): of hashed runs of words; none where ngrams is 1."""
    end_weight: float
    """Of the end of the line, which every document has once."""
    ngrams: int
    intercept: float
    """Log of negatives over positives among the documents learnt from."""
    facts: Facts = field(default_factory=Facts)

    def score(self, texts: pa.Array | pa.ChunkedArray) -> FloatArray:
        """Probability of being a positive under equal priors, float64 (num_documents,)."""
        means = mean_weights(
            texts, self._lookup, self.weights, self.run_weights,
            ngrams=self.ngrams, end_weight=self.end_weight,
        )  # fmt: skip
        return probability(means + self.intercept)

    def explain(self, text: str) -> Explanation:
        """The score of one text and the words that made it; words not learnt add nothing."""
        found = list(runs([*normalise(text).split(), END_OF_LINE], self.ngrams))
        number = sum(self._weight(word) is not None for word in found)
        return Explanation(
            score=float(self.score(pa.array([text], pa.large_string()))[0]),
            intercept=self.intercept,
            parts=explain_parts(
                found, lambda word: (self._weight(word) or 0.0) / number, self._bucket
            ),
        )

    def to_files(self) -> dict[str, bytes]:
        """The model as files by name; the same bytes for the same model."""
        about = {
            "kind": "fasttext",
            "num_words": len(self.words),
            "num_buckets": len(self.run_weights),
            "end_weight": self.end_weight,
            "ngrams": self.ngrams,
            "intercept": self.intercept,
            "facts": asdict(self.facts),
        }
        files = {
            MODEL: write_about(about),
            WORDS: "".join(f"{word}\n" for word in self.words).encode(),
            WEIGHTS: write_array(self.weights),
        }
        return files | ({RUN_WEIGHTS: write_array(self.run_weights)} if self.ngrams > 1 else {})

    @classmethod
    def from_files(cls, files: Mapping[str, bytes], *, where: str) -> FastTextModel:
        """Read and check a saved model; raises Damaged. Nothing in it is executed."""
        about = read_about(files, where=where, kind="fasttext")
        expected = {
            "num_words": int, "num_buckets": int, "end_weight": float, "ngrams": int,
            "intercept": float,
        }  # fmt: skip
        check_fields(about, expected, where=where)
        ngrams, num_buckets = about["ngrams"], about["num_buckets"]
        if ngrams < 1 or (ngrams > 1) != (num_buckets > 0):
            raise damaged(
                f"{where}/{MODEL}: ngrams {ngrams} and num_buckets {num_buckets}, expected 1 and "
                "0, or more than 1 and some"
            )
        return cls(
            words=_read_words(files, about["num_words"], where=where),
            weights=read_array(files, WEIGHTS, about["num_words"], where=where),
            run_weights=(
                read_array(files, RUN_WEIGHTS, num_buckets, where=where)
                if ngrams > 1
                else np.zeros(0)
            ),
            end_weight=about["end_weight"],
            ngrams=ngrams,
            intercept=about["intercept"],
            facts=read_facts(about, where=where),
        )

    @cached_property
    def _lookup(self) -> Lookup:
        return lookup_of(self.words)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words)}

    def _bucket(self, run: str) -> int | None:
        words = run.split(" ")
        return run_bucket(words, len(self.run_weights)) if len(words) > 1 else None

    def _weight(self, run: str) -> float | None:
        bucket = self._bucket(run)
        if bucket is not None:
            return float(self.run_weights[bucket])
        if run == END_OF_LINE:
            return self.end_weight
        number = self._numbers.get(run)
        return None if number is None else float(self.weights[number])


def train(
    texts: pa.Array | pa.ChunkedArray,
    is_positive: BoolArray,
    settings: QualitySettings,
    *,
    seed: int,
    facts: Facts | None = None,
) -> FastTextModel:
    """Learn from documents in this order, which should mix the classes.

    Runs of `settings.ngrams` words are hashed into `settings.num_features` buckets (fastText takes
    two million, and 0.8 GB to train them). Raises SetupError where the trainer is not installed.
    """
    lines = normal_form(texts).to_pylist()
    sums = train_two_classes(
        zip(lines, is_positive.tolist(), strict=True),
        num_dimensions=NUM_DIMENSIONS,
        learning_rate=LEARNING_RATE,
        num_epochs=NUM_EPOCHS,
        ngrams=settings.ngrams,
        num_buckets=settings.num_features,
        seed=seed % 2**31,
    )
    return FastTextModel(
        words=tuple(sums.words),
        weights=sums.weights,
        run_weights=sums.ngram_weights,
        end_weight=sums.end_weight,
        ngrams=settings.ngrams,
        intercept=log((~is_positive).sum() / is_positive.sum()),
        facts=facts or Facts(seed=seed),
    )


def _read_words(files: Mapping[str, bytes], number: int, *, where: str) -> tuple[str, ...]:
    try:
        words = tuple(files[WORDS].decode().split("\n")[:-1])
    except (KeyError, UnicodeDecodeError) as error:
        found = "no such file" if isinstance(error, KeyError) else str(error)
        raise damaged(f"{where}/{WORDS}: {found}, expected {number} words") from error
    if len(words) != number or len(set(words)) != number or "" in words:
        raise damaged(
            f"{where}/{WORDS}: {len(words)} lines with {len(set(words))} distinct, expected "
            f"{number} distinct words, one a line"
        )
    return words
