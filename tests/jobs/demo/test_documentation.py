"""This machine's documentation is read without running any of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.demo import documentation
from jobs.demo.docstrings import Block
from jobs.demo.documentation import Article

PROSE = "This module reads the file and gives back what it has found there. " * 14


@pytest.fixture
def module(tmp_path: Path):
    def write(source: str) -> list[Article]:
        path = tmp_path / "thing.py"
        path.write_text(source, "utf-8")
        return list(documentation._of_files("lib", "1.0", [("lib.thing", path)]))

    return write


def test_a_module_with_enough_prose_is_an_article(module):
    (article,) = module(f'"""{PROSE}"""')
    assert (article.name, article.kind, article.num_words) == ("lib.thing", "module", 182)


def test_a_module_with_too_little_prose_is_none(module):
    assert module('"""Short."""') == []


def test_a_class_with_much_to_say_has_its_own_article(module):
    articles = module(f'"""{PROSE}"""\nclass Reader:\n    """{PROSE}"""\n')
    assert [(a.kind, a.name) for a in articles] == [
        ("class", "lib.thing.Reader"),
        ("module", "lib.thing"),
    ]


def test_nothing_of_the_module_runs(module, tmp_path: Path):
    module(f'"""{PROSE}"""\nopen({str(tmp_path / "ran")!r}, "w")\n')
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("source", ["def broken(:", "\x00", "'''" + "x" * 700_000 + "'''"])
def test_a_file_that_cannot_be_read_is_passed_over(module, source: str):
    assert module(source) == []


def test_long_articles_are_cut_at_a_block():
    block = Block("paragraph", "word " * 1000)
    cut = documentation._cut([block, block, Block("heading", "More"), block])
    assert cut == (block, block)


def test_the_same_packages_give_the_same_articles(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(documentation.metadata, "distributions", list)
    first = documentation.read_documentation(per_library=5)
    assert len(first) == 15
    assert first == documentation.read_documentation(per_library=5)
    assert {article.library for article in first} == {"python"}
