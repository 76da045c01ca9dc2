"""A saved model comes back as the kind that it is."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from corpus.errors import Damaged
from filters.quality.classifiers import read_classifier
from filters.quality.classifiers.fasttext import FastTextModel
from filters.quality.classifiers.model import QualityModel

LOGISTIC = QualityModel(weights=np.array([0.5, -0.25]), intercept=0.1, scale="length")
FASTTEXT = FastTextModel(
    words=("fine", "poor"), weights=np.array([2.0, -2.0]), run_weights=np.zeros(0), end_weight=0.5,
    ngrams=1, intercept=-0.1,
)  # fmt: skip


@pytest.mark.parametrize("model", [LOGISTIC, FASTTEXT], ids=["logistic", "fasttext"])
def test_the_kind_is_read_from_the_files(model):
    back = read_classifier(model.to_files(), where="here")
    assert type(back) is type(model)
    texts = pa.array(["fine fine poor", "poor", ""], pa.large_string())
    assert back.score(texts).tolist() == model.score(texts).tolist()


@pytest.mark.parametrize(
    "about", [None, b"no json", b"[]", json.dumps({"format": 2, "kind": "forest"}).encode()]
)
def test_files_of_no_known_kind_are_refused(about):
    files = LOGISTIC.to_files()
    if about is None:
        del files["model.json"]
    else:
        files["model.json"] = about
    with pytest.raises(Damaged, match=r"here/model\.json"):
        read_classifier(files, where="here")
