"""scan.py and markup.py against readable.py."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from corpus.extraction.blocks import scan as columns
from corpus.extraction.blocks import scan_html
from corpus.extraction.blocks.hints import NUM_HINTS
from corpus.extraction.blocks.scan import MAX_TITLE_WORDS, Scan, scan_page
from tests.corpus.extraction.blocks.readable import Block, SlowReader, fnv, word_token
from tests.corpus.extraction.blocks.written_pages import PAGES, pages

COUNTS = (
    "characters", "units", "link_units", "links", "capitals", "digits", "stops", "commas",
    "symbols", "breaks", "bold_units", "uppers",
)  # fmt: skip


def text_of(scan: Scan, row: np.ndarray) -> str:
    return scan.text[row[columns.TEXT_START] : row[columns.TEXT_END]].tobytes().decode()


def texts(html: str) -> list[str]:
    scan = scan_html(html)
    return [text_of(scan, row) for row in scan.block]


def counts(html: str, *names: str) -> list[tuple[int, ...]]:
    """Columns of each block."""
    scan = scan_html(html)
    return [tuple(int(row[getattr(columns, name.upper())]) for name in names) for row in scan.block]


def assert_equal(html: str) -> None:
    """The kernels' blocks are the readable ones."""
    scan, slow = scan_html(html), SlowReader(html)
    assert [text_of(scan, row) for row in scan.block] == [block.text for block in slow.blocks]
    for row, block in zip(scan.block, slow.blocks, strict=True):
        found = {name: int(row[getattr(columns, name.upper())]) for name in COUNTS}
        assert found == {name: getattr(block, name) for name in COUNTS}, block.text
        assert_ends(scan, row, block)
    assert scan.title.tolist() == [word_token(word) for word in slow.title]
    assert_words(scan, slow)


def assert_ends(scan: Scan, row: np.ndarray, block: Block) -> None:
    data = block.text.encode()
    assert (row[columns.FIRST], row[columns.LAST]) == (data[0], data[-1])
    assert row[columns.HASH] == fnv(block.letters.encode()) >> 1
    assert scan.element[row[columns.INNER], 3] == block.inner.signature
    assert scan.element[row[columns.HOLDER], 3] == block.inner.owner.signature


def assert_words(scan: Scan, slow: SlowReader) -> None:
    found = [
        scan.words[row[columns.WORD_START] : row[columns.WORD_END]].tolist() for row in scan.block
    ]
    expected = [[word_token(word) for word in block.words] for block in slow.blocks]
    assert found == expected


@pytest.mark.parametrize("html", PAGES.values(), ids=PAGES)
def test_blocks_are_those_of_the_readable_reader(html):
    assert_equal(html)


@settings(max_examples=300)
@given(pages)
def test_blocks_of_any_page_are_those_of_the_readable_reader(html):
    assert_equal(html)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nothing", []),
        ("no_text", []),
        ("no_letters", ["a"]),
        ("inline_and_block", ["One bold word", "Two", "three", "four", "five"]),
        ("words_across_inline_tags", ["unbelievable link"]),
        ("unknown_tags", ["One", "two", "three", "four"]),
        ("breaks", ["One\ntwo", "three", "four", "five"]),
        ("void_block_tags", ["One", "two", "threefourfive", "six"]),
        ("pre", ["def f():\n\treturn 1", "two words"]),
        ("entities", ['A & B <c> "d" © &nbsp; &amp; R&D & E']),
        ("script", ["One", "two"]),
        ("script_in_script", ["One", "two", "three", "four", "five"]),
        ("comments", ["Onetwo", "three"]),
        ("instructions", ["Onetwo", "three"]),
        ("skipped", ["One", "two", "three"]),
        ("old_void_tags", ["Onetwo", "three", "four"]),
        ("copies", ["read more about it", "Read more: about it!", "read more"]),
    ],
)
def test_a_page_is_cut_where_its_block_level_elements_begin_and_end(name, expected):
    assert texts(PAGES[name]) == expected


def test_elements_that_end_leave_what_follows_outside_of_them():
    for before in ("<bgsound>", "<?php a ?>", "<script><!-- <script></script> --></script>"):
        scan = scan_html(f"<div><p>{before}One</p></div><p>two")
        one, two = (scan.element[row[columns.HOLDER]] for row in scan.block)
        body = scan.element[two[0]]
        assert scan.element[one[0], 0] == two[0], before
        assert scan.element[body[0], 0] == 0, before


def test_a_word_is_two_units_and_a_further_character_of_dense_scripts_one():
    assert counts("<p>two words", "units") == [(4,)]
    assert counts("<p>漢字かな", "units") == [(5,)]
    assert counts("<p>漢字。かな", "units") == [(6,)]
    assert counts("<p>iPhone版", "units") == [(3,)]
    assert counts("<p>слова", "units") == [(2,)]


def test_units_in_links_and_in_bold_are_counted_apart():
    html = "<p>one <a href=/>two <b>three</b></a> <strong>four <b>five</b></strong>"
    assert counts(html, "units", "link_units", "bold_units", "links") == [(10, 4, 6, 1)]


def test_a_block_that_begins_within_a_link_has_that_link():
    assert counts("<a href=/><p>one</p><p>two</p></a><p>three", "links") == [(1,), (1,), (0,)]


def test_equal_letters_give_equal_hashes_whatever_stands_between_them():
    first, second, third = (row[columns.HASH] for row in scan_html(PAGES["copies"]).block)
    assert first == second != third


def test_an_apostrophe_is_part_of_its_word():
    for apostrophe in ("'", "\u2019"):
        scan = scan_html(f"<p>a</p><p>don{apostrophe}t</p>")
        assert scan.words[-1] == word_token("dont")


def test_the_title_is_the_first_in_the_head_that_has_words():
    def title(html: str) -> list[int]:
        return scan_html(html).title.tolist()

    assert title(PAGES["titles"]) == [word_token("first")]
    assert title("<body><title>No</title><p>a") == []
    assert title("<svg><title>No</title></svg><p>a") == []
    assert title("<head><title>A &amp; B</title>") == [word_token("a"), word_token("b")]
    assert len(title(PAGES["long_title"])) <= MAX_TITLE_WORDS


def test_a_deep_page_has_all_its_elements():
    scan = scan_html(PAGES["deep"])
    assert len(scan.element) == 5_004
    assert [text_of(scan, row) for row in scan.block] == ["One", "two"]
    assert scan.block[:, columns.HOLDER].tolist() == [5_003, 2_503]


@pytest.mark.parametrize("data", [b"", b"text", b"<p>\xff\xfe \x80", b"<p>a\xe3", b"<p>\xf0\x9f"])
def test_bytes_that_are_no_page_have_blocks_or_none(data):
    assert len(scan_page(data, np.zeros(NUM_HINTS, np.float32)).block) <= 1


@given(pages)
def test_blocks_lie_one_after_the_other(html):
    scan = scan_html(html)
    for start, end in ((columns.TEXT_START, columns.TEXT_END),
                       (columns.WORD_START, columns.WORD_END)):  # fmt: skip
        assert (scan.block[:, start] < scan.block[:, end]).all()
        assert (scan.block[1:, start] >= scan.block[:-1, end]).all()
    assert (scan.block[:, columns.UNITS] >= scan.block[:, columns.LINK_UNITS]).all()
