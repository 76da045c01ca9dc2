"""Imports point down: jobs -> filters -> corpus; Spark and torch each have their one place."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted(p for name in ("corpus", "filters", "jobs") for p in (ROOT / name).rglob("*.py"))

FORBIDDEN = {
    "corpus": {"filters", "jobs", "pyspark", "torch"},
    "filters": {
        "jobs", "pyspark", "torch", "fsspec", "aiohttp", "requests", "socket", "urllib3", "time",
        "random", "os", "pathlib",
    },
    "jobs": {"torch"},
}

WITHOUT_TORCH = """
import sys
from importlib.abc import MetaPathFinder

class NoTorch(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] == "torch":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, NoTorch())
import jobs.cli, jobs.runner, jobs.train, corpus.trainer, corpus.trainer.settings
"""


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_imports_only_what_lies_below_it(path: Path):
    relative = path.relative_to(ROOT)
    forbidden = set(FORBIDDEN[relative.parts[0]])
    if relative.parts[:2] == ("corpus", "trainer"):
        forbidden.discard("torch")
    assert imported(path) & forbidden == set()


def test_the_checked_modules_are_there():
    assert len(MODULES) > 40


def test_no_job_has_a_name_of_the_standard_library():
    # `python jobs/x.py` puts jobs/ first on the path, where such a name would replace the other.
    names = {path.stem for path in (ROOT / "jobs").iterdir()} - {"__init__"}
    assert names & sys.stdlib_module_names == set()


def test_torch_free_parts_import_without_torch():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
