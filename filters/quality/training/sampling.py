"""Which documents the classifier learns from.

Positives are documents of sources with `quality = "positive"` and negatives of sources with
`quality = "judged"`, both as they came through the screen, language rule included: the classifier
judges nothing else, so it need not learn again what the screen knows, and a foreign page must not
be what a negative is. GPT-3's paper does not say whether its "unfiltered" negatives were of all
languages; those would make "English" the strongest sign of quality, and waste the others.
Of each class the documents with the smallest keyed hashes are drawn: the same for any partitioning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.errors import InputError
from corpus.identity import UInt64Array, keyed_hash
from corpus.sources import Source
from corpus.urls import registered_domain
from filters.quality.settings import QualitySettings
from filters.verdict import BoolArray

SAMPLE = "quality-sample"  # key of the draw

Classes = Mapping[str, bool]
"""For each source that teaches, by name: whether its documents are positives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Places of the training documents drawn so far; each array is (num_drawn,)."""

    keys: UInt64Array
    """Keyed hash of the document: the smallest of each class are drawn."""
    is_positive: BoolArray
    part: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]
    """Row among the part's survivors."""

    @classmethod
    def nothing(cls) -> Drawn:
        """No document."""
        none = np.zeros(0, np.int64)
        return cls(keys=np.zeros(0, np.uint64), is_positive=none.astype(bool), part=none, row=none)

    def num(self, *, positive: bool) -> int:
        """Documents of one class."""
        return int((self.is_positive == positive).sum())

    def parts(self) -> list[int]:
        """Parts with a drawn document, in order."""
        return [int(part) for part in np.unique(self.part)]

    def rows(self, part: int) -> npt.NDArray[np.int64]:
        """Rows drawn of one part, in order."""
        return np.sort(self.row[self.part == part])


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """Training documents of both classes."""

    texts: pa.Array
    """large_string (num_examples,), no longer than `max_characters`."""
    is_positive: BoolArray
    doc_ids: pa.Array
    sources: Sequence[str]
    domains: Sequence[str]
    """Registered domain, or the document's own id where it has no address."""
    has_benchmark: BoolArray
    """Whether the whole text holds an N-gram of a benchmark."""

    def take(self, rows: npt.NDArray[np.int64]) -> Examples:
        """Some of the documents, in the order of `rows`."""
        return Examples(
            texts=self.texts.take(pa.array(rows)),
            is_positive=self.is_positive[rows],
            doc_ids=self.doc_ids.take(pa.array(rows)),
            sources=[self.sources[i] for i in rows],
            domains=[self.domains[i] for i in rows],
            has_benchmark=self.has_benchmark[rows],
        )


def classes_of(sources: Mapping[str, Source]) -> Classes:
    """The sources that teach, by a recipe's marks."""
    return {
        name: source.quality == "positive"
        for name, source in sources.items()
        if source.quality in ("positive", "judged")
    }


def draw(
    drawn: Drawn,
    table: pa.Table,
    part: int,
    classes: Classes,
    settings: QualitySettings,
    *,
    seed: int,
) -> Drawn:
    """Add the documents of one part (doc_id, source) and keep the smallest keys of each class."""
    kinds = np.array([-1, *map(int, classes.values())])
    number = pc.index_in(table["source"], value_set=pa.array(list(classes), pa.string()))
    kind = kinds[pc.fill_null(number, -1).to_numpy() + 1]
    candidates = np.flatnonzero(kind >= 0)
    keys = keyed_hash(table["doc_id"], seed=seed, stage=SAMPLE)
    keys = np.concatenate([drawn.keys, keys[candidates]])
    is_positive = np.concatenate([drawn.is_positive, kind[candidates] == 1])
    parts = np.concatenate([drawn.part, np.full(len(candidates), part)])
    rows = np.concatenate([drawn.row, candidates])
    kept = np.zeros(len(keys), np.bool_)
    for is_class in (is_positive, ~is_positive):
        places = np.flatnonzero(is_class)
        kept[places[np.argsort(keys[places], kind="stable")[: settings.max_documents]]] = True
    return Drawn(keys=keys[kept], is_positive=is_positive[kept], part=parts[kept], row=rows[kept])


def read_examples(
    table: pa.Table, classes: Classes, has_benchmark: BoolArray, settings: QualitySettings
) -> Examples:
    """Drawn documents (doc_id, source, url, text), in their order."""
    names = table["source"].to_pylist()
    ids = table["doc_id"].combine_chunks()
    urls = table["url"].to_pylist()
    texts = pc.utf8_slice_codeunits(table["text"], 0, settings.max_characters)
    return Examples(
        texts=pc.fill_null(texts, "").combine_chunks(),
        is_positive=np.array([classes[name] for name in names], np.bool_),
        doc_ids=ids,
        sources=names,
        domains=[
            (url and registered_domain(url)) or doc_id.hex()
            for url, doc_id in zip(urls, ids.to_pylist(), strict=True)
        ],
        has_benchmark=has_benchmark,
    )


def join(examples: Sequence[Examples], *, seed: int) -> Examples:
    """All examples, in the order of their keyed hashes: that of the parts does not matter."""
    together = Examples(
        texts=pa.concat_arrays([e.texts for e in examples]),
        is_positive=np.concatenate([e.is_positive for e in examples]),
        doc_ids=pa.concat_arrays([e.doc_ids for e in examples]),
        sources=[name for e in examples for name in e.sources],
        domains=[domain for e in examples for domain in e.domains],
        has_benchmark=np.concatenate([e.has_benchmark for e in examples]),
    )
    keys = keyed_hash(together.doc_ids, seed=seed, stage=SAMPLE)
    return together.take(np.argsort(keys, kind="stable"))


def check_counts(
    num_positive: int, num_negative: int, settings: QualitySettings, *, left_out: int = 0
) -> None:
    """Raise InputError unless both classes have documents enough.

    left_out: positives that have been taken away, as leaks.
    """
    without = f" and {left_out} more were left out as leaks" if left_out else ""
    for num, kind, quality in (
        (num_positive, "positive", "positive"), (num_negative, "negative", "judged"),
    ):  # fmt: skip
        if num < settings.min_documents:
            raise InputError(
                f'quality: {num} {kind} documents (of sources with quality = "{quality}") came '
                f"through the screen{without}, expected at least {settings.min_documents} to learn "
                "from; name more sources, lower quality.min_documents, or set "
                "quality.enabled = false"
            )
