"""The model that comes with Winnow: model.npz, with its card, card.json, and CARD.md.

Its hash stands here so that a changed model is a changed source: a stage that used the old one is
stale, and a file that does not belong to this version is found out.
"""

from __future__ import annotations

import functools
import hashlib
from importlib import resources

from corpus.errors import Damaged
from corpus.extraction.blocks.model import Model, from_bytes

MODEL = "model.npz"
MODEL_SHA256 = "7df673adf5eb9159f9bbf464062cd5f514189c35799e9f09d32b8665331fdf3d"


@functools.cache
def shipped_model() -> Model:
    """The model; raises Damaged where the file is not the one that this version came with."""
    packed = resources.files(__package__).joinpath(MODEL).read_bytes()
    found = hashlib.sha256(packed).hexdigest()
    if found != MODEL_SHA256:
        raise Damaged(
            f"corpus/extraction/blocks/{MODEL}: sha256 {found}, expected {MODEL_SHA256}: "
            "install Winnow again, or put the hash of a model that you trained into shipped.py"
        )
    return from_bytes(packed)
