"""Hashed word counts: what the classifier sees of a text."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import HashingVectorizer


def features(
    texts: pa.Array | pa.ChunkedArray,
    *,
    num_features: int,
    scale: str,
    signs: bool = False,
    ngrams: int = 1,
) -> Any:
    """Hashed word counts: a scipy CSR matrix (num_documents, num_features).

    scale: as in QualitySettings. signs: half of the places count down, so that words that share
    a place cancel out rather than add up. ngrams: runs of up to so many words are counted too.
    """
    vectorizer = _vectorizer(num_features, scale, signs, ngrams)
    return vectorizer.transform(text or "" for text in texts.to_pylist())


@cache
def _vectorizer(num_features: int, scale: str, signs: bool, ngrams: int) -> HashingVectorizer:
    # A second to import, which recipes and command lines need not wait for.
    from sklearn.feature_extraction.text import HashingVectorizer

    return HashingVectorizer(
        n_features=num_features,
        alternate_sign=signs,
        ngram_range=(1, ngrams),
        norm="l2" if scale == "length" else None,
        lowercase=True,
        token_pattern=r"[^\W_]+",  # what str.isalnum holds for: `\w` is that and `_`
    )
