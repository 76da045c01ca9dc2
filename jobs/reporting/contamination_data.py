"""The items as JSON inside the page, for its script to list, search and show.

Texts travel as data alone: no character of theirs can end the element that holds them, and the
script makes text nodes of them.
"""

from __future__ import annotations

import json
from typing import Any

from jobs.reporting.contamination_facts import (
    PLAIN,
    ContaminationFacts,
    ItemCounts,
    ItemTexts,
    Marked,
    Ngram,
    Passage,
)

# What HTML, or an older JavaScript, could take for an end of the data.
_ESCAPES = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"}


def items_json(facts: ContaminationFacts) -> str:
    """The page's data, safe inside <script type="application/json">."""
    numbers = {row.benchmark: number for number, row in enumerate(facts.benchmarks)}
    value = {
        "benchmarks": [row.benchmark for row in facts.benchmarks],
        "items": [_item(item, numbers) for item in facts.items],
        "clean": [[numbers[name], ids] for name, ids in facts.clean],
    }
    return escaped(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def escaped(text: str) -> str:
    """JSON without a character that has a meaning to HTML."""
    return text.translate(_ESCAPES)


def _item(item: ItemCounts, numbers: dict[str, int]) -> dict[str, Any]:
    counts = {
        "benchmark": numbers[item.benchmark], "id": item.item_id, "how": item.how,
        "size": item.ngram_size,
        "words": item.num_words, "ngrams": item.num_ngrams, "found": item.num_found,
        "exempt": item.num_exempt, "covered": item.num_covered,
        "hits": item.num_hits, "documents": item.num_documents,
    }  # fmt: skip
    return counts if item.texts is None else counts | _texts(item.texts)


def _texts(texts: ItemTexts) -> dict[str, Any]:
    return {
        "fields": [[name, _marked(text)] for name, text in texts.fields],
        "passages": [_passage(passage) for passage in texts.passages],
        "frequent": [_ngram(ngram) for ngram in texts.frequent],
    }


def _passage(passage: Passage) -> dict[str, Any]:
    return {
        "field": passage.field, "document": passage.doc_id, "source": passage.source,
        "url": passage.url, "start": passage.start, "end": passage.end,
        "ngrams": passage.num_ngrams, "frequency": passage.document_frequency,
        "exempt": passage.exempt, "fate": passage.fate, "text": _marked(passage.text),
    }  # fmt: skip


def _ngram(ngram: Ngram) -> dict[str, Any]:
    return {
        "words": ngram.words, "documents": ngram.num_documents, "exempt": ngram.exempt,
        "benchmark": ngram.benchmark, "id": ngram.item_id,
    }  # fmt: skip


def _marked(text: Marked) -> list[Any]:
    """Plain pieces as strings, marked ones as [kind, string]."""
    return [piece.text if piece.kind == PLAIN else list(piece) for piece in text]
