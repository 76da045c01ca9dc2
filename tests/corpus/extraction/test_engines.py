from __future__ import annotations

import subprocess
import sys

import pytest

from corpus.extraction.engines import ENGINES, load_engine
from tests.warcs import page

IMPORTS = """
import sys, corpus.extraction.page
print([name for name in ("trafilatura", "resiliparse", "numba", "ftfy") if name in sys.modules])
"""


@pytest.mark.parametrize("name", sorted(ENGINES))
def test_each_engine_finds_the_main_text(name):
    text = load_engine(name)(page(3).decode())
    assert text is not None
    assert "Part 3.0. The river rises" in text
    assert "Contact us" not in text


@pytest.mark.parametrize("name", sorted(ENGINES))
@pytest.mark.parametrize("html", ["", "<html><body></body></html>", "<", "plain words"])
def test_each_engine_takes_any_string(name, html):
    assert load_engine(name)(html) in (None, html)


@pytest.mark.parametrize("name", sorted(ENGINES))
def test_the_same_page_gives_the_same_text_whatever_came_before(name):
    engine = load_engine(name)
    first = engine(page().decode())
    for number in range(1, 6):
        engine(page(number).decode())
    assert engine(page().decode()) == first


def test_no_engine_is_imported_before_it_is_asked_for():
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
