"""Ensembles of regression trees over float32 features, evaluated over compiled arrays.

A node goes left where its feature is at most its threshold. Nodes lie so that a right child
follows its left one, and a leaf is a node whose left child is 0 and whose threshold is its value.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Float32Array = npt.NDArray[np.float32]
Int32Array = npt.NDArray[np.int32]
Int16Array = npt.NDArray[np.int16]


class Trees(NamedTuple):
    """An ensemble: the sum of its leaves is the logit."""

    feature: Int16Array
    """int16 (num_nodes,): column of the features; 0 in a leaf."""
    threshold: Float32Array
    """float32 (num_nodes,): greatest value that goes left; in a leaf its value."""
    left: Int32Array
    """int32 (num_nodes,): number of the left child, its right one follows; 0 in a leaf."""
    root: Int32Array
    """int32 (num_trees,): first node of each tree."""

    def probabilities(self, features: Float32Array) -> Float32Array:
        """float32 (num_rows,) of features float32 (num_rows, num_features)."""
        return _probabilities(features, self.feature, self.threshold, self.left, self.root)


@njit(cache=True, nogil=True)
def _probabilities(
    features: Float32Array,
    feature: Int16Array,
    threshold: Float32Array,
    left: Int32Array,
    root: Int32Array,
) -> Float32Array:
    num_rows = len(features)
    total = np.zeros(num_rows, np.float64)
    for tree in range(len(root)):  # a tree's nodes stay in the cache while all rows pass
        for row in range(num_rows):
            node = root[tree]
            child = left[node]
            while child != 0:
                node = child if features[row, feature[node]] <= threshold[node] else child + 1
                child = left[node]
            total[row] += threshold[node]
    return (1 / (1 + np.exp(-total))).astype(np.float32)
