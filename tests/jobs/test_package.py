"""The zip for spark-submit: all of ours, nothing else, the same bytes each time."""

from __future__ import annotations

import subprocess
import sys
import zipfile

from jobs.package import build_zip

READ_A_RECIPE = """
import jobs.recipe, corpus
assert ".zip" in corpus.__file__, corpus.__file__
print(jobs.recipe.read_recipe("webtext", ["data=d"]).name)
"""


def test_the_zip_holds_sources_and_package_data_and_no_compiled_file(tmp_path):
    build_zip(tmp_path / "winnow.zip")
    names = zipfile.ZipFile(tmp_path / "winnow.zip").namelist()
    assert {"corpus/stages.py", "filters/dedup/verify.py", "jobs/extract.py"} <= set(names)
    assert {"corpus/recipes/webtext.toml", "jobs/report.css"} <= set(names)
    assert [name for name in names if "__pycache__" in name] == []
    assert {name.split("/")[0] for name in names} == {"corpus", "filters", "jobs"}


def test_the_same_sources_give_the_same_bytes(tmp_path):
    build_zip(tmp_path / "one.zip")
    build_zip(tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_recipes_are_read_from_inside_the_zip(tmp_path):
    build_zip(tmp_path / "winnow.zip")
    code = f"import sys; sys.path.insert(0, {str(tmp_path / 'winnow.zip')!r}); {READ_A_RECIPE}"
    done = subprocess.run(
        [sys.executable, "-c", code.replace("; \n", "\n")], cwd=tmp_path, capture_output=True,
        text=True, check=False,
    )
    assert done.stdout == "webtext\n", done.stderr
