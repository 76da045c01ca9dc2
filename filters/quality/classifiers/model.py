"""The classifier as data: numbers and their description, nothing that is executed.

A saved model is model.json, which says what the numbers mean, and weights.npy, which has them. The
same model is always the same bytes.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.errors import Damaged
from filters.quality.classifiers.explain import Explanation, explain_parts
from filters.quality.classifiers.features import FloatArray as FloatArray
from filters.quality.classifiers.features import grams, hashed, weighted_sums

FORMAT = 2  # of a saved model; raised when old weights would mean something else
MODEL, WEIGHTS = "model.json", "weights.npy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Where a model comes from; nothing here changes a score."""

    seed: int = 0
    training_set: str = ""
    """Hash of the documents learnt from, with their classes."""
    sources: tuple[str, ...] = ()
    """Names of the sources they came from."""
    libraries: Mapping[str, str] = field(default_factory=dict)
    """Versions of what trained it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityModel:
    """A logistic regression on hashed words."""

    weights: FloatArray
    """float64 (num_features,): what each occurrence of a hashed word adds."""
    intercept: float
    scale: str
    """As in QualitySettings; so are signs and ngrams."""
    signs: bool = False
    ngrams: int = 1
    facts: Facts = field(default_factory=Facts)

    def score(self, texts: pa.Array | pa.ChunkedArray) -> FloatArray:
        """Probability of being a positive, float64 (num_documents,); of no words, the prior's."""
        sums = weighted_sums(
            texts, self.weights, scale=self.scale, signs=self.signs, ngrams=self.ngrams
        )
        return probability(sums + self.intercept)

    def explain(self, text: str) -> Explanation:
        """The score of one text and the words that made it."""
        words = list(grams(text, self.ngrams))
        counted: dict[int, int] = {}
        for word in words:
            place, sign = self._hashed(word)
            counted[place] = counted.get(place, 0) + sign
        length = float(np.sqrt(sum(count * count for count in counted.values()))) or 1.0

        def contribution(word: str) -> float:
            place, sign = self._hashed(word)
            return float(self.weights[place]) * sign / (length if self.scale == "length" else 1.0)

        return Explanation(
            score=float(self.score(pa.array([text], pa.large_string()))[0]),
            intercept=self.intercept,
            parts=explain_parts(words, contribution, lambda word: self._hashed(word)[0]),
        )

    def to_files(self) -> dict[str, bytes]:
        """The model as files by name; the same bytes for the same model."""
        about = {
            "kind": "logistic",
            "num_features": len(self.weights),
            "intercept": self.intercept,
            "scale": self.scale,
            "signs": self.signs,
            "ngrams": self.ngrams,
            "facts": asdict(self.facts),
        }
        return {MODEL: write_about(about), WEIGHTS: write_array(self.weights)}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes], *, where: str) -> QualityModel:
        """Read and check a saved model; raises Damaged. Nothing in it is executed."""
        about = read_about(files, where=where, kind="logistic")
        expected = {
            "num_features": int, "intercept": float, "scale": str, "signs": bool, "ngrams": int,
        }  # fmt: skip
        check_fields(about, expected, where=where)
        if about["scale"] not in ("length", "counts") or about["ngrams"] < 1:
            raise damaged(
                f"{where}/{MODEL}: scale {about['scale']!r} and ngrams {about['ngrams']}, "
                "expected length or counts, and at least 1"
            )
        return cls(
            weights=read_array(files, WEIGHTS, about["num_features"], where=where),
            intercept=about["intercept"],
            scale=about["scale"],
            signs=about["signs"],
            ngrams=about["ngrams"],
            facts=read_facts(about, where=where),
        )

    def _hashed(self, word: str) -> tuple[int, int]:
        return hashed(word, len(self.weights), signs=self.signs)


def probability(log_odds: FloatArray) -> FloatArray:
    """The logistic function, without overflow."""
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * log_odds))


def write_about(about: Mapping[str, Any]) -> bytes:
    """model.json of these facts."""
    text = json.dumps({"format": FORMAT, **about}, indent=1, sort_keys=True, allow_nan=False)
    return text.encode() + b"\n"


def write_array(numbers: npt.NDArray[Any]) -> bytes:
    """A .npy file."""
    file = io.BytesIO()
    np.save(file, numbers, allow_pickle=False)
    return file.getvalue()


def read_about(
    files: Mapping[str, bytes], *, where: str, kind: str | None = None
) -> dict[str, Any]:
    """What model.json says, its format and kind checked; raises Damaged."""
    try:
        about = json.loads(files[MODEL])
    except (KeyError, ValueError) as error:
        found = "no such file" if isinstance(error, KeyError) else f"no JSON ({error})"
        raise damaged(f"{where}/{MODEL}: {found}, expected the model's description") from error
    got = (about.get("format"), about.get("kind")) if isinstance(about, dict) else (None, None)
    kinds = (kind,) if kind else ("logistic", "fasttext")
    if got[0] != FORMAT or got[1] not in kinds:
        raise damaged(
            f"{where}/{MODEL}: format {got[0]} and kind {got[1]}, expected format {FORMAT} and "
            f"{' or '.join(kinds)}"
        )
    return dict(about)


def check_fields(about: Mapping[str, Any], expected: Mapping[str, type], *, where: str) -> None:
    """Raise Damaged unless each field is there and is of its type."""
    for name, kind in expected.items():
        value = about.get(name)
        if type(value) is not kind or value in (float("inf"), float("-inf")) or value != value:
            raise damaged(f"{where}/{MODEL}: {name} is {value!r}, expected {kind.__name__}")


def read_array(files: Mapping[str, bytes], name: str, number: int, *, where: str) -> FloatArray:
    """So many float64 of a .npy file; raises Damaged."""
    try:
        file = io.BytesIO(files[name])
        numbers = np.load(file, allow_pickle=False)
    except (KeyError, ValueError, OSError, EOFError, MemoryError) as error:
        found = "no such file" if isinstance(error, KeyError) else str(error)
        raise damaged(f"{where}/{name}: {found}, expected an array of {number}") from error
    if numbers.dtype != np.float64 or numbers.shape != (number,) or file.read(1):
        raise damaged(
            f"{where}/{name}: {numbers.dtype} {numbers.shape}, expected float64 ({number},) and "
            "nothing after it"
        )
    if not np.isfinite(numbers).all():
        place = int(np.flatnonzero(~np.isfinite(numbers))[0])
        raise damaged(f"{where}/{name}: {numbers[place]} at {place}, expected finite numbers")
    return numbers


def read_facts(about: Mapping[str, Any], *, where: str) -> Facts:
    """The facts of model.json; raises Damaged."""
    facts: Any = about.get("facts")
    try:
        found = Facts(**facts)
        return replace(found, sources=tuple(found.sources), libraries=dict(found.libraries))
    except (TypeError, ValueError) as error:
        raise damaged(f"{where}/{MODEL}: facts are {facts!r}, expected those of a model") from error


def damaged(message: str) -> Damaged:
    """The error, with the next step."""
    return Damaged(f"{message}; train the quality model again")
