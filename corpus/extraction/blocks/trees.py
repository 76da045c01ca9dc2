"""Ensembles of regression trees over float32 features, evaluated over compiled arrays.

A node goes left where its feature is at most its threshold; its right child follows its left one. A
leaf is its own left child, and no feature is above its threshold. So a row stays where it has
arrived, every row takes as many steps as the tree is deep, and no step branches: several rows go
side by side, which is three times as fast as one after the other.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Float32Array = npt.NDArray[np.float32]
Int32Array = npt.NDArray[np.int32]
UInt32Array = npt.NDArray[np.uint32]

_SIDE_BY_SIDE = 8  # rows
_TREES_AT_ONCE = 16  # whose nodes, with the rows that go side by side, stay in the nearest cache


class Trees(NamedTuple):
    """An ensemble: the sum of the leaves that a row arrives at is its logit."""

    feature: Int32Array
    """int32 (num_nodes,): column of the features; 0 in a leaf."""
    threshold: Float32Array
    """float32 (num_nodes,): greatest value that goes left; infinite in a leaf."""
    left: Int32Array
    """int32 (num_nodes,): number of the left child, its right one follows; its own in a leaf."""
    value: Float32Array
    """float32 (num_nodes,): a leaf's value; 0 in other nodes."""
    root: Int32Array
    """int32 (num_trees,): first node of each tree."""
    depth: Int32Array
    """int32 (num_trees,): steps to its farthest leaf."""

    def head(self, num_trees: int) -> Trees:
        """The first trees alone, in the order that they were learned in."""
        if num_trees >= len(self.root):
            return self
        end = self.root[num_trees]  # a tree's nodes lie together
        return Trees(
            self.feature[:end],
            self.threshold[:end],
            self.left[:end],
            self.value[:end],
            self.root[:num_trees],
            self.depth[:num_trees],
        )

    def probabilities(self, features: Float32Array) -> Float32Array:
        """float32 (num_rows,) of features float32 (num_rows, num_features), without NaN."""
        logits = _logits(
            features,
            self.feature.view(np.uint32),
            self.threshold,
            self.left.view(np.uint32),
            self.value,
            self.root.view(np.uint32),
            self.depth,
        )
        probabilities: Float32Array = (1 / (1 + np.exp(-logits))).astype(np.float32)
        return probabilities


@njit(cache=True, nogil=True)
def _logits(
    features: Float32Array,
    feature: UInt32Array,
    threshold: Float32Array,
    left: UInt32Array,
    value: Float32Array,
    root: UInt32Array,
    depth: Int32Array,
) -> npt.NDArray[np.float64]:
    # Numbers of nodes are unsigned, so that no index asks whether it counts from the end.
    num_rows, num_trees = len(features), len(root)
    total = np.zeros(num_rows, np.float64)
    node = np.empty(_SIDE_BY_SIDE, np.uint32)
    num_wide = num_rows - num_rows % _SIDE_BY_SIDE
    for start in range(0, num_trees, _TREES_AT_ONCE):
        end = min(start + _TREES_AT_ONCE, num_trees)
        for first in range(0, num_wide, _SIDE_BY_SIDE):
            rows = features[first : first + _SIDE_BY_SIDE]
            for tree in range(start, end):
                node[:] = root[tree]
                for _ in range(depth[tree]):
                    for k in range(_SIDE_BY_SIDE):
                        at = node[k]
                        is_right = rows[k, feature[at]] > threshold[at]
                        node[k] = left[at] + np.uint32(is_right)
                for k in range(_SIDE_BY_SIDE):
                    total[first + k] += value[node[k]]
        for row in range(num_wide, num_rows):
            for tree in range(start, end):
                at = root[tree]
                for _ in range(depth[tree]):
                    at = left[at] + np.uint32(features[row, feature[at]] > threshold[at])
                total[row] += value[at]
    return total
