"""Hashed word counts: what the classifier sees of a text."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import HashingVectorizer


def features(texts: Iterable[str | None], *, num_features: int, scale: str) -> Any:
    """Hashed word counts: a scipy CSR matrix (num_documents, num_features)."""
    return _vectorizer(num_features, scale).transform(text or "" for text in texts)


@cache
def _vectorizer(num_features: int, scale: str) -> HashingVectorizer:
    # A second to import, which recipes and command lines need not wait for.
    from sklearn.feature_extraction.text import HashingVectorizer

    return HashingVectorizer(
        n_features=num_features,
        alternate_sign=False,
        norm="l2" if scale == "length" else None,
        lowercase=True,
        token_pattern=r"[^\W_]+",  # what str.isalnum holds for: `\w` is that and `_`
    )
