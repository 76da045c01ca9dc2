"""features.py's kernels against definitions in plain Python, by the names of the columns."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings

from corpus.extraction.blocks import features, scan_html
from corpus.extraction.blocks.features import (
    FLAG_NAMES,
    LEVEL_NAMES,
    MAX_CHAIN,
    MAX_WORDS,
    MEASURE_NAMES,
    NEIGHBOURS,
    NUM_KINDS,
    NUM_MEASURES,
    NUM_SURROUND,
    SURROUND_NAMES,
    surround,
    token_scores,
)
from corpus.extraction.blocks.markup import FLAGS, NUM_TOKENS, TAG, TAGS
from corpus.extraction.blocks.model import first_features
from corpus.extraction.blocks.scan import (
    BOLD_UNITS,
    BREAKS,
    CAPITALS,
    CHARACTERS,
    COMMAS,
    DIGITS,
    FIRST,
    HASH,
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
    Scan,
)
from corpus.extraction.blocks.structure import MAX_STEPS, Structure, repeats, structure_of
from corpus.extraction.blocks.training.fit import token_matrix
from tests.corpus.extraction.blocks.test_structure import SMALL, above
from tests.corpus.extraction.blocks.written_pages import pages

ARTICLE = """
<head><title>The river rises - A paper</title></head><body class=home>
<nav id=topMenu><ul><li><a href=/>Home</a></li><li><a href=/news>News, all of it</a></li></ul></nav>
<div class=crumbs><a href=/>Home</a> | <a href=/r>Rivers</a></div>
<article class="post-body main"><h1>The river rises</h1><p><b>By A. Writer</b>, 3 May 2024</p>
<p>The river rises in the hills above the town, and runs through three valleys. It is slow!</p>
<h2>Its course</h2><p>Before it meets the sea: <a href=/x>a lake</a>.</p>
<article><p>Within: "an article".</p></article></article>
<article><p>Another article, far away?</p></article>
<aside style="display:none"><p>The river rises in the hills above the town, and runs on.</p></aside>
<div><div>Home</div><div><p>The river rises</p></div></div><footer>© 2024 | a@b.c</footer></body>
"""
SOME = {**SMALL, "article": ARTICLE}
Row = dict[str, float]


def weights() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(NUM_KINDS, NUM_TOKENS)).astype(np.float32)


def scores_of(scan: Scan) -> np.ndarray:
    return token_scores(scan.element, scan.block, scan.tokens, scan.words, weights())


def measured(html: str) -> tuple[Scan, Structure, np.ndarray, np.ndarray]:
    scan = scan_html(html)
    structure, scores = structure_of(scan), scores_of(scan)
    found = first_features(scan, structure, weights())[:, :NUM_MEASURES]
    assert found.shape == (len(scan.block), NUM_MEASURES)
    assert np.isfinite(found).all()
    return scan, structure, scores, found


def assert_columns(found: np.ndarray, expected: list[Row], names: tuple[str, ...]) -> None:
    for b, row in enumerate(expected):
        for name, value in row.items():
            got = float(found[b, names.index(name)])
            assert got == pytest.approx(float(value), rel=1e-4, abs=1e-5), (b, name)


def rank(scan: Scan, e: int) -> int:
    """The place of an element's tag among the tags in the order of their meaning."""
    order = features._TAG_ORDER
    tag = TAGS[scan.element[e, TAG]]
    return order.index(tag) if tag in order else len(order)


def heading(scan: Scan, row: np.ndarray) -> int:
    tag = TAGS[scan.element[row[HOLDER], TAG]]
    return int(tag[1]) if tag in ("h1", "h2", "h3", "h4", "h5", "h6") else 0


def slow_text(scan: Scan, row: np.ndarray) -> Row:
    characters, units = int(row[CHARACTERS]), int(row[UNITS])
    words = units / 2
    first, last = bytes([row[FIRST]]), bytes([row[LAST]])
    flags = int(scan.element[row[INNER], FLAGS])
    kinds = (first.islower(), first.isupper(), first >= b"\x80", first.isdigit(), True)
    return {
        "log_characters": math.log(1 + characters),
        "log_units": math.log(1 + units),
        "link_share": row[LINK_UNITS] / units,
        "links": row[LINKS],
        "capitals": row[CAPITALS] / words,
        "digits": row[DIGITS] / characters,
        "stops": row[STOPS] / words,
        "commas": row[COMMAS] / words,
        "symbols": row[SYMBOLS] / words,
        "breaks": row[BREAKS],
        "bold_share": row[BOLD_UNITS] / units,
        "uppers": row[UPPERS] / characters,
        "word_length": characters / words,
        "first": kinds.index(True),
        "last": (
            1 if last in b".!?" else 2 if last == b":"
            else 3 if last >= b"\x80" or last in b'")' else 0
        ),
        "tag": rank(scan, row[HOLDER]),
        "inner_tag": rank(scan, row[INNER]),
        "heading": heading(scan, row),
        **{name: flags >> bit & 1 for bit, name in enumerate(FLAG_NAMES)},
    }  # fmt: skip


def slow_place(scan: Scan, scores: np.ndarray) -> list[Row]:
    block, element = scan.block, scan.element
    units = [int(row[UNITS]) for row in block]
    page = max(sum(units), 1)
    in_p = sum(row[UNITS] for row in block if any(
        TAGS[element[e, TAG]] == "p" for e in above(element, row[INNER])
    ))  # fmt: skip
    articles = [e for e in range(len(element)) if TAGS[element[e, TAG]] == "article"]
    hashes = block[:, HASH].tolist()
    shares = repeats(block, scan.words)
    levels = [heading(scan, row) for row in block]
    found = []
    for b, row in enumerate(block):
        around = [e for e in above(element, row[HOLDER]) if e in articles]
        inside = [
            other for other in block if around and around[0] in above(element, other[HOLDER])
        ]
        since = next((steps for steps in range(b + 1) if levels[b - steps]), 50 + b)
        found.append({
            "depth": len(above(element, row[HOLDER])) - 1,
            "index": b,
            "index_share": b / len(block),
            "before_share": sum(units[:b]) / page,
            "after_share": sum(units[b + 1 :]) / page,
            "page_log_units": math.log(page),
            "page_log_blocks": math.log(len(block)),
            "page_link_share": int(block[:, LINK_UNITS].sum()) / page,
            "page_p_share": in_p / page,
            "copies": hashes.count(hashes[b]),
            "is_copy": hashes.index(hashes[b]) < b,
            "since_heading": since,
            "names_score": scores[b, 0],
            "words_score": scores[b, 1],
            "both_scores": scores[b].sum(),
            "seen_before": shares[b, 0],
            "seen_elsewhere": shares[b, 1],
            "article_number": articles.index(around[0]) + 1 if around else 0,
            "article_share": sum(int(r[UNITS]) for r in inside) / page if around else -1,
            "h1_before": levels[:b].count(1),
        })
    return found


def slow_title(scan: Scan) -> list[Row]:
    """How much of the title each block is, and where it stands from the block that shows it."""
    title = scan.title.tolist()
    found, likeness = [], []
    for row in scan.block:
        words = scan.words[row[WORD_START] : row[WORD_END]].tolist()
        common = sum(word in title for word in words) if len(words) <= 3 * len(title) else 0
        in_block = min(common / len(title), 1) if title else 0
        in_title = common / len(words)
        found.append({"title_in_block": in_block, "block_in_title": in_title})
        bonus = 0.2 if heading(scan, row) else 0
        likeness.append(in_block * in_title + bonus if common > 1 else 0)
    place = int(np.argmax(likeness)) if likeness and max(likeness) > 0.3 else None
    total = max(int(scan.block[:, UNITS].sum()), 1)
    for b, row in enumerate(found):
        row |= {"from_title": -100, "title_steps": -1, "title_share": -1}
        if place is not None:
            shared, steps = slow_common(scan, b, place)
            inside = units_in(scan, shared)
            row |= {"from_title": min(max(b - place, -60), 200), "title_steps": steps}
            row["title_share"] = inside / total
    return found


def slow_common(scan: Scan, a: int, b: int) -> tuple[int, int]:
    first, second = (above(scan.element, scan.block[x, HOLDER]) for x in (a, b))
    shared = next(e for e in first if e in second)
    steps = first.index(shared)
    return (shared, steps) if steps < MAX_STEPS else (0, MAX_STEPS)


def units_in(scan: Scan, e: int) -> int:
    """Units of all that stands in an element."""
    return sum(int(row[UNITS]) for row in scan.block if e in above(scan.element, row[HOLDER]))


def slow_neighbours(scan: Scan, structure: Structure, text: list[Row]) -> list[Row]:
    parents = [above(scan.element, row[HOLDER])[1:2] for row in scan.block]
    found = []
    for b in range(len(scan.block)):
        row: Row = {}
        for step in NEIGHBOURS:
            other, at = b + step, f"at{step:+d}_"
            if not 0 <= other < len(scan.block):
                row |= {f"{at}{name}": -1 for name in ("log_units", "link_share", "tag")}
                row |= {f"{at}{name}": 0 for name in ("stops", "same_path", "same_container")}
                continue
            for name in ("log_units", "link_share", "stops", "tag"):
                row[at + name] = text[other][name]
            row[f"{at}same_path"] = structure.group[b, 0] == structure.group[other, 0]
            row[f"{at}same_container"] = parents[b] == parents[other]
        found.append(row)
    return found


def slow_containers(scan: Scan, structure: Structure) -> list[Row]:
    """Measures of each block's containers and groups."""
    total = max(int(scan.block[:, UNITS].sum()), 1)
    found = []
    for b in range(len(scan.block)):
        row: Row = {}
        for number, e in enumerate(structure.levels[b], 1):
            inside = [r for r in scan.block if e in above(scan.element, r[HOLDER])]
            units, links, stops = sums(inside)
            row |= {
                f"level{number}_log_units": math.log1p(units),
                f"level{number}_link_share": links / units,
                f"level{number}_blocks": len(inside),
                f"level{number}_stops": stops / units,
                f"level{number}_page_share": units / total,
                f"level{number}_tag": rank(scan, e),
            }
        for column, name in enumerate(("path", "tags")):
            same = structure.group[:, column] == structure.group[b, column]
            units, links, stops = sums(list(scan.block[same]))
            row |= {
                f"{name}_blocks": same.sum(),
                f"{name}_log_units": math.log1p(units / same.sum()),
                f"{name}_link_share": links / units,
                f"{name}_stops": stops / units,
                f"{name}_page_share": units / total,
            }
        found.append(row)
    return found


def sums(rows: list[np.ndarray]) -> tuple[int, int, int]:
    columns = (UNITS, LINK_UNITS, STOPS)
    units, links, stops = (sum(int(row[column]) for row in rows) for column in columns)
    return units, links, stops


def slow_flow(scan: Scan) -> list[Row]:
    running = np.sqrt(scan.block[:, UNITS] - scan.block[:, LINK_UNITS]).tolist()

    def average(values: list[float], new: float) -> float:
        """Of what came before, the nearest first; a value counts for less the further it is."""
        return sum(new * (1 - new) ** i * value for i, value in enumerate(values))

    return [
        {
            f"{name}_{side}": average(values, new)
            for name, new in (("flow", 0.4), ("slow_flow", 0.1))
            for side, values in (("before", running[:b][::-1]), ("after", running[b + 1 :]))
        }
        for b in range(len(running))
    ]


def assert_measures(html: str) -> None:
    scan, structure, scores, found = measured(html)
    text = [slow_text(scan, row) for row in scan.block]
    parts = [
        text, slow_place(scan, scores), slow_title(scan), slow_neighbours(scan, structure, text),
        slow_containers(scan, structure), slow_flow(scan),
    ]  # fmt: skip
    for part in parts:
        assert_columns(found, part, MEASURE_NAMES)
    if len(scan.block):
        num = MEASURE_NAMES.index("slow_flow_after") + 1
        assert {name for part in parts for name in part[0]} == set(MEASURE_NAMES[:num])
        assert (found[:, num:] == found[0, num:]).all()  # the page's own, on each block


@pytest.mark.parametrize("html", SOME.values(), ids=SOME)
def test_measures_are_the_defined_ones(html):
    assert_measures(html)


@settings(max_examples=100)
@given(pages)
def test_measures_of_any_page_are_the_defined_ones(html):
    assert_measures(html)


def test_an_article_is_measured_as_a_reader_would_say():
    _, _, _, found = measured(ARTICLE)
    rows = [dict(zip(MEASURE_NAMES, row.tolist(), strict=True)) for row in found]
    menu, heading_, first = rows[0], rows[3], rows[5]
    assert (menu["link_share"], menu["in_nav"], menu["in_li"], menu["in_article"]) == (1, 1, 1, 0)
    assert (heading_["heading"], heading_["from_title"], heading_["title_steps"]) == (1, 0, 0)
    assert (first["since_heading"], first["from_title"], first["article_number"]) == (2, 2, 1)
    assert first["seen_elsewhere"] > 0.5 > first["seen_before"] == 0
    hidden = next(row for row in rows if row["in_hidden"])
    assert hidden["in_aside"] == 1
    assert hidden["seen_before"] > 0.5


def slow_surround(scan: Scan, structure: Structure, score: np.ndarray) -> list[Row]:
    units = scan.block[:, UNITS].astype(float)
    page = mean(score, units)
    before, after = (slow_averages(score, units, page, side) for side in (1, -1))
    anchor_heights = [
        before["fast"][b] + after["fast"][b] + score[b] + 0.1 * math.log1p(units[b])
        for b in range(len(score))
    ]
    anchor = int(np.argmax(anchor_heights))
    found = []
    for b in range(len(score)):
        row: Row = {"own": score[b], "page": page, "best": max(score)}
        for step in NEIGHBOURS:
            row[f"at{step:+d}"] = score[b + step] if 0 <= b + step < len(score) else -9
        for name in ("fast", "slow"):
            row |= {f"before_{name}": before[name][b], f"after_{name}": after[name][b]}
        for number, e in enumerate(structure.levels[b], 1):
            row[f"level{number}"] = mean_in(scan, e, score)
        for column, name in enumerate(("path", "tags")):
            same = structure.group[:, column] == structure.group[b, column]
            row[name] = mean(score[same], units[same])
        shared, steps = slow_common(scan, b, anchor)
        row |= {"anchor_steps": steps, "anchor_container": mean_in(scan, shared, score)}
        row["from_anchor"] = min(max(b - anchor, -100), 100)
        found.append(row)
    return found


def mean(score: np.ndarray, units: np.ndarray) -> float:
    return float((score * units).sum() / units.sum())


def mean_in(scan: Scan, e: int, score: np.ndarray) -> float:
    inside = [e in above(scan.element, row[HOLDER]) for row in scan.block]
    return mean(score[inside], scan.block[inside, UNITS].astype(float))


def slow_averages(
    score: np.ndarray, units: np.ndarray, page: float, side: int
) -> dict[str, list[float]]:
    """What the score was on average on the way to each block; it starts from the page's mean."""

    def along(step_of: Callable[[float], float]) -> list[float]:
        value, found = page, []
        for own, size in zip(score[::side], units[::side], strict=True):
            found.append(value)
            step = step_of(min(0.2 + 0.02 * size, 0.7))
            value = (1 - step) * value + step * own
        return found[::side]

    return {"fast": along(lambda share: share), "slow": along(lambda share: share / 4)}


def assert_surroundings(html: str) -> None:
    scan = scan_html(html)
    structure = structure_of(scan)
    score = np.random.default_rng(1).random(len(scan.block)).astype(np.float32)
    found = surround(scan.element, scan.block, *structure, score)
    assert found.shape == (len(scan.block), NUM_SURROUND)
    if len(score):
        expected = slow_surround(scan, structure, score)
        assert_columns(found, expected, SURROUND_NAMES)
        assert set(expected[0]) == set(SURROUND_NAMES)


@pytest.mark.parametrize("html", SOME.values(), ids=SOME)
def test_surroundings_are_the_defined_ones(html):
    assert_surroundings(html)


@settings(max_examples=100)
@given(pages)
def test_surroundings_in_any_page_are_the_defined_ones(html):
    assert_surroundings(html)


def assert_scores(html: str) -> None:
    """What the engine adds up is what the regression learnt from."""
    scan = scan_html(html)
    matrix, by_kind = token_matrix(scan).astype(np.float64), weights().astype(np.float64)
    names, words = by_kind.copy(), by_kind.copy()
    names[features.WORDS], words[: features.WORDS] = 0, 0
    expected = np.stack([matrix @ names.ravel(), matrix @ words.ravel()], axis=1)
    np.testing.assert_allclose(scores_of(scan), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("html", SOME.values(), ids=SOME)
def test_scores_are_the_training_matrix_by_the_weights(html):
    assert_scores(html)


@settings(max_examples=100)
@given(pages)
def test_scores_of_any_page_are_the_training_matrix_by_the_weights(html):
    assert_scores(html)


def test_only_so_many_inline_elements_around_a_block_are_scored():
    assert_scores("<i>" * (MAX_CHAIN + 200) + "One<p>two")


def test_only_a_blocks_first_words_are_scored():
    words = [f"w{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(2 * MAX_WORDS)]
    long, short = (
        scores_of(scan_html(f"<p>z<p>{' '.join(words[:num])}"))[1, 1]
        for num in (2 * MAX_WORDS, MAX_WORDS)
    )
    assert long == short != scores_of(scan_html(f"<p>z<p>{' '.join(words[: MAX_WORDS - 1])}"))[1, 1]


def test_columns_have_names_of_their_own():
    assert len(set(MEASURE_NAMES)) == NUM_MEASURES
    assert len(set(SURROUND_NAMES)) == NUM_SURROUND
    assert len(LEVEL_NAMES) == 30


def test_a_page_without_blocks_has_no_rows():
    _, _, scores, found = measured("")
    assert (len(scores), len(found)) == (0, 0)


def test_what_a_page_says_of_its_kind_stands_with_each_block():
    _, _, _, found = measured('<meta property="og:type" content="article"><p>One.</p><p>Two.</p>')
    at = MEASURE_NAMES.index("og_article")
    assert found[:, at].tolist() == [1, 1]
    assert not found[:, at + 1 :].any()
