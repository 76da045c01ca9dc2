"""A small documentation, made up, for the demo's tests."""

from __future__ import annotations

import random

import pytest

from jobs.demo.docstrings import Block
from jobs.demo.documentation import Article

NOUNS = [f"{a}{b}" for a in ("bo", "ka", "ri", "te", "mu", "lo", "sha") for b in
         ("ran", "tel", "mok", "dis", "ven", "pur", "gad", "lin", "fos")]  # fmt: skip


def sentence(rng: random.Random) -> str:
    words = [rng.choice(NOUNS) for _ in range(12)]
    return f"The {words[0]} of the {words[1]} gives {' '.join(words[2:])}."


def article(number: int, *, num_paragraphs: int = 14) -> Article:
    rng = random.Random(number)
    blocks = [Block("heading", f"Part {number}")]
    blocks += [
        Block("paragraph", " ".join(sentence(rng) for _ in range(3)))
        for _ in range(num_paragraphs)
    ]
    library = ("python", "numpy", "pyarrow", "click")[number % 4]
    return Article(
        library=library, version="1.0", name=f"thing{number}", kind="module", blocks=tuple(blocks)
    )


@pytest.fixture(scope="session")
def articles() -> list[Article]:
    return [article(number) for number in range(500)]
