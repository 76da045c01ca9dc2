"""What every kind of classifier can do, and how one is read back from its files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import pyarrow as pa

from filters.quality.classifiers.explain import Explanation
from filters.quality.classifiers.features import FloatArray
from filters.quality.classifiers.model import QualityModel, read_about


class Classifier(Protocol):
    """A trained model of either kind."""

    def score(self, texts: pa.Array | pa.ChunkedArray) -> FloatArray:
        """Probability of being a positive under equal priors, float64 (num_documents,)."""

    def to_files(self) -> dict[str, bytes]:
        """The model as files by name; the same bytes for the same model."""

    def explain(self, text: str) -> Explanation:
        """The score of one text and what made it."""


def read_classifier(files: Mapping[str, bytes], *, where: str) -> Classifier:
    """The model of these files, of the kind that model.json says; raises Damaged."""
    if read_about(files, where=where)["kind"] == "fasttext":
        from filters.quality.classifiers.fasttext import (
            FastTextModel,  # a package that only this kind needs
        )

        return FastTextModel.from_files(files, where=where)
    return QualityModel.from_files(files, where=where)
