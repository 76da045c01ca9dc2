"""The screen: address, language, and the heuristics of Gopher, C4, FineWeb and RefinedWeb.

Each rule set measures and judges by itself (url.py, language/, heuristics/); this file composes
them. A document leaves under the first rule, in this order, that drops it. Every signal is kept
in the table, those of rules that are switched off as well, so that a threshold can be judged
before it is used. Address and language rules hold for every source; the heuristics only for those
that the recipe marks for them, since books and dialogues break rules that were made for pages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa

from corpus.blocklists import NO_LISTS, BlockLists
from corpus.config import Settings
from corpus.sources import Source
from corpus.words import Words, split_words
from filters import edits, language, personal, url
from filters.heuristics import c4, fineweb, gopher_quality, gopher_repetition, refinedweb
from filters.heuristics.fineweb import FineWebSettings
from filters.heuristics.gopher_quality import GopherQualitySettings
from filters.heuristics.gopher_repetition import GopherRepetitionSettings
from filters.heuristics.lines import Lines, of_documents, read_lines
from filters.heuristics.refinedweb import RefinedWebSettings
from filters.heuristics.signals import Signals
from filters.personal import PersonalSettings
from filters.verdict import Fault, first_fault, verdicts

NOTHING_LEFT = "nothing_left"

COLUMNS = ("source", "url", "text")
"""Columns of `documents` that the screen reads."""


class ScreenSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The screen's rule sets."""

    url: url.UrlSettings = url.UrlSettings()
    """Wikipedia, block lists, and words in addresses."""
    language: language.LanguageSettings = language.LanguageSettings()
    """Languages that stay."""
    gopher_quality: GopherQualitySettings = GopherQualitySettings()
    """Words, lines and symbols."""
    gopher_repetition: GopherRepetitionSettings = GopherRepetitionSettings()
    """Repeated lines, paragraphs and n-grams."""
    c4: c4.C4Settings = c4.C4Settings()
    """Sentences, filler and code; lines that are none."""
    fineweb: FineWebSettings = FineWebSettings()
    """Lines that end, short lines, and lines that repeat."""
    refinedweb: RefinedWebSettings = RefinedWebSettings()
    """Capitals, counters and buttons among the lines."""
    personal: PersonalSettings = PersonalSettings()
    """Personal data to be masked."""


def screen(
    documents: pa.Table,
    settings: ScreenSettings,
    sources: Mapping[str, Source],
    lists: BlockLists = NO_LISTS,
) -> pa.Table:
    """Measure and judge each document; returns rows of the table `screen`, in order.

    lists: what the files hold that settings.url names.
    """
    lines = read_lines(documents["text"])
    signals = _measure(lines, split_words(documents["text"]), settings)
    languages = language.detect(documents["text"], settings.language)
    source_names = documents["source"].to_pylist()
    judged = np.array([sources[name].heuristics for name in source_names], np.bool_)
    removed = {
        "c4": of_documents(c4.removed(lines, settings.c4), judged),
        "refinedweb": of_documents(refinedweb.removed(lines, settings.refinedweb), judged),
    }
    changes = edits.edits_column(
        documents["text"], removed, personal.find(documents["text"], settings.personal)
    )
    faults = [
        *url.judge(documents["url"].to_pylist(), source_names, settings.url, sources, lists),
        *language.judge(languages, settings.language),
        *((reason, drops & judged) for reason, drops in judge(signals, settings)),
        (NOTHING_LEFT, edits.nothing_left(documents["text"], changes)),
    ]
    num_words, mean_length = signals.pop("num_words"), signals.pop("mean_word_length")
    return verdicts(
        "screen",
        documents["doc_id"],
        first_fault(documents.num_rows, faults),
        language=languages.codes,
        language_confidence=languages.confidences,
        num_words=num_words.astype(np.int64),
        mean_word_length=mean_length,
        signals=_as_maps(signals, documents.num_rows),
        edits=changes,
    )


def measure(texts: pa.Array | pa.ChunkedArray, settings: ScreenSettings) -> Signals:
    """Every signal of every rule set, by name."""
    return _measure(read_lines(texts), split_words(texts), settings)


def _measure(lines: Lines, words: Words, settings: ScreenSettings) -> Signals:
    return {
        **gopher_quality.measure(lines, words, settings.gopher_quality),
        **gopher_repetition.measure(lines, words, settings.gopher_repetition),
        **c4.measure(lines, words, settings.c4),
        **fineweb.measure(lines, c4.removed_lines(lines, settings.c4), settings.fineweb),
        **refinedweb.measure(lines, settings.refinedweb),
    }


def judge(signals: Signals, settings: ScreenSettings) -> Iterator[Fault]:
    """The faults that the rule sets in use find in the signals."""
    if settings.gopher_quality.enabled:
        yield from gopher_quality.judge(signals, settings.gopher_quality)
    if settings.gopher_repetition.enabled:
        yield from gopher_repetition.judge(signals, settings.gopher_repetition)
    if settings.c4.enabled:
        yield from c4.judge(signals, settings.c4)
    if settings.fineweb.enabled:
        yield from fineweb.judge(signals, settings.fineweb)
    if settings.refinedweb.enabled:
        yield from refinedweb.judge(signals, settings.refinedweb)


def _as_maps(signals: Signals, num_documents: int) -> pa.Array:
    """One map of name to value a document: map<string, float>."""
    offsets = np.arange(num_documents + 1, dtype=np.int32) * len(signals)
    names = pa.array(list(signals) * num_documents, pa.string())
    values = np.stack(list(signals.values()), axis=1).astype(np.float32).reshape(-1)
    return pa.MapArray.from_arrays(pa.array(offsets), names, pa.array(values))
