from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.extraction.blocks import scan_html
from corpus.extraction.blocks.render import MAX_CELL_CHARACTERS, render
from corpus.extraction.blocks.scan import TEXT_END, TEXT_START, Scan
from tests.corpus.extraction.blocks.written_pages import PAGES, pages

LONG = " ".join(["words"] * 30)


def rendered(html: str, *, without: tuple[int, ...] = ()) -> str:
    """The text of a page's blocks but those of these numbers."""
    scan = scan_html(html)
    keep = np.ones(len(scan.block), bool)
    keep[list(without)] = False
    return render(scan, keep)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<h1>One</h1><p>two</p>three", "One\n\ntwo\n\nthree"),
        ("<p>One<br>two<br><br>three</p>", "One\ntwo\n\nthree"),
        ("<pre>def f():\n    return 1\n\nf()</pre><p>a", "def f():\n    return 1\n\nf()\n\na"),
        ("<ul><li>One</li><li>two</li></ul><p>three", "- One\n- two\n\nthree"),
        ("<ol><li><p>One</p><p>two</p></li><li>three</ol>", "- One\ntwo\n- three"),
        ("<ul><li>One<ul><li>two</ul></li><li>three</ul>", "- One\n- two\n- three"),
        ("<ul><li>One</ul><ul><li>two</ul>", "- One\n\n- two"),
        ("<p>One:</p><ul><li>two</ul>", "One:\n- two"),
        ("<dl><dt>One<dd>two<dt>three<dd>four</dl>", "One\ntwo\nthree\nfour"),
        ("<table><tr><td>1<td>2<tr><th>3<td>4</table>", "1 | 2\n3 | 4"),
        ("<table><tr><td>1<td><p>2</p><p>3</p></table>", "1 | 2 | 3"),
        ("<table><tr><td>1</table><table><tr><td>2</table>", "1\n\n2"),
        ("<table><caption>One</caption><tr><td>1<td>2</table>", "One\n1 | 2"),
        ("<li>alone</li><p>One", "- alone\n\nOne"),
    ],
)  # fmt: skip
def test_paragraphs_stand_apart_items_and_rows_together(html, expected):
    assert rendered(html) == expected


def test_long_cells_are_the_text_of_a_page_laid_out_by_a_table():
    assert len(LONG.replace(" ", "")) > MAX_CELL_CHARACTERS
    html = f"<table><tr><td>Menu<td>{LONG}<td>Side<td>bar</table>"
    assert rendered(html) == f"Menu\n{LONG}\nSide | bar"


def test_a_cell_of_just_so_many_characters_shares_its_line():
    cell = "x" * MAX_CELL_CHARACTERS
    assert rendered(f"<table><tr><td>a<td>{cell}</table>") == f"a | {cell}"
    assert rendered(f"<table><tr><td>a<td>{cell}x</table>") == f"a\n{cell}x"


def test_blocks_left_out_leave_no_trace():
    html = "<p>One</p><ul><li>two</li><li>three</li></ul><table><tr><td>4<td>5<td>6</table>"
    assert rendered(html, without=(1,)) == "One\n- three\n\n4 | 5 | 6"
    assert rendered(html, without=(0, 1, 2, 4)) == "4 | 6"
    assert rendered(html, without=(0, 1, 2, 3, 4, 5)) == ""


def test_an_item_whose_first_block_is_left_out_begins_with_the_next():
    assert rendered("<ul><li><p>One</p><p>two</p></li></ul>", without=(0,)) == "- two"


def test_characters_of_any_script_stay_as_they_are():
    assert rendered("<p>漢字 &amp; é \U0001f600 &lt;b&gt;</p>") == "漢字 & é \U0001f600 <b>"


def check_order(scan: Scan, keep: np.ndarray) -> None:
    """The text is the kept blocks', in order, with nothing but marks between them."""
    text = scan.text.tobytes()
    left = render(scan, keep)
    for row in scan.block[keep]:
        block = text[row[TEXT_START] : row[TEXT_END]].decode()
        start = left.index(block)
        assert left[:start] in ("", "- ", "\n", "\n- ", "\n\n", "\n\n- ", " | ", " | - ")
        left = left[start + len(block) :]
    assert left == ""


@pytest.mark.parametrize("html", PAGES.values(), ids=PAGES)
def test_all_blocks_of_a_page_are_rendered_in_order(html):
    scan = scan_html(html)
    check_order(scan, np.ones(len(scan.block), bool))


@settings(max_examples=150)
@given(pages, st.randoms(use_true_random=False))
def test_any_blocks_are_rendered_in_order(html, random):
    scan = scan_html(html)
    check_order(scan, np.array([random.random() < 0.6 for _ in scan.block], bool))
