"""What is measured of each block: its text, its place, its neighbours, its containers, its kin.

`measure` needs the page and the linear model's scores; `surround` adds, for one score a block, what
it is on average in the neighbours, the containers and the blocks of the same kind, and serves the
linear score and the first ensemble's alike. Nothing here knows a language: what words mean is the
linear score's.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from corpus.extraction.blocks.hints import HINT_NAMES
from corpus.extraction.blocks.markup import (
    FLAG_TAGS,
    FLAGS,
    PARENT,
    TAG,
    TAG_CODE,
    TAGS,
    TOKEN_END,
    TOKEN_START,
    Int32Array,
)
from corpus.extraction.blocks.scan import (
    BOLD_UNITS,
    BREAKS,
    CAPITALS,
    CHARACTERS,
    COMMAS,
    DIGITS,
    FIRST,
    HOLDER,
    INNER,
    LAST,
    LINK_UNITS,
    LINKS,
    STOPS,
    SYMBOLS,
    UNITS,
    UPPERS,
    WORD_END,
    WORD_START,
)
from corpus.extraction.blocks.structure import (
    BY_PATH,
    LEVELS,
    NUM_GROUPINGS,
    SUM_BLOCKS,
    SUM_LINK_UNITS,
    SUM_STOPS,
    SUM_UNITS,
    Float32Array,
    common_container,
    first_copies,
    repeats,
)
from corpus.simd import KERNEL

# Kinds of tokens: of the elements from a block's innermost to its holder, of the next two
# containers, of those further out, and the block's words.
OWN, NEAR, FAR, WORDS = range(4)
NUM_KINDS = 4
MAX_WORDS = 60  # of a block that are scored: its beginning tells what it is
MAX_CHAIN = 1_000  # inline elements around a block that are scored; real pages have up to 13

NEIGHBOURS = (-3, -2, -1, 1, 2, 3)

# Tags by what they mean for a block: an ensemble splits between those before and those after.
_TAG_ORDER = (
    "p", "blockquote", "pre", "code", "li", "dd", "dt", "td", "th", "figcaption", "h1", "h2", "h3",
    "h4", "h5", "h6", "article", "section", "main", "div", "body", "span", "b", "strong", "em", "i",
    "time", "small", "label", "a", "button", "summary", "form", "header", "footer", "aside", "nav",
)
_RANK = np.array(
    [_TAG_ORDER.index(tag) if tag in _TAG_ORDER else len(_TAG_ORDER) for tag in TAGS], np.int32
)
_HEADING = np.array(
    [int(tag[1]) if tag in ("h1", "h2", "h3", "h4", "h5", "h6") else 0 for tag in TAGS], np.int32
)
_ARTICLE = TAG_CODE["article"]
_P_FLAG = 2 << FLAG_TAGS.index("p")

TEXT_NAMES = (
    "log_characters", "log_units", "link_share", "links", "capitals", "digits", "stops", "commas",
    "symbols", "breaks", "bold_share", "uppers", "word_length", "first", "last", "tag",
    "inner_tag", "heading",
)
(
    _LOG_CHARACTERS, _LOG_UNITS, _LINK_SHARE, _LINKS, _CAPITALS, _DIGITS, _STOPS, _COMMAS,
    _SYMBOLS, _BREAKS, _BOLD_SHARE, _UPPERS, _WORD_LENGTH, _FIRST, _LAST, _TAG,
    _INNER_TAG, _HEADING_LEVEL,
) = range(len(TEXT_NAMES))
FLAG_NAMES = ("in_hidden", *(f"in_{tag}" for tag in FLAG_TAGS))
_FLAGS_AT = len(TEXT_NAMES)
_NUM_FLAGS = len(FLAG_NAMES)
PLACE_NAMES = (
    "depth", "index", "index_share", "before_share", "after_share", "page_log_units",
    "page_log_blocks", "page_link_share", "page_p_share", "copies", "is_copy", "since_heading",
    "title_in_block", "block_in_title", "from_title", "names_score", "words_score", "both_scores",
    "seen_before", "seen_elsewhere", "title_steps", "title_share", "article_number",
    "article_share", "h1_before",
)
_PLACE_AT = _FLAGS_AT + _NUM_FLAGS
(
    _DEPTH, _INDEX, _INDEX_SHARE, _BEFORE_SHARE, _AFTER_SHARE, _PAGE_LOG_UNITS,
    _PAGE_LOG_BLOCKS, _PAGE_LINK_SHARE, _PAGE_P_SHARE, _COPIES, _IS_COPY, _SINCE_HEADING,
    _TITLE_IN_BLOCK, _BLOCK_IN_TITLE, _FROM_TITLE, _NAMES_SCORE, _WORDS_SCORE, _BOTH_SCORES,
    _SEEN_BEFORE, _SEEN_ELSEWHERE, _TITLE_STEPS, _TITLE_SHARE, _ARTICLE_NUMBER,
    _ARTICLE_SHARE, _H1_BEFORE,
) = range(_PLACE_AT, _PLACE_AT + len(PLACE_NAMES))
NEIGHBOUR_NAMES = tuple(
    f"at{step:+d}_{name}"
    for step in NEIGHBOURS
    for name in ("log_units", "link_share", "stops", "tag", "same_path", "same_container")
)
_NEIGHBOURS_AT = _PLACE_AT + len(PLACE_NAMES)
LEVEL_NAMES = tuple(
    f"level{level}_{name}"
    for level in range(1, LEVELS + 1)
    for name in ("log_units", "link_share", "blocks", "stops", "page_share", "tag")
)
_LEVELS_AT = _NEIGHBOURS_AT + len(NEIGHBOUR_NAMES)
GROUP_NAMES = tuple(
    f"{grouping}_{name}"
    for grouping in ("path", "tags")
    for name in ("blocks", "log_units", "link_share", "stops", "page_share")
)
_GROUPS_AT = _LEVELS_AT + len(LEVEL_NAMES)
FLOW_NAMES = ("flow_before", "flow_after", "slow_flow_before", "slow_flow_after")
_FLOW_AT = _GROUPS_AT + len(GROUP_NAMES)
_HINTS_AT = _FLOW_AT + len(FLOW_NAMES)
MEASURE_NAMES = (
    *TEXT_NAMES, *FLAG_NAMES, *PLACE_NAMES, *NEIGHBOUR_NAMES, *LEVEL_NAMES, *GROUP_NAMES,
    *FLOW_NAMES, *HINT_NAMES,
)
NUM_MEASURES = len(MEASURE_NAMES)

SURROUND_NAMES = (
    "own", *(f"at{step:+d}" for step in NEIGHBOURS), "before_fast", "before_slow", "after_fast",
    "after_slow", *(f"level{level}" for level in range(1, LEVELS + 1)), "path", "tags", "page",
    "best", "anchor_steps", "from_anchor", "anchor_container",
)
NUM_SURROUND = len(SURROUND_NAMES)
(
    _OWN_SCORE, _NEIGHBOUR_SCORES, _BEFORE_FAST, _BEFORE_SLOW, _AFTER_FAST, _AFTER_SLOW,
    _LEVEL_SCORES, _GROUP_SCORES, _PAGE_SCORE, _BEST_SCORE, _ANCHOR_STEPS, _FROM_ANCHOR,
    _ANCHOR_CONTAINER,
) = (
    SURROUND_NAMES.index(name)
    for name in (
        "own", "at-3", "before_fast", "before_slow", "after_fast", "after_slow", "level1", "path",
        "page", "best", "anchor_steps", "from_anchor", "anchor_container",
    )
)
_NOWHERE = -9  # the score beyond the page's ends
_STEPS = np.array(NEIGHBOURS)


@njit(cache=True, nogil=True)
def token_scores(
    element: Int32Array,
    block: Int32Array,
    tokens: Int32Array,
    words: Int32Array,
    weights: Float32Array,
) -> Float32Array:
    """Linear scores float32 (num_blocks, 2): of the names around a block, and of its words.

    weights: float32 (NUM_KINDS, NUM_TOKENS). The weights of n tokens of a kind are added up and
    divided by the root of n.
    """
    sums, counts, outer = _name_sums(element, tokens, weights)
    found = np.zeros((len(block), 2), np.float32)
    for b in range(len(block)):
        found[b, 0] = _names_score(element, block[b], sums, counts, outer)
        start = block[b, WORD_START]
        end = min(block[b, WORD_END], start + MAX_WORDS)
        total = np.float32(0)
        for t in range(start, end):
            total += weights[WORDS, words[t]]
        if end > start:
            found[b, 1] = total / np.sqrt(np.float32(end - start))
    return found


@njit(cache=True, nogil=True)
def _name_sums(
    element: Int32Array, tokens: Int32Array, weights: Float32Array
) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Each element's weights by kind, number of tokens, and both of FAR with all ancestors'."""
    sums = np.zeros((len(element), 3), np.float32)
    counts = np.zeros(len(element), np.float32)
    outer = np.zeros((len(element), 2), np.float32)
    for e in range(len(element)):
        row = element[e]
        for kind in range(3):
            sums[e, kind] = weights[kind, row[TAG]]
        for t in range(row[TOKEN_START], row[TOKEN_END]):
            for kind in range(3):
                sums[e, kind] += weights[kind, tokens[t]]
        counts[e] = 1 + row[TOKEN_END] - row[TOKEN_START]
        outer[e, 0], outer[e, 1] = sums[e, FAR], counts[e]
        if row[PARENT] >= 0:
            outer[e, 0] += outer[row[PARENT], 0]
            outer[e, 1] += outer[row[PARENT], 1]
    return sums, counts, outer


@njit(**KERNEL)
def _names_score(
    element: Int32Array,
    block: Int32Array,
    sums: Float32Array,
    counts: Float32Array,
    outer: Float32Array,
) -> np.float32:
    e = block[INNER]
    total, num = sums[e, OWN], counts[e]
    for _ in range(MAX_CHAIN):
        if e == block[HOLDER] or element[e, PARENT] < 0:
            break
        e = element[e, PARENT]
        total += sums[e, OWN]
        num += counts[e]
    score = total / np.sqrt(num)
    total, num = np.float32(0), np.float32(0)
    for _ in range(2):
        if element[e, PARENT] >= 0:
            e = element[e, PARENT]
            total += sums[e, NEAR]
            num += counts[e]
    if num > 0:
        score += total / np.sqrt(num)
    if element[e, PARENT] >= 0:
        e = element[e, PARENT]
        score += outer[e, 0] / np.sqrt(outer[e, 1])
    return np.float32(score)


@njit(cache=True, nogil=True)
def measure(
    element: Int32Array,
    block: Int32Array,
    words: Int32Array,
    title: Int32Array,
    hints: Float32Array,
    scores: Float32Array,
    levels: Int32Array,
    sums: Float32Array,
    group: Int32Array,
    depth: Int32Array,
) -> Float32Array:
    """float32 (num_blocks, NUM_MEASURES); scores: token_scores' answer."""
    found = np.zeros((len(block), NUM_MEASURES), np.float32)
    if len(block) == 0:
        return found
    for b in range(len(block)):
        _measure_text(found[b], element, block[b])
        found[b, _HINTS_AT:] = hints
    _measure_place(found, element, block, scores, sums, depth)
    _measure_title(found, element, block, words, title, sums, depth)
    _measure_repeats(found, block, words)
    _measure_neighbours(found, element, block, group)
    _measure_levels(found, element, levels, sums)
    _measure_groups(found, block, group, sums)
    _measure_flow(found, block)
    return found


@njit(**KERNEL)
def _measure_text(row: Float32Array, element: Int32Array, block: Int32Array) -> None:
    characters = np.float32(block[CHARACTERS])
    units = np.float32(block[UNITS])
    num_words = np.float32(units / 2)
    row[_LOG_CHARACTERS] = np.log1p(characters)
    row[_LOG_UNITS] = np.log1p(units)
    row[_LINK_SHARE] = block[LINK_UNITS] / units
    row[_LINKS] = block[LINKS]
    row[_CAPITALS] = block[CAPITALS] / num_words
    row[_DIGITS] = block[DIGITS] / characters
    row[_STOPS] = block[STOPS] / num_words
    row[_COMMAS] = block[COMMAS] / num_words
    row[_SYMBOLS] = block[SYMBOLS] / num_words
    row[_BREAKS] = block[BREAKS]
    row[_BOLD_SHARE] = block[BOLD_UNITS] / units
    row[_UPPERS] = block[UPPERS] / characters
    row[_WORD_LENGTH] = characters / num_words
    row[_FIRST] = _first_class(block[FIRST])
    row[_LAST] = _last_class(block[LAST])
    row[_TAG] = _RANK[element[block[HOLDER], TAG]]
    row[_INNER_TAG] = _RANK[element[block[INNER], TAG]]
    row[_HEADING_LEVEL] = _HEADING[element[block[HOLDER], TAG]]
    flags = element[block[INNER], FLAGS]
    for bit in range(_NUM_FLAGS):
        row[_FLAGS_AT + bit] = (flags >> bit) & 1


@njit(**KERNEL)
def _first_class(c: int) -> int:
    """How a block begins: lower case, upper case, beyond ASCII, digit, other."""
    if 97 <= c <= 122:
        return 0
    return 1 if 65 <= c <= 90 else 2 if c >= 128 else 3 if 48 <= c <= 57 else 4


@njit(**KERNEL)
def _last_class(c: int) -> int:
    """How it ends: 1 as a sentence, 2 with a colon, 3 with a quote or beyond ASCII, else 0."""
    if c == 46 or c == 33 or c == 63:
        return 1
    return 2 if c == 58 else 3 if c >= 128 or c == 34 or c == 41 else 0


@njit(cache=True, nogil=True)
def _measure_place(
    found: Float32Array,
    element: Int32Array,
    block: Int32Array,
    scores: Float32Array,
    sums: Float32Array,
    depth: Int32Array,
) -> None:
    num_blocks = len(block)
    page_units = np.float32(max(sums[0, SUM_UNITS], 1))
    p_units = np.float32(0)
    for row in block:
        if element[row[INNER], FLAGS] & _P_FLAG:
            p_units += row[UNITS]
    # The innermost <article> around each element, and its number on the page.
    article = np.zeros(len(element), np.int32)
    number = np.zeros(len(element), np.int32)
    num_articles = 0
    for e in range(1, len(element)):
        article[e] = article[element[e, PARENT]]
        if element[e, TAG] == _ARTICLE:
            article[e] = e
            num_articles += 1
            number[e] = num_articles
    before = np.float32(0)
    since_heading, num_h1 = 50, 0
    for b in range(num_blocks):
        row = found[b]
        if row[_HEADING_LEVEL] > 0:
            since_heading = 0
        row[_DEPTH] = depth[block[b, HOLDER]]
        row[_INDEX] = b
        row[_INDEX_SHARE] = b / num_blocks
        row[_BEFORE_SHARE] = before / page_units
        before += block[b, UNITS]
        row[_AFTER_SHARE] = (page_units - before) / page_units
        row[_PAGE_LOG_UNITS] = np.log(page_units)
        row[_PAGE_LOG_BLOCKS] = np.log(np.float32(num_blocks))
        row[_PAGE_LINK_SHARE] = sums[0, SUM_LINK_UNITS] / page_units
        row[_PAGE_P_SHARE] = p_units / page_units
        row[_SINCE_HEADING] = since_heading
        since_heading += 1
        row[_NAMES_SCORE], row[_WORDS_SCORE] = scores[b, 0], scores[b, 1]
        row[_BOTH_SCORES] = scores[b, 0] + scores[b, 1]
        e = article[block[b, HOLDER]]
        row[_ARTICLE_NUMBER] = number[e]
        row[_ARTICLE_SHARE] = sums[e, SUM_UNITS] / page_units if e > 0 else -1
        row[_H1_BEFORE] = num_h1
        num_h1 += row[_HEADING_LEVEL] == 1


@njit(cache=True, nogil=True)
def _measure_title(
    found: Float32Array,
    element: Int32Array,
    block: Int32Array,
    words: Int32Array,
    title: Int32Array,
    sums: Float32Array,
    depth: Int32Array,
) -> None:
    """How much of <title> a block is, and how far it is from the block that shows the title."""
    place, best = -1, np.float32(0.3)
    for b in range(len(block)):
        num = block[b, WORD_END] - block[b, WORD_START]
        if num == 0 or num > 3 * len(title):
            continue
        num_common = 0
        for t in range(block[b, WORD_START], block[b, WORD_END]):
            for word in title:
                if word == words[t]:
                    num_common += 1
                    break
        in_block = np.float32(min(num_common / len(title), 1.0))
        in_title = np.float32(num_common / num)
        found[b, _TITLE_IN_BLOCK], found[b, _BLOCK_IN_TITLE] = in_block, in_title
        likeness = in_block * in_title
        if _HEADING[element[block[b, HOLDER], TAG]]:
            likeness += np.float32(0.2)
        if num_common > 1 and likeness > best:
            place, best = b, likeness
    page_units = np.float32(max(sums[0, SUM_UNITS], 1))
    for b in range(len(block)):
        found[b, _FROM_TITLE] = min(max(b - place, -60), 200) if place >= 0 else -100
        found[b, _TITLE_STEPS] = found[b, _TITLE_SHARE] = -1
        if place >= 0:
            e, steps = common_container(element, depth, block[b, HOLDER], block[place, HOLDER])
            found[b, _TITLE_STEPS] = steps
            found[b, _TITLE_SHARE] = sums[e, SUM_UNITS] / page_units


@njit(cache=True, nogil=True)
def _measure_repeats(found: Float32Array, block: Int32Array, words: Int32Array) -> None:
    first = first_copies(block)
    copies = np.zeros(len(block), np.int32)
    for b in range(len(block)):
        copies[first[b]] += 1
    shares = repeats(block, words)
    for b in range(len(block)):
        found[b, _COPIES] = copies[first[b]]
        found[b, _IS_COPY] = 1 if first[b] < b else 0
        found[b, _SEEN_BEFORE], found[b, _SEEN_ELSEWHERE] = shares[b, 0], shares[b, 1]


@njit(**KERNEL)
def _measure_neighbours(
    found: Float32Array, element: Int32Array, block: Int32Array, group: Int32Array
) -> None:
    for b in range(len(block)):
        at = _NEIGHBOURS_AT
        for step in _STEPS:
            other = b + step
            if 0 <= other < len(block):
                found[b, at] = found[other, _LOG_UNITS]
                found[b, at + 1] = found[other, _LINK_SHARE]
                found[b, at + 2] = found[other, _STOPS]
                found[b, at + 3] = found[other, _TAG]
                found[b, at + 4] = group[other, BY_PATH] == group[b, BY_PATH]
                container = element[block[b, HOLDER], PARENT]
                found[b, at + 5] = element[block[other, HOLDER], PARENT] == container
            else:
                found[b, at] = found[b, at + 1] = found[b, at + 3] = -1
            at += 6


@njit(**KERNEL)
def _measure_levels(
    found: Float32Array, element: Int32Array, levels: Int32Array, sums: Float32Array
) -> None:
    page_units = np.float32(max(sums[0, SUM_UNITS], 1))
    for b in range(len(levels)):
        at = _LEVELS_AT
        for e in levels[b]:
            units = max(sums[e, SUM_UNITS], 1)
            found[b, at] = np.log1p(units)
            found[b, at + 1] = sums[e, SUM_LINK_UNITS] / units
            found[b, at + 2] = sums[e, SUM_BLOCKS]
            found[b, at + 3] = sums[e, SUM_STOPS] / units
            found[b, at + 4] = units / page_units
            found[b, at + 5] = _RANK[element[e, TAG]]
            at += 6


@njit(cache=True, nogil=True)
def _measure_groups(
    found: Float32Array, block: Int32Array, group: Int32Array, sums: Float32Array
) -> None:
    page_units = np.float32(max(sums[0, SUM_UNITS], 1))
    at = _GROUPS_AT
    for grouping in range(NUM_GROUPINGS):
        total = np.zeros((len(block), 4), np.float32)
        for b in range(len(block)):
            own = total[group[b, grouping]]
            own[0] += 1
            own[1] += block[b, UNITS]
            own[2] += block[b, LINK_UNITS]
            own[3] += block[b, STOPS]
        for b in range(len(block)):
            own = total[group[b, grouping]]
            found[b, at] = own[0]
            found[b, at + 1] = np.log1p(own[1] / own[0])
            found[b, at + 2] = own[2] / own[1]
            found[b, at + 3] = own[3] / own[1]
            found[b, at + 4] = own[1] / page_units
        at += 5


@njit(**KERNEL)
def _measure_flow(found: Float32Array, block: Int32Array) -> None:
    """Moving averages of running text, the root of units outside links, from both sides."""
    for direction in range(2):
        fast = slow = np.float32(0)
        for i in range(len(block)):
            b = i if direction == 0 else len(block) - 1 - i
            found[b, _FLOW_AT + direction] = fast
            found[b, _FLOW_AT + 2 + direction] = slow
            running = np.sqrt(np.float32(block[b, UNITS] - block[b, LINK_UNITS]))
            fast = np.float32(0.6) * fast + np.float32(0.4) * running
            slow = np.float32(0.9) * slow + np.float32(0.1) * running


@njit(cache=True, nogil=True)
def surround(
    element: Int32Array,
    block: Int32Array,
    levels: Int32Array,
    sums: Float32Array,
    group: Int32Array,
    depth: Int32Array,
    score: Float32Array,
) -> Float32Array:
    """float32 (num_blocks, NUM_SURROUND): a score's values around each block.

    score: float32 (num_blocks,). Means are weighted by the blocks' units. The anchor is the block
    that stands highest with its surroundings: the heart of the main text.
    """
    found = np.zeros((len(block), NUM_SURROUND), np.float32)
    if len(block) == 0:
        return found
    total = np.zeros(len(element), np.float32)
    for b in range(len(block)):
        total[block[b, HOLDER]] += block[b, UNITS] * score[b]
    for e in range(len(element) - 1, 0, -1):
        total[element[e, PARENT]] += total[e]
    page = total[0] / max(sums[0, SUM_UNITS], 1)
    best = score.max()
    for b in range(len(block)):
        row = found[b]
        row[_OWN_SCORE], row[_PAGE_SCORE], row[_BEST_SCORE] = score[b], page, best
        at = _NEIGHBOUR_SCORES
        for step in _STEPS:
            other = b + step
            row[at] = score[other] if 0 <= other < len(block) else _NOWHERE
            at += 1
        for level in range(LEVELS):
            e = levels[b, level]
            row[_LEVEL_SCORES + level] = total[e] / max(sums[e, SUM_UNITS], 1)
    _average_along(found, block, score, page)
    _find_anchor(found, element, block, score, total, sums, depth)
    for grouping in range(NUM_GROUPINGS):
        mean = np.zeros((len(block), 2), np.float32)
        for b in range(len(block)):
            mean[group[b, grouping], 0] += block[b, UNITS] * score[b]
            mean[group[b, grouping], 1] += block[b, UNITS]
        for b in range(len(block)):
            own = mean[group[b, grouping]]
            found[b, _GROUP_SCORES + grouping] = own[0] / own[1]
    return found


@njit(**KERNEL)
def _average_along(
    found: Float32Array, block: Int32Array, score: Float32Array, page: np.float32
) -> None:
    """Moving averages of the score from both sides; a long block counts for more."""
    for direction in range(2):
        fast = slow = page
        for i in range(len(block)):
            b = i if direction == 0 else len(block) - 1 - i
            found[b, _BEFORE_FAST + 2 * direction] = fast
            found[b, _BEFORE_SLOW + 2 * direction] = slow
            share = np.float32(min(0.2 + 0.02 * block[b, UNITS], 0.7))
            fast += share * (score[b] - fast)
            slow += np.float32(0.25) * share * (score[b] - slow)


@njit(**KERNEL)
def _find_anchor(
    found: Float32Array,
    element: Int32Array,
    block: Int32Array,
    score: Float32Array,
    total: Float32Array,
    sums: Float32Array,
    depth: Int32Array,
) -> None:
    anchor, most = 0, np.float32(-1e9)
    for b in range(len(block)):
        height = found[b, _BEFORE_FAST] + found[b, _AFTER_FAST] + score[b]
        height += np.float32(0.1) * np.log1p(np.float32(block[b, UNITS]))
        if height > most:
            anchor, most = b, height
    for b in range(len(block)):
        e, steps = common_container(element, depth, block[b, HOLDER], block[anchor, HOLDER])
        found[b, _ANCHOR_STEPS] = steps
        found[b, _FROM_ANCHOR] = min(max(b - anchor, -100), 100)
        found[b, _ANCHOR_CONTAINER] = total[e] / max(sums[e, SUM_UNITS], 1)
