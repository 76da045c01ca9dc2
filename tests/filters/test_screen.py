"""The screen: rule sets in their order, per source, with every signal kept."""

import msgspec
import pyarrow as pa
import pytest

from corpus.identity import doc_id_of_place
from corpus.schemas import check
from corpus.sources import Source
from filters import language, url
from filters.heuristics import c4, fineweb, gopher_quality, gopher_repetition, refinedweb
from filters.screen import ScreenSettings, screen

SOURCES = {
    "crawl": Source(kind="warc", files=()),
    "books": Source(kind="text", files=(), heuristics=False),
}
GOOD = """The harbour lies below the town and has been used since the days of the first kings.
Ships came with wool and with wine, and left again when the wind had turned to the south.
Nobody knows who built the long wall that keeps the sea from the lower streets.
It may have been the monks, who owned most of the land and needed a safe place to load.
Today the boats are small, and most of them belong to people who live somewhere else.
"""
GERMAN = "Das Schiff verließ den Hafen und niemand wusste, wann es zurückkommen würde. " * 9


def table(rows):
    texts, sources, urls = zip(*rows, strict=True)
    ids = [doc_id_of_place("s", "f", i) for i in range(len(rows))]
    return pa.table(
        {
            "doc_id": pa.array(ids, pa.binary(16)),
            "source": pa.array(sources, pa.string()),
            "url": pa.array(urls, pa.string()),
            "text": pa.array(texts, pa.large_string()),
        }
    )


ROWS = [
    (GOOD, "crawl", None),
    (GOOD, "crawl", "https://en.wikipedia.org/wiki/Harbour"),
    (GERMAN, "crawl", None),
    (GERMAN, "books", None),
    ("The harbour lies below the town.", "crawl", None),
    ("The harbour lies below the town.", "books", None),
    (GOOD + (GOOD[:89] + "\n") * 9, "crawl", None),
    (GOOD + "Lorem ipsum dolor.", "crawl", None),
]
REASONS = [
    None, url.WIKIPEDIA_PAGE, language.OTHER_LANGUAGE, language.OTHER_LANGUAGE,
    gopher_quality.TOO_FEW_WORDS, None, gopher_repetition.REPEATED_LINES, c4.LOREM_IPSUM,
]  # fmt: skip


def reasons(rows, settings=None):
    return screen(table(rows), settings or ScreenSettings(), SOURCES)["reason"].to_pylist()


def test_each_document_leaves_under_the_first_rule_that_drops_it():
    found = screen(table(ROWS), ScreenSettings(), SOURCES)
    check("screen", found.schema, where="test")
    assert found["reason"].to_pylist() == REASONS
    assert found["keep"].to_pylist() == [reason is None for reason in REASONS]
    assert found["doc_id"].to_pylist() == table(ROWS)["doc_id"].to_pylist()


def test_every_signal_is_kept_also_of_rules_that_are_off():
    off = ScreenSettings(
        gopher_quality=gopher_quality.GopherQualitySettings(enabled=False),
        gopher_repetition=gopher_repetition.GopherRepetitionSettings(enabled=False),
        c4=c4.C4Settings(enabled=False),
    )
    on_rows = screen(table(ROWS), ScreenSettings(), SOURCES)
    off_rows = screen(table(ROWS), off, SOURCES)
    columns = ["language", "language_confidence", "num_words", "mean_word_length", "signals"]
    assert on_rows.select(columns).equals(off_rows.select(columns))
    assert off_rows["reason"].to_pylist() == [
        reason if reason in (url.WIKIPEDIA_PAGE, language.OTHER_LANGUAGE) else None
        for reason in REASONS
    ]
    first = on_rows.to_pylist()[0]
    assert (first["language"], first["num_words"]) == ("en", len(GOOD.split()))
    signals = dict(first["signals"])
    assert signals["num_sentences"] == 5.0
    assert len(signals) == 6 + 13 + 4 + 4 + 1


@pytest.mark.parametrize("name", ["gopher_quality", "gopher_repetition", "c4"])
def test_each_rule_set_has_its_switch(name):
    kind = {
        "gopher_quality": gopher_quality.GopherQualitySettings,
        "gopher_repetition": gopher_repetition.GopherRepetitionSettings,
        "c4": c4.C4Settings,
    }[name]
    with_it_off = reasons(ROWS, ScreenSettings(**{name: kind(enabled=False)}))
    assert with_it_off != REASONS
    assert with_it_off[:4] == REASONS[:4]


@pytest.mark.parametrize(
    ("settings", "text", "expected"),
    [
        ({"fineweb": {"enabled": True}}, GOOD.replace(".", ""), fineweb.TOO_FEW_END_MARKS),
        ({"refinedweb": {"enabled": True}}, GOOD + "MAINLY CAPITALS\n" * 3, "too_many_bad_lines"),
    ],
)
def test_rule_sets_that_are_off_unless_asked_for(settings, text, expected):
    off = {name: {"enabled": False} for name in ("gopher_quality", "gopher_repetition", "c4")}
    rows = [(text, "crawl", None), (GOOD, "crawl", None), (text, "books", None)]
    assert reasons(rows, msgspec.convert(off, ScreenSettings)) == [None] * 3
    assert reasons(rows, msgspec.convert({**off, **settings}, ScreenSettings)) == [
        expected, None, None,
    ]  # fmt: skip


def test_lines_are_removed_where_the_rules_hold_for_the_source():
    settings = ScreenSettings(
        c4=c4.C4Settings(remove_lines=True),
        refinedweb=refinedweb.RefinedWebSettings(remove_lines=True),
    )
    text = "MAINLY CAPITALS\n" + GOOD + "No stop"
    found = screen(table([(text, "crawl", None), (text, "books", None)]), settings, SOURCES)
    cut, kept = found["edits"].to_pylist()
    assert [(text[edit["start"] : edit["end"]], edit["kind"]) for edit in cut] == [
        ("MAINLY CAPITALS\n", "c4"), ("\nNo stop", "c4"),
    ]  # fmt: skip
    assert kept == []


def test_order_and_batching_change_nothing():
    rows = table(ROWS)
    whole = screen(rows, ScreenSettings(), SOURCES).to_pylist()
    slices = [screen(rows.slice(i, 3), ScreenSettings(), SOURCES) for i in range(0, 8, 3)]
    assert pa.concat_tables(slices).to_pylist() == whole
    order = [5, 2, 7, 0, 3, 1, 6, 4]
    assert screen(rows.take(order), ScreenSettings(), SOURCES).to_pylist() == [
        whole[i] for i in order
    ]


def test_no_documents_give_no_verdicts():
    found = screen(table(ROWS).slice(0, 0), ScreenSettings(), SOURCES)
    check("screen", found.schema, where="test")
    assert found.num_rows == 0
