"""Which benchmark items the corpus holds, how much of them, and in what way.

GPT-3's measure (appendix C): an item is dirty where any N-gram of it is in any document, whether it
is removed or not, and clean else. How it is found tells what that means: a `template` is made of
N-grams that many documents hold, such as a licence or a well-known list, and gives nothing away;
a `quote` is a part of the item, as where both quote a third text; `near_whole` is the item itself.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.schemas import table_named
from filters.contamination import Rule
from filters.contamination.index import NgramIndex, ranges

Int64Array = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

HOW = TEMPLATE, QUOTE, NEAR_WHOLE = "template", "quote", "near_whole"
# Share of an item's words in found N-grams from which it is all but whole: the threshold of the
# tool decon for what it takes out. Its overlap weighs rare n-grams more; ours counts words.
NEAR_WHOLE_SHARE = 0.8


def found_in_texts(
    index: NgramIndex, num_documents: Int64Array, rule: Rule
) -> dict[str, npt.NDArray[np.generic]]:
    """For each text of the index: its words, N, N-grams, and those found and exempt.

    num_documents: int64 (num_ngrams,), documents that hold each N-gram.
    """
    found, exempt = num_documents > 0, num_documents > rule.max_documents
    num_found = _sums(found[index.held], index.held_offsets)
    return {
        "num_words": np.diff(index.offsets).astype(np.int32),
        "ngram_size": index.sizes.astype(np.int32),
        "num_ngrams": np.diff(index.held_offsets).astype(np.int32),
        "num_found": num_found,
        "num_exempt": _sums(exempt[index.held], index.held_offsets),
        "num_covered": _sums(_covered(index, found), index.offsets),
        "dirty": num_found > 0,
    }


def judge_items(texts: pa.Table) -> pa.Table:
    """The verdict of each item, in the order of its first text.

    texts: benchmark, item_id, field, and what `found_in_texts` gives. Returns a table as
    `benchmark_items`.
    """
    item = _item_numbers(texts)
    first = np.unique(item, return_index=True)[1]
    columns: dict[str, Int64Array] = {
        name: np.add.reduceat(texts[name].to_numpy().astype(np.int64), first)
        if len(first) else np.zeros(0, np.int64)
        for name in ("num_words", "num_ngrams", "num_found", "num_exempt", "num_covered")
    }  # fmt: skip
    fields: list[set[str]] = [set() for _ in first]
    found = texts["dirty"].to_pylist()
    for number, field, dirty in zip(item, texts["field"].to_pylist(), found, strict=True):
        if dirty:
            fields[number].add(field)
    table = {
        **{name: texts[name].take(pa.array(first)) for name in ("benchmark", "item_id")},
        "ngram_size": np.maximum.reduceat(texts["ngram_size"].to_numpy(), first)
        if len(first) else np.zeros(0, np.int32),
        **{name: values.astype(np.int32) for name, values in columns.items()},
        "dirty": columns["num_found"] > 0, "how": pa.array(_how(columns), pa.string()),
        "fields": [sorted(own) for own in fields],
    }  # fmt: skip
    return pa.table(table, schema=table_named("benchmark_items").arrow)


def found_ngrams(
    index: NgramIndex, num_documents: Int64Array, texts: pa.Table, rule: Rule
) -> pa.Table:
    """Each N-gram that was found, the most frequent first, ties by its words.

    texts: benchmark, item_id of each text of the index. Returns a table as `benchmark_ngrams`.
    """
    text = np.repeat(np.arange(len(index.sizes)), np.diff(index.held_offsets))
    is_found = num_documents[index.held] > 0
    ngram, text = index.held[is_found], text[is_found]
    item = _item_numbers(texts)[text]
    numbers, first = np.unique(ngram, return_index=True)
    pairs = np.unique(np.stack([ngram, item]), axis=1)
    num_items = np.bincount(pairs[0], minlength=index.num_ngrams)[numbers]
    words = np.array([index.ngram(number) for number in numbers.tolist()], object)
    order = np.lexsort((words.astype(str), -num_documents[numbers]))
    numbers, counts = numbers[order], num_documents[numbers[order]]
    own = texts.take(pa.array(text[first[order]]))
    table = {
        "ngram": pa.array(words[order], pa.string()), "num_documents": counts,
        "num_items": num_items[order], "benchmark": own["benchmark"], "item_id": own["item_id"],
        "exempt": counts > rule.max_documents,
    }  # fmt: skip
    return pa.table(table, schema=table_named("benchmark_ngrams").arrow)


def _item_numbers(texts: pa.Table) -> Int64Array:
    """int64 (num_texts,): number of the item of each text; fields of one stand together."""
    begins = np.zeros(texts.num_rows, np.int64)
    for name in ("benchmark", "item_id"):
        values = texts[name].combine_chunks().dictionary_encode().indices.to_numpy()
        begins[1:] |= values[1:] != values[:-1]
    return np.cumsum(begins)


def _how(columns: dict[str, Int64Array]) -> list[str | None]:
    """In what way each item is found; None where it is clean."""
    share = columns["num_covered"] / np.maximum(columns["num_words"], 1)
    is_template = columns["num_exempt"] == columns["num_found"]
    how = np.where(is_template, TEMPLATE, np.where(share >= NEAR_WHOLE_SHARE, NEAR_WHOLE, QUOTE))
    found = (columns["num_found"] > 0).tolist()
    return [one if is_found else None for one, is_found in zip(how.tolist(), found, strict=True)]


def _covered(index: NgramIndex, found: BoolArray) -> BoolArray:
    """bool (num_words,): whether each word of the texts is in an N-gram that was found."""
    counts = np.diff(index.held_offsets)
    places = ranges(index.offsets[:-1], counts)[found[index.held]]
    sizes = np.repeat(index.sizes, counts)[found[index.held]].astype(np.int64)
    edges = np.zeros(int(index.offsets[-1]) + 1, np.int64)
    np.add.at(edges, places, 1)
    np.add.at(edges, places + sizes, -1)
    return np.cumsum(edges[:-1]) > 0


def _sums(counted: BoolArray, offsets: Int64Array) -> npt.NDArray[np.int32]:
    before = np.concatenate([[0], np.cumsum(counted)])
    return (before[offsets[1:]] - before[offsets[:-1]]).astype(np.int32)
