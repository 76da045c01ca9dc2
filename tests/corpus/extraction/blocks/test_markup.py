"""markup.py's elements against readable.py's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from corpus.extraction.blocks.markup import (
    _IS_SKIPPED,
    BREAK,
    CLOSE,
    ELEMENT,
    FLAG_TAGS,
    FLAGS,
    KIND,
    NUM_TOKENS,
    OPEN,
    OWNER,
    PARENT,
    SIGNATURE,
    TAG,
    TAG_CODE,
    TAGS,
    TEXT,
    TOKEN_END,
    TOKEN_START,
    fnv,
    fold,
    lower,
    mix,
    read_markup,
)
from tests.corpus.extraction.blocks import readable
from tests.corpus.extraction.blocks.readable import SlowReader
from tests.corpus.extraction.blocks.written_pages import PAGES, pages


def read(html: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    canonical = (LexborHTMLParser(html).html or "").encode()
    return read_markup(np.frombuffer(canonical, np.uint8))


def assert_equal(html: str) -> None:
    """The elements outside of skipped ones are the readable ones."""
    element, tokens, _ = read(html)
    is_skipped = np.zeros(len(element), bool)
    for e in range(1, len(element)):
        parent = element[e, PARENT]
        is_skipped[e] = is_skipped[parent] or _IS_SKIPPED[element[parent, TAG]]
    number = np.cumsum(~is_skipped) - 1
    expected = SlowReader(html).elements
    assert (~is_skipped).sum() == len(expected)
    for row, slow in zip(element[~is_skipped], expected, strict=True):
        assert row[TAG] == TAG_CODE.get(slow.name, 0)
        assert row[SIGNATURE] == slow.signature
        assert number[row[OWNER]] == slow.owner.number
        assert tokens[row[TOKEN_START] : row[TOKEN_END]].tolist() == slow.tokens()
        assert flags(row) == slow.flags
        if slow.parent:
            assert number[row[PARENT]] == slow.parent.number


def flags(row: np.ndarray) -> set[str]:
    return {name for bit, name in enumerate(("hidden", *FLAG_TAGS)) if row[FLAGS] >> bit & 1}


@pytest.mark.parametrize("html", PAGES.values(), ids=PAGES)
def test_elements_are_those_of_the_readable_reader(html):
    assert_equal(html)


@settings(max_examples=300)
@given(pages)
def test_elements_of_any_page_are_those_of_the_readable_reader(html):
    assert_equal(html)


def names_in(html: str, tag: str) -> list[str]:
    """The names behind the tokens of a page's last element of a tag, by the readable reader."""
    element = [element for element in SlowReader(html).elements if element.name == tag][-1]
    return [name for _, _, name in element.names]


@pytest.mark.parametrize(
    ("attribute", "expected"),
    [
        ("class=article-body", ["article", "body", "article-body"]),
        ("class=articleBody", ["article", "body", "articlebody"]),
        ("class='a  b'", ["a", "b"]),
        ("class=post-2024", ["post"]),
        ("class=col2left", ["col", "left", "colleft"]),
        ("class=XMLHttp", ["xmlhttp"]),
        ("class=99", []),
        ("title=article-body", []),
        ("href=/a", []),
        ("id=mainContent", ["main", "content", "maincontent"]),
        ("itemtype=http://schema.org/NewsArticle", ["http", "schema", "org", "news", "article",
                                                    "newsarticle"]),
    ],
)  # fmt: skip
def test_an_element_has_the_names_in_its_attributes_as_tokens(attribute, expected):
    html = f"<p {attribute}>a"
    element, _, _ = read(html)
    assert names_in(html, "p") == expected
    assert element[-1, TOKEN_END] - element[-1, TOKEN_START] == len(expected)
    assert_equal(html)


def test_two_spellings_of_a_name_share_its_parts():
    dashed, camel = (read(f"<p class={name}>a")[1] for name in ("article-body", "articleBody"))
    assert set(dashed[:2]) == set(camel[:2])
    assert dashed[2] != camel[2]


def test_only_so_many_names_of_an_attribute_count():
    names = [f"{a}{b}" for a in "abcdefgh" for b in "abcdefgh"]
    element, _, _ = read(f"<p class='{' '.join(names)}'>a")
    assert element[-1, TOKEN_END] - element[-1, TOKEN_START] == 40
    element, _, _ = read(f"<a href='/{'/'.join(names)}'>a")
    assert element[-1, TOKEN_END] - element[-1, TOKEN_START] == 8


def test_a_name_means_another_token_in_another_attribute():
    tokens = {read(f"<p {name}=main>a")[1][0] for name in ("class", "id", "role")}
    assert len(tokens) == 3


@given(pages)
def test_each_element_opens_before_and_closes_after_what_stands_in_it(html):
    element, _, event = read(html)
    inside = [0]
    for row in event:
        if row[KIND] == OPEN and not _IS_SKIPPED[element[row[ELEMENT], TAG]]:
            assert element[row[ELEMENT], PARENT] == inside[-1]
            inside.append(int(row[ELEMENT]))
        elif row[KIND] == CLOSE:
            assert inside.pop() == row[ELEMENT]
        elif row[KIND] in (TEXT, BREAK):
            assert inside[-1] == row[ELEMENT]
    assert inside == [0]


@pytest.mark.parametrize(
    "data",
    [b"", b"<", b"</", b"<!", b"<!-", b"<!--", b"<!---", b"<?", b"<p", b"<p ", b"<p a", b"<p a=",
     b'<p a="', b'<p class="a', b"</p>", b"</p></p></p>", b"<script>", b"<script></", b"<svg><p>",
     b"<script><!--", b"<script></script", b"&", b"<p>&am", b"a<br", b"\xff\xc3", b"<p>\xe6\xbc"],
)  # fmt: skip
def test_bytes_that_end_too_early_end_the_reading(data):
    element, _, event = read_markup(np.frombuffer(data, np.uint8))
    assert len(element) <= 4
    assert (event[:, 1:3] <= len(data)).all()


@settings(max_examples=300)
@given(st.lists(st.sampled_from(list(b'<>/!-="? ap\xc3')), max_size=40).map(bytes))
def test_any_bytes_at_all_are_read_to_their_end(data):
    element, tokens, event = read_markup(np.frombuffer(data, np.uint8))
    assert (element[1:, PARENT] < np.arange(1, len(element))).all()
    assert ((event[:, ELEMENT] >= 0) & (event[:, ELEMENT] < len(element))).all()
    assert ((tokens >= 0) & (tokens < NUM_TOKENS)).all()


@given(st.text())
def test_names_are_hashed_by_fnv(name):
    assert fnv(name) == readable.fnv(name.encode())


def test_fnv_is_the_published_one():
    # draft-eastlake-fnv, appendix C
    assert (fnv(""), fnv("a"), fnv("foobar")) == (0x811C9DC5, 0xE40C292C, 0xBF9CF968)


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_two_values_are_mixed_as_by_the_readable_twin(a, b):
    value = mix(np.uint32(a), np.uint32(b))
    assert value == readable.mixed(a, b)
    assert fold(np.uint32(value)) == value % NUM_TOKENS


def test_only_ascii_letters_are_lowered():
    assert bytes(lower(c) for c in range(256)) == bytes(range(256)).lower()


def test_each_tag_has_one_number():
    assert len(set(TAGS)) == len(TAGS) == len(TAG_CODE)
    assert TAG_CODE[""] == 0
    # The model's weights know a tag by its number: what is added stands at the end.
    assert (TAG_CODE["html"], TAG_CODE["p"], TAG_CODE["relative-time"]) == (1, 3, 124)
