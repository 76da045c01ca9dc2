"""Fixtures for all tests: one Spark session, and real data where there is some."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.session import Session


@pytest.fixture(scope="session")
def session() -> Iterator[Session]:
    """One embedded session on two cores for the whole run."""
    root = str(Path(__file__).parent.parent)
    os.environ["PYTHONPATH"] = os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])
    session = Session(master="local[2]")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def spark(session: Session):
    return session.spark


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real pages, dumps, texts and benchmarks; tests that need it skip without."""
    folder = Path(os.environ.get("WINNOW_DATA", "/nonexistent"))
    if not (folder / "warc").is_dir():
        pytest.skip("set WINNOW_DATA to a folder of real data to run this test")
    return folder
