"""Docstrings become blocks, by the habits of four markups."""

from __future__ import annotations

import pytest

from jobs.demo.docstrings import Block, blocks_of, count_words


def test_paragraphs_are_joined_and_separated_by_blank_lines():
    assert blocks_of("One\n  two.\n\nThree.") == [
        Block("paragraph", "One two."),
        Block("paragraph", "Three."),
    ]


@pytest.mark.parametrize(
    ("docstring", "block"),
    [
        ("Notes\n-----", Block("heading", "Notes")),
        ("## Notes", Block("heading", "Notes")),
        ("Args:", Block("heading", "Args")),
        ("- a point", Block("item", "a point")),
        ("2. a point", Block("item", "a point")),
        (">>> f(1)\n2", Block("code", ">>> f(1)\n2")),
        ("```python\nf(1)\n```", Block("code", "f(1)")),
        (":param size: how large", Block("definition", "how large", "size")),
        ("x : int\n    How many.", Block("definition", "How many.", "x : int")),
        ("size (int): how large", Block("definition", "how large", "size (int)")),
        ("See :func:`~os.walk` and ``x``.", Block("paragraph", "See `os.walk` and `x`.")),
        ("See `the site <http://a.example>`_.", Block("paragraph", "See the site.")),
        ("See [the site](http://a.example).", Block("paragraph", "See the site.")),
        (".. note:: Mind the gap.", Block("paragraph", "Mind the gap.")),
        (":meth:`read` gives bytes.", Block("paragraph", "`read` gives bytes.")),
    ],
)
def test_each_markup_becomes_its_block(docstring: str, block: Block):
    assert blocks_of(docstring) == [block]


@pytest.mark.parametrize("docstring", ["", "   \n", ".. image:: a.png", "====\n"])
def test_what_says_nothing_is_no_block(docstring: str):
    assert blocks_of(docstring) == []


def test_a_section_inside_a_paragraph_is_a_heading_of_its_own():
    assert blocks_of("Does it.\nReturns:\n  A number.") == [
        Block("paragraph", "Does it."),
        Block("heading", "Returns"),
        Block("paragraph", "A number."),
    ]


def test_an_example_right_after_a_sentence_is_code():
    assert blocks_of("Like this:\n>>> f(1)\n2") == [
        Block("paragraph", "Like this:"),
        Block("code", ">>> f(1)\n2"),
    ]


def test_long_examples_are_cut():
    (block,) = blocks_of("\n".join(f">>> f({n})" for n in range(30)))
    assert block.text.count("\n") == 7


def test_words_are_counted_by_white_space():
    assert count_words(Block("paragraph", "one two  three")) == 3
