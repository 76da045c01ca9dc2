"""The classifier as data: numbers and their description, nothing that is executed."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.errors import Damaged
from filters.quality.features import features

FORMAT = 1  # of the saved model; raised when old weights would mean something else

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityModel:
    """A linear classifier over hashed words: numbers only, no code."""

    weights: FloatArray
    """float64 (num_features,): what each occurrence of a hashed word adds."""
    intercept: float
    scale: str
    """As in QualitySettings."""

    def score(self, texts: pa.Array | pa.ChunkedArray) -> FloatArray:
        """Probability of being a positive, float64 (num_documents,); of no words, the prior's."""
        counted = features(texts, num_features=len(self.weights), scale=self.scale)
        return 0.5 + 0.5 * np.tanh(0.5 * (counted @ self.weights + self.intercept))

    def to_bytes(self) -> bytes:
        """The model as an .npz archive, the same bytes for the same model."""
        file = io.BytesIO()
        about = json.dumps({"format": FORMAT, "scale": self.scale}, sort_keys=True)
        np.savez(
            file, weights=self.weights, intercept=np.float64(self.intercept), about=np.str_(about)
        )
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes, *, where: str) -> QualityModel:
        """Read and check a saved model; raises Damaged. Nothing in it is executed."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                about = json.loads(str(arrays["about"]))
                weights, intercept = arrays["weights"], float(arrays["intercept"])
        except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise Damaged(
                f"{where}: no quality model: {error}; run the stage quality again"
            ) from error
        sound = weights.ndim == 1 and weights.dtype == np.float64 and np.isfinite(weights).all()
        if about.get("format") != FORMAT or not sound or not np.isfinite(intercept):
            raise Damaged(
                f"{where}: quality model of format {about.get('format')} with weights "
                f"{weights.dtype} {weights.shape}, expected format {FORMAT} with finite float64; "
                "run the stage quality again"
            )
        return cls(weights=weights, intercept=intercept, scale=str(about["scale"]))
