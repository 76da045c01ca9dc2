from __future__ import annotations

import hashlib
import json
from importlib import resources

import pytest

from corpus.errors import Damaged
from corpus.extraction.blocks import shipped
from corpus.extraction.blocks.model import to_bytes
from corpus.extraction.blocks.shipped import MODEL, MODEL_SHA256, shipped_model

FILES = resources.files("corpus.extraction.blocks")


def test_the_card_is_the_models():
    card = json.loads(FILES.joinpath("card.json").read_text())
    packed = FILES.joinpath(MODEL).read_bytes()
    assert card["model_sha256"] == hashlib.sha256(packed).hexdigest() == MODEL_SHA256


def test_the_model_reads_back_as_it_is_stored():
    model = shipped_model()
    assert to_bytes(model) == FILES.joinpath(MODEL).read_bytes()
    assert len(model.first.root) == len(model.second.root) > 10


def test_the_model_is_read_once():
    assert shipped_model() is shipped_model()


def test_a_model_of_another_version_is_found_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shipped, "MODEL_SHA256", "0" * 64)
    shipped_model.cache_clear()
    with pytest.raises(Damaged, match="install Winnow again"):
        shipped_model()
