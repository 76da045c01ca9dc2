"""What torch reads from the environment when it is imported."""

from __future__ import annotations

import os

import pytest

from corpus.trainer import prepare_torch

NAMES = ("OMP_WAIT_POLICY", "THP_MEM_ALLOC_ENABLE")


@pytest.fixture(autouse=True)
def torch_is_there(monkeypatch):
    monkeypatch.setattr("corpus.trainer.find_spec", lambda name: object())


def test_waiting_threads_sleep_and_large_tensors_have_large_pages(monkeypatch):
    for name in NAMES:
        monkeypatch.setenv(name, "")  # so that what is set is undone
        monkeypatch.delenv(name)
    prepare_torch()
    assert [os.environ[name] for name in NAMES] == ["PASSIVE", "1"]


def test_what_the_environment_says_already_stays(monkeypatch):
    for name in NAMES:
        monkeypatch.setenv(name, "0")
    prepare_torch()
    assert [os.environ[name] for name in NAMES] == ["0", "0"]
