"""structure.py's kernels against definitions in plain Python."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.extraction.blocks import scan_html
from corpus.extraction.blocks.markup import OWNER, PARENT, SIGNATURE, TAG
from corpus.extraction.blocks.scan import (
    HASH,
    HOLDER,
    INNER,
    LINK_UNITS,
    STOPS,
    UNITS,
    WORD_END,
    WORD_START,
    Scan,
)
from corpus.extraction.blocks.structure import (
    BY_PATH,
    BY_TAGS,
    LEVELS,
    MAX_CLIMB,
    MAX_STEPS,
    common_container,
    depths,
    first_alike,
    first_copies,
    repeats,
    structure_of,
)
from tests.corpus.extraction.blocks.written_pages import PAGES, pages

SMALL = {name: html for name, html in PAGES.items() if not name.startswith("deep")}


def above(element: np.ndarray, e: int) -> list[int]:
    """The element and its ancestors, from the inside to the root."""
    chain = [int(e)]
    while chain[-1] > 0:
        chain.append(int(element[chain[-1], PARENT]))
    return chain


def slow_sums(scan: Scan) -> np.ndarray:
    sums = np.zeros((len(scan.element), 4))
    for row in scan.block:
        for e in above(scan.element, row[HOLDER]):
            sums[e] += (row[UNITS], row[LINK_UNITS], 1, row[STOPS])
    return sums


def slow_levels(scan: Scan, sums: np.ndarray) -> list[list[int]]:
    """Ancestors that each hold more text than the one before; the root, again and again, at last.

    The root holds as much as <html> does and is a level nevertheless.
    """
    found = []
    for row in scan.block:
        levels, most = [], row[UNITS]
        for e in above(scan.element, row[HOLDER]):
            if sums[e, 0] > most or (e == 0 and e != row[HOLDER]):
                levels.append(e)
                most = sums[e, 0]
        found.append((levels + [0] * LEVELS)[:LEVELS])
    return found


def path_of(scan: Scan, row: np.ndarray) -> tuple[int, ...]:
    """Names and classes from where a block's text begins outwards, to its third block element."""
    path: list[int] = []
    num_holders = 0
    for e in above(scan.element, row[INNER]):
        if e == 0 or num_holders == 3 or len(path) == 12:
            break
        path.append(int(scan.element[e, SIGNATURE]))
        num_holders += int(scan.element[e, OWNER] == e)
    return tuple(path)


def numbered(keys: list) -> list[int]:
    """Each key by the order of its first appearance."""
    order = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return [order[key] for key in keys]


def slow_repeats(scan: Scan) -> np.ndarray:
    grams = []
    for row in scan.block:
        words = scan.words[row[WORD_START] : row[WORD_END]].tolist()
        grams.append(list(zip(*(words[i:] for i in range(4)), strict=False)))
    blocks_with = Counter(gram for block in grams for gram in set(block))
    seen: set[tuple[int, ...]] = set()
    found = np.zeros((len(grams), 2))
    for number, block in enumerate(grams):
        if block:
            found[number, 0] = sum(gram in seen for gram in block) / len(block)
            found[number, 1] = sum(blocks_with[gram] > 1 for gram in block) / len(block)
        seen.update(block)
    return found


def assert_equal(html: str) -> None:
    scan = scan_html(html)
    structure = structure_of(scan)
    sums = slow_sums(scan)
    assert structure.depth.tolist() == [
        len(above(scan.element, e)) - 1 for e in range(len(scan.element))
    ]
    assert np.array_equal(structure.sums, sums)
    assert structure.levels.tolist() == slow_levels(scan, sums)
    tags = [tuple(scan.element[above(scan.element, row[INNER]), TAG]) for row in scan.block]
    assert structure.group[:, BY_TAGS].tolist() == numbered(tags)
    paths = [path_of(scan, row) for row in scan.block]
    assert structure.group[:, BY_PATH].tolist() == numbered(paths)
    np.testing.assert_allclose(repeats(scan.block, scan.words), slow_repeats(scan), rtol=1e-6)
    hashes = scan.block[:, HASH].tolist()
    assert first_copies(scan.block).tolist() == [hashes.index(value) for value in hashes]


@pytest.mark.parametrize("html", SMALL.values(), ids=SMALL)
def test_the_structure_is_the_defined_one(html):
    assert_equal(html)


@settings(max_examples=200)
@given(pages)
def test_the_structure_of_any_page_is_the_defined_one(html):
    assert_equal(html)


def test_depths_of_a_deep_page():
    scan = scan_html(PAGES["deep"])
    assert depths(scan.element).tolist() == [0, 1, 2, *range(2, 5_003)]


def test_containers_that_hold_no_more_are_no_levels():
    scan = scan_html("<div><section><div><p>One</p></div><p>two</p></section></div><p>three")
    levels = structure_of(scan).levels
    names = ["section" if e and scan.element[e, TAG] == 29 else int(e) for e in levels[0]]
    assert names[0] == "section"
    assert scan.element[levels[0, 1], TAG] == 2  # body: the outer <div> holds the same
    assert levels[0, 2:].tolist() == [0, 0, 0]


def test_blocks_alike_by_classes_are_one_group():
    scan = scan_html("<ul><li class=a>1</li><li class=b>2</li><li class=a>3</li></ul><p>4")
    group = structure_of(scan).group
    assert group[:, BY_PATH].tolist() == [0, 1, 0, 2]
    assert group[:, BY_TAGS].tolist() == [0, 0, 0, 1]


def test_text_that_stood_before_is_a_repeat_there_and_elsewhere():
    scan = scan_html("<p>z</p><p>a b c d e<p>a b c d x<p>a b c<p>f g h i f g h i")
    shares = repeats(scan.block, scan.words)
    assert shares.tolist() == [[0, 0], [0, 0.5], [0.5, 0.5], [0, 0], [0, 0]]


@given(st.lists(st.integers(0, 2**32 - 1) | st.sampled_from([0, 16, 32, 48, 64])))
def test_each_key_finds_the_first_that_equals_it(keys):
    assert first_alike(np.array(keys, np.uint32)).tolist() == [keys.index(key) for key in keys]


@given(pages, st.randoms(use_true_random=False))
def test_the_common_container_is_the_innermost_ancestor_of_both(html, random):
    element = scan_html(html).element
    depth = depths(element)
    for _ in range(20):
        a, b = (random.randrange(len(element)) for _ in range(2))
        shared = next(e for e in above(element, a) if e in above(element, b))
        steps = above(element, a).index(shared)
        assert common_container(element, depth, a, b) == (shared, steps)


def test_a_container_too_far_up_is_given_up():
    element = scan_html("<div>" * (MAX_STEPS + 5) + "a").element
    depth, last = depths(element), len(element) - 1
    assert common_container(element, depth, last, last - MAX_STEPS + 1)[1] == MAX_STEPS - 1
    assert common_container(element, depth, last, 1) == (0, MAX_STEPS)


def test_a_container_too_far_up_from_the_other_side_is_given_up():
    element = scan_html("<p>a</p>" + "<div>" * (MAX_CLIMB + 9) + "b").element
    depth = depths(element)
    paragraph, last = 4, len(element) - 1
    assert common_container(element, depth, paragraph, last) == (0, MAX_STEPS)
    assert common_container(element, depth, paragraph, last - 9) == (3, 1)
