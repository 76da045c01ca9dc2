"""Chosen blocks -> text: paragraphs apart, list items and table rows on lines of their own.

A blank line stands between paragraphs; items of a list, terms and table rows follow each other
without one; an item begins with "- "; short cells of a table row share its line, " | " between
them. A block's own line ends (<br>, <pre>) stay.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from corpus.extraction.blocks.markup import PARENT, TAG, TAG_CODE, TAGS
from corpus.extraction.blocks.scan import CHARACTERS, HOLDER, TEXT_END, TEXT_START, Scan

MAX_CELL_CHARACTERS = 100  # longer cells are text of a page that is laid out by tables

_LI, _TR = TAG_CODE["li"], TAG_CODE["tr"]
_IS_GROUP = np.array([name in ("ul", "ol", "dl", "menu", "table") for name in TAGS])


def render(scan: Scan, keep: npt.NDArray[np.bool_]) -> str:
    """The text of the blocks kept, bool (num_blocks,)."""
    return _render(scan.element, scan.block, scan.text, keep).tobytes().decode("utf-8", "replace")


@njit(cache=True, nogil=True)
def _render(
    element: npt.NDArray[np.int32],
    block: npt.NDArray[np.int32],
    text: npt.NDArray[np.uint8],
    keep: npt.NDArray[np.bool_],
) -> npt.NDArray[np.uint8]:
    num_elements = len(element)
    # The innermost list item, row, and list or table that each element stands in; 0 for none.
    item = np.zeros(num_elements, np.int32)
    row = np.zeros(num_elements, np.int32)
    group = np.zeros(num_elements, np.int32)
    for e in range(1, num_elements):
        parent = element[e, PARENT]
        tag = element[e, TAG]
        item[e] = e if tag == _LI else item[parent]
        row[e] = e if tag == _TR else row[parent]
        group[e] = e if _IS_GROUP[tag] else group[parent]
    found = np.empty(len(text) + 5 * len(block), np.uint8)
    size = 0
    previous = -1
    has_bullet = np.zeros(num_elements, np.bool_)
    for b in range(len(block)):
        if not keep[b]:
            continue
        here = block[b, HOLDER]
        if previous >= 0:
            there = block[previous, HOLDER]
            is_cell = (
                row[here] != 0
                and row[here] == row[there]
                and here != there
                and block[b, CHARACTERS] <= MAX_CELL_CHARACTERS
                and block[previous, CHARACTERS] <= MAX_CELL_CHARACTERS
            )
            if is_cell:
                found[size], found[size + 1], found[size + 2] = 32, 124, 32
                size += 3
            else:
                found[size] = 10
                size += 1
                is_together = group[here] != 0 and (
                    group[here] == group[there]
                    or group[element[group[here], PARENT]] == group[there]
                    or group[element[group[there], PARENT]] == group[here]
                )
                if not is_together:
                    found[size] = 10
                    size += 1
        if item[here] != 0 and not has_bullet[item[here]]:
            has_bullet[item[here]] = True
            found[size], found[size + 1] = 45, 32
            size += 2
        for at in range(block[b, TEXT_START], block[b, TEXT_END]):
            found[size] = text[at]
            size += 1
        previous = b
    return found[:size]
