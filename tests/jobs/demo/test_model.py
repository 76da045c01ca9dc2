"""The demo's model is held against what counting gives on the same tokens."""

from __future__ import annotations

import dataclasses
import json

import pytest

pytest.importorskip("torch")

from corpus.datasets import open_dataset
from corpus.shards import read_manifest
from corpus.storage import Store
from corpus.trainer.baselines import baselines
from corpus.trainer.batches import open_split
from jobs.demo.model import look_at_model
from tests.jobs.test_train import train_in


def test_the_last_validation_stands_beside_unigrams_and_bigrams(tmp_path):
    store = Store(str(train_in(tmp_path / "root")))
    learnt = look_at_model(store, 20)
    log = (open_dataset(store, "model").folder() / "train.jsonl").read_text().splitlines()
    assert learnt.loss == json.loads(log[-1])["validation_loss"]
    shards = open_dataset(store, "shards").folder()
    manifest = read_manifest(shards)
    train, validation = (open_split(shards, manifest, split) for split in ("train", "validation"))
    assert learnt.by_counting == baselines(
        train.read(0, len(train)), validation.read(0, 21), manifest.vocab_size
    )
    assert f"unigrams {learnt.by_counting.unigram:.3f}" in learnt.line()
    assert "4 steps, 128 tokens" in learnt.line()


def test_a_model_that_knows_no_more_than_frequencies_breaks_the_promise(tmp_path):
    learnt = look_at_model(Store(str(train_in(tmp_path / "root"))), 0)
    unigram = learnt.by_counting.unigram
    for loss, is_kept in ((unigram - 0.01, True), (unigram, False), (float("nan"), False)):
        assert dataclasses.replace(learnt, loss=loss).is_kept is is_kept
