"""Gopher's repetition rules: each threshold, and the signals against plain Python and datatrove."""

import gzip
import itertools
import json
from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.words import normalise, split_words
from filters.heuristics import gopher_repetition
from filters.heuristics.gopher_repetition import (
    REPEATED_NGRAM_SIZES,
    TOP_NGRAMS,
    GopherRepetitionSettings,
)
from filters.heuristics.lines import read_lines

FEW_WORDS = st.lists(st.sampled_from(["a", "bb", "ccc", "É", "d"]), max_size=60).map(" ".join)
LINES = st.lists(
    st.sampled_from(["a", " bb ", "é c", "", " ", "\u00a0a\t", "-\r"]), max_size=12
).map("\n".join)


def measure(texts, **changes):
    array = pa.array(texts, pa.large_string())
    chosen = GopherRepetitionSettings(**changes)
    found = gopher_repetition.measure(read_lines(array), split_words(array), chosen)
    return {name: values.tolist() for name, values in found.items()}


def reasons(text, **changes):
    """Every rule that drops the text."""
    array = pa.array([text], pa.large_string())
    chosen = GopherRepetitionSettings(**changes)
    signals = gopher_repetition.measure(read_lines(array), split_words(array), chosen)
    return [name for name, drops in gopher_repetition.judge(signals, chosen) if drops[0]]


def words(first, last):
    """Words of five bytes that differ."""
    return " ".join(f"w{i:04}" for i in range(first, last))


def size(units):
    return sum(len(unit.encode()) for unit in units)


def twin_repeats(units):
    """Shares of units equal to an earlier one: of their number, and of their bytes."""
    later = [unit for i, unit in enumerate(units) if unit in units[:i]]
    return len(later) / max(len(units), 1), size(later) / max(size(units), 1)


def twin_lines(text):
    lines = [line.strip() for line in text.split("\n")]
    blocks = "\n".join(lines).split("\n\n")
    paragraphs = [block.strip("\n") for block in blocks if block.strip("\n")]
    bytes_of = {p: size(p.split("\n")) for p in paragraphs}
    later = [p for i, p in enumerate(paragraphs) if p in paragraphs[:i]]
    lines = [line for line in lines if line]
    share, characters = twin_repeats(lines)
    return {
        "repeated_lines": share,
        "repeated_line_characters": characters,
        "repeated_paragraphs": len(later) / max(len(paragraphs), 1),
        "repeated_paragraph_characters": sum(bytes_of[p] for p in later) / max(size(lines), 1),
    }


def twin_top(found, n):
    grams = Counter(tuple(found[i : i + n]) for i in range(len(found) - n + 1))
    if not grams or max(grams.values()) == 1:
        return 0.0
    most = max(grams.values())
    longest = max(size(gram) for gram, count in grams.items() if count == most)
    return min(most * longest / size(found), 1.0)


def twin_later(found, n):
    """As datatrove's find_all_duplicate."""
    seen, inside, i = set(), 0, 0
    while i <= len(found) - n:
        gram = tuple(found[i : i + n])
        if gram in seen:
            inside += size(gram)
            i += n
        else:
            seen.add(gram)
            i += 1
    return inside / max(size(found), 1)


def twin_all(found, n):
    """As the paper's text: every occurrence, no character twice."""
    grams = [tuple(found[i : i + n]) for i in range(len(found) - n + 1)]
    twice = {gram for gram, count in Counter(grams).items() if count > 1}
    marked = {i + k for i, gram in enumerate(grams) if gram in twice for k in range(n)}
    return sum(len(found[i].encode()) for i in marked) / max(size(found), 1)


@settings(max_examples=200)
@given(st.lists(FEW_WORDS, max_size=3), st.sampled_from(["later", "all"]))
def test_ngram_shares_are_those_of_the_twin(texts, repeats):
    found = measure(texts, repeats=repeats)
    twin_repeated = twin_later if repeats == "later" else twin_all
    for i, text in enumerate(texts):
        split = normalise(text).split()
        for n in TOP_NGRAMS:
            assert found[f"frequent_{n}_gram"][i] == pytest.approx(twin_top(split, n))
        for n in REPEATED_NGRAM_SIZES:
            assert found[f"repeated_{n}_grams"][i] == pytest.approx(twin_repeated(split, n))


@settings(max_examples=200)
@given(st.lists(LINES, max_size=3))
def test_line_shares_are_those_of_the_twin(texts):
    found = measure(texts)
    for i, text in enumerate(texts):
        for name, share in twin_lines(text).items():
            assert found[name][i] == pytest.approx(share), name


# What datatrove measures (gopher_repetition_filter.py), said again. It is compared where it means
# the same: characters are bytes, a paragraph is a line, and words have one length, so that no two
# n-grams join to one string and the blanks of the most frequent one can be taken off.


def find_duplicates(units):
    seen, num, characters = set(), 0, 0
    for unit in units:
        if unit in seen:
            num, characters = num + 1, characters + len(unit)
        seen.add(unit)
    return num, characters


def find_top_duplicate(grams):
    gram, count = Counter(grams).most_common(1)[0]
    return len(gram) * count


def find_all_duplicate(found, n):
    seen, characters, i = set(), 0, 0
    while i < len(found) - n + 1:
        gram = "".join(found[i : i + n])
        if gram in seen:
            characters, i = characters + len(gram), i + n
        else:
            seen.add(gram)
            i += 1
    return characters


EQUAL_WORDS = st.lists(st.sampled_from(["aa", "bb", "cc", "d1", "e2", "f3"]), max_size=80)


@settings(max_examples=200)
@given(EQUAL_WORDS)
def test_ngram_shares_are_datatroves(split):
    found = measure([" ".join(split)])
    some_bytes = max(size(split), 1)
    for n in TOP_NGRAMS:
        grams = [" ".join(split[i : i + n]) for i in range(len(split) - n + 1)]
        top = 0
        if len(grams) > len(set(grams)):  # in datatrove once is enough
            top = find_top_duplicate(grams) * 2 * n // (2 * n + n - 1)
        assert found[f"frequent_{n}_gram"] == [pytest.approx(min(top / some_bytes, 1))]
    for n in REPEATED_NGRAM_SIZES:
        repeated = find_all_duplicate(split, n) / some_bytes
        assert found[f"repeated_{n}_grams"] == [pytest.approx(repeated)]


@settings(max_examples=100)
@given(st.lists(st.sampled_from(["one two", "x", "- - -", "a longer line it is"]), min_size=1))
def test_line_and_paragraph_shares_are_datatroves(units):
    num, characters = find_duplicates(units)
    lines, paragraphs = measure(["\n".join(units)]), measure(["\n\n".join(units)])
    for found, kind in ((lines, "line"), (paragraphs, "paragraph")):
        assert found[f"repeated_{kind}s"] == [num / len(units)]
        assert found[f"repeated_{kind}_characters"] == [characters / size(units)]


def test_real_text_has_the_shares_of_the_twins(real_data):
    with gzip.open(real_data / "text" / "multilingual.jsonl.gz") as lines:
        texts = [json.loads(line)["text"] for line in itertools.islice(lines, 0, None, 40)]
    texts = [text for text in texts if "İ" not in text]  # whose words change their length
    later, every = measure(texts), measure(texts, repeats="all")
    for i, text in enumerate(texts):
        split = normalise(text).split()
        expected = twin_lines(text)
        expected |= {f"frequent_{n}_gram": twin_top(split, n) for n in TOP_NGRAMS}
        for n in REPEATED_NGRAM_SIZES:
            expected[f"repeated_{n}_grams"] = twin_later(split, n)
            assert every[f"repeated_{n}_grams"][i] == pytest.approx(twin_all(split, n))
        assert {name: later[name][i] for name in expected} == pytest.approx(expected)


def test_words_that_differ_pass():
    assert reasons(words(0, 200)) == []


def test_a_text_without_words_passes():
    assert reasons("") == reasons(None) == reasons("\n\n") == []


def test_more_than_three_tenths_of_lines_repeated():
    lines = [words(10 * i, 10 * i + 10) for i in range(7)]
    short = ["yes", "yes", "yes", "yes"]
    assert reasons("\n".join([*lines[:6], *short])) == []  # 3 of 10
    assert reasons("\n".join([*lines[:6], *short, "yes"])) == [gopher_repetition.REPEATED_LINES]


def test_more_than_a_fifth_of_the_bytes_in_repeated_lines():
    lines = [words(10 * i, 10 * i + 10) for i in range(4)]
    off = {"max_repeated_ngrams": (1.0,) * 6, "max_frequent_ngram": (1.0,) * 3}
    assert reasons("\n".join([*lines, lines[0]]), **off) == []  # 1 of 5
    assert reasons("\n".join([*lines[:3], lines[0], "x"]), **off) == [
        gopher_repetition.REPEATED_LINE_CHARACTERS
    ]


def test_more_than_three_tenths_of_paragraphs_repeated():
    blocks = [words(10 * i, 10 * i + 10) for i in range(6)]
    text = "\n\n".join([*blocks, *["one\ntwo"] * 4])
    assert gopher_repetition.REPEATED_PARAGRAPHS not in reasons(text)
    assert gopher_repetition.REPEATED_PARAGRAPHS in reasons(text + "\n\n one\ntwo")


def test_more_than_a_fifth_of_the_bytes_in_repeated_paragraphs():
    blocks = [words(10 * i, 10 * i + 10) for i in range(4)]
    assert gopher_repetition.REPEATED_PARAGRAPH_CHARACTERS not in reasons(
        "\n\n".join([*blocks, blocks[0]])
    )
    assert gopher_repetition.REPEATED_PARAGRAPH_CHARACTERS in reasons(
        "\n\n".join([*blocks[:3], blocks[0], "x"])
    )


@pytest.mark.parametrize(("n", "most"), [(2, 20), (3, 18), (4, 16)])
def test_a_frequent_ngram(n, most):
    # `most` hundredths of the bytes are the n-gram's, twice; then two bytes of others are less.
    gram = ["x" * (most // 2 * 5 // n)] * (n - 1)
    gram.append("y" * (most // 2 * 5 - size(gram)))
    others = [f"{i:05}" for i in range(100 - most)]
    half = len(others) // 2
    text = " ".join([*gram, *others[:half], *gram, *others[half:]])
    assert size(text.split()) == 500
    name = f"frequent_{n}_gram"
    assert name not in reasons(text)
    assert name in reasons(text[:-1])


@pytest.mark.parametrize(("n", "most"), [(5, 15), (6, 14), (7, 13), (8, 12), (9, 11), (10, 10)])
def test_repeated_ngrams(n, most):
    gram = [f"g{i}" for i in range(n - 1)]
    gram.append("z" * (most * 5 - size(gram)))  # most hundredths of 500 bytes
    others = [f"{i:05}" for i in range((500 - 2 * most * 5) // 5)]
    half = len(others) // 2
    text = " ".join([*gram, *others[:half], *gram, *others[half:]])
    assert size(text.split()) == 500
    name = f"repeated_{n}_grams"
    assert name not in reasons(text)
    assert name in reasons(text[:-1])


def test_the_paper_counts_the_first_occurrence_too():
    gram, others = words(0, 10), words(100, 180)
    text = f"{gram} {others} {gram}"
    assert measure([text])["repeated_10_grams"] == [0.1]
    assert measure([text], repeats="all")["repeated_10_grams"] == [0.2]


def test_the_longest_pair_of_a_short_text_is_no_repetition():
    assert reasons("incomprehensibilities notwithstanding, fine") == []


def test_order_and_batching_change_nothing():
    texts = [words(0, 60), "a b " * 30, None, "x\nx\nx", words(3, 9) + " " + words(3, 9)]
    whole = measure(texts)
    assert whole == {name: values[::-1] for name, values in measure(texts[::-1]).items()}
    single = [measure([text]) for text in texts]
    assert whole == {name: [one[name][0] for one in single] for name in whole}
