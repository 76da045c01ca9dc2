"""Pages with labels -> a model.

1. A logistic regression over hashed tags, classes, ids and words learns which names and words mark
   main text. Ensembles learn from its scores out of fold, by registered domain, so that they trust
   it as far as it can be trusted on a site that it never saw.
2. An ensemble learns the share of main text in each block of the gold pages.
3. Pages without a gold text are labelled by it and by a peer (trafilatura): where the two agree,
   their mean; where not, the ensemble's word at a third of the weight; a snippet that must or must
   not be in the text overrules both. A last first ensemble learns from all pages.
4. The second ensemble learns from the first one's out-of-fold probabilities around each block.
Trees are LightGBM's, with cross entropy on the labels' shares; one thread and fixed seeds, so that
the same pages give the same model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import lightgbm
import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from corpus.extraction.blocks.features import MAX_CHAIN, MAX_WORDS, NUM_KINDS
from corpus.extraction.blocks.markup import NUM_TOKENS, PARENT, TAG, TOKEN_END, TOKEN_START
from corpus.extraction.blocks.model import Model, first_features, second_features
from corpus.extraction.blocks.scan import HOLDER, INNER, WORD_END, WORD_START, Scan
from corpus.extraction.blocks.training.pages import Page, fold_of
from corpus.extraction.blocks.trees import Trees

NUM_INNER_FOLDS = 3
TREES = 80  # learned, of each ensemble; 300 of rate .05 give F1 .001 more for four times the time
KEPT_TREES = 50  # of them: F1 .0014 less than all, and a page takes 0.15 ms (7 %) less
PARAMETERS: dict[str, Any] = {
    "objective": "cross_entropy",
    "learning_rate": 0.12,
    "num_leaves": 31,  # 15: F1 .001 less
    "max_depth": 8,  # every row takes as many steps as a tree is deep
    "min_data_in_leaf": 60,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "max_bin": 127,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "seed": 0,
    "verbose": -1,
}
REGULARISATION = 1.0  # C of the logistic regression; 3 with every token: F1 .002 less
MIN_TOKEN_DOMAINS = 3  # that have a token: a name that one site uses says nothing of another
WEAK_WEIGHT = 0.5  # of a page without a gold text; 1: F1 .001 less
DOUBTED = 0.3  # weight of a block about which ensemble and peer disagree
SNIPPET_WEIGHT, SNIPPET_LABEL = 2.0, 0.98

Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]


class Lesson(NamedTuple):
    """A page as an ensemble learns from it."""

    page: Page
    features: Float32Array
    labels: Float32Array
    weights: Float64Array


def fit_model(pages: Sequence[Page]) -> Model:
    """A model of the pages that can teach, gold or not."""
    gold = [page for page in pages if page.is_gold and page.can_teach]
    weak = [page for page in pages if not page.is_gold and page.can_teach]
    weights = fit_weights(gold)
    lessons = [
        Lesson(page, features, _labels(page), block_weights(page))
        for page, features in zip(gold, _out_of_fold(gold), strict=True)
    ]
    if weak:
        teacher = fit_trees(lessons)
        lessons += [_weak_lesson(page, weights, teacher) for page in weak]
    first = fit_trees(lessons)
    probabilities: dict[str, Float32Array] = {}
    for fold in range(NUM_INNER_FOLDS):
        held_out = [x for x in lessons if _inner_fold(x.page) == fold]
        rest = [x for x in lessons if _inner_fold(x.page) != fold]
        trees = fit_trees(rest)
        probabilities |= {x.page.id: trees.probabilities(x.features) for x in held_out}
    second = fit_trees([
        x._replace(
            features=second_features(
                x.page.scan, x.page.structure, x.features, probabilities[x.page.id]
            )
        )
        for x in lessons
    ])
    return Model(weights, first.head(KEPT_TREES), second.head(KEPT_TREES))


def fit_weights(pages: Sequence[Page]) -> Float32Array:
    """Token weights float32 (NUM_KINDS, NUM_TOKENS), as the shipped model rounds them."""
    by_page = [token_matrix(page.scan) for page in pages]
    matrix = sparse.vstack(by_page) @ sparse.diags(_is_common(pages, by_page))
    labels = np.concatenate([_labels(page) for page in pages]) > 0.5
    weights = np.concatenate([block_weights(page) for page in pages])
    regression = LogisticRegression(C=REGULARISATION, max_iter=60, tol=1e-3)
    regression.fit(matrix, labels, weights / weights.mean())
    found = regression.coef_.reshape(NUM_KINDS, NUM_TOKENS)
    return found.astype(np.float16).astype(np.float32)


def _is_common(pages: Sequence[Page], by_page: Sequence[sparse.csr_matrix]) -> Float32Array:
    """1 for each token that enough registered domains have, else 0."""
    tokens_of: dict[str, list[npt.NDArray[np.int32]]] = {}
    for page, matrix in zip(pages, by_page, strict=True):
        tokens_of.setdefault(page.domain, []).append(matrix.indices)
    num_domains = np.zeros(NUM_KINDS * NUM_TOKENS, np.int64)
    for tokens in tokens_of.values():
        num_domains[np.unique(np.concatenate(tokens))] += 1
    return (num_domains >= MIN_TOKEN_DOMAINS).astype(np.float32)


def fit_trees(lessons: Sequence[Lesson]) -> Trees:
    """An ensemble of the lessons."""
    weights = np.concatenate([x.weights for x in lessons])
    data = lightgbm.Dataset(
        np.vstack([x.features for x in lessons]),
        np.concatenate([x.labels for x in lessons]),
        weight=weights / weights.mean(),
    )
    return trees_of(lightgbm.train(PARAMETERS, data, TREES))


def trees_of(booster: lightgbm.Booster) -> Trees:
    """LightGBM's trees as arrays."""
    nodes: list[_Node] = []
    roots, depths = [], []

    def place(tree: dict[str, Any], number: int) -> int:
        """Put a subtree at a node's place; returns its depth."""
        if "leaf_value" in tree:
            nodes[number] = _Node(0, np.inf, number, tree["leaf_value"])
            return 0
        child = len(nodes)
        nodes[number] = _Node(tree["split_feature"], _round_down(tree["threshold"]), child, 0.0)
        nodes.extend([_NOTHING, _NOTHING])
        return 1 + max(place(tree["left_child"], child), place(tree["right_child"], child + 1))

    for tree in booster.dump_model()["tree_info"]:
        roots.append(len(nodes))
        nodes.append(_NOTHING)
        depths.append(place(tree["tree_structure"], roots[-1]))
    features, thresholds, lefts, values = zip(*nodes, strict=True)
    return Trees(
        feature=np.array(features, np.int32),
        threshold=np.array(thresholds, np.float32),
        left=np.array(lefts, np.int32),
        value=np.array(values, np.float32),
        root=np.array(roots, np.int32),
        depth=np.array(depths, np.int32),
    )


class _Node(NamedTuple):
    feature: int
    threshold: float
    left: int
    value: float


_NOTHING = _Node(0, 0.0, 0, 0.0)


def _round_down(value: float) -> float:
    """The greatest float32 that is not above the value: float32 features split there alike."""
    rounded = np.float32(value)
    return float(rounded if float(rounded) <= value else np.nextafter(rounded, np.float32(-np.inf)))


def block_weights(page: Page) -> Float64Array:
    """Weights of a page's blocks: by the root of their words, one a page in all.

    By words: F1 .002 less; by the fourth root: .001 less.
    """
    sizes = np.sqrt(page.sizes + 1.0)
    weights: Float64Array = sizes / sizes.sum()
    return weights


def _labels(page: Page) -> Float32Array:
    assert page.labels is not None  # gold pages have them
    return page.labels


def _inner_fold(page: Page) -> int:
    return fold_of(page.domain, NUM_INNER_FOLDS, salt="inner")


def _out_of_fold(pages: Sequence[Page]) -> list[Float32Array]:
    """First features of each page, by token weights of other domains' pages."""
    found: dict[str, Float32Array] = {}
    for fold in range(NUM_INNER_FOLDS):
        weights = fit_weights([page for page in pages if _inner_fold(page) != fold])
        found |= {
            page.id: first_features(page.scan, page.structure, weights)
            for page in pages
            if _inner_fold(page) == fold
        }
    return [found[page.id] for page in pages]


def _weak_lesson(page: Page, weights: Float32Array, teacher: Trees) -> Lesson:
    features = first_features(page.scan, page.structure, weights)
    ours = teacher.probabilities(features)
    peer = page.peer_labels
    assert peer is not None  # add_labels gave them
    agree = (ours > 0.5) == (peer > 0.5)
    labels = np.where(agree, (ours + peer) / 2, ours)
    labels = np.where(page.snippets == 1, SNIPPET_LABEL, labels)
    labels = np.where(page.snippets == -1, 1 - SNIPPET_LABEL, labels)
    trust = np.where(page.snippets != 0, SNIPPET_WEIGHT, np.where(agree, 1.0, DOUBTED))
    weights_of_blocks = WEAK_WEIGHT * trust * block_weights(page)
    return Lesson(page, features, labels.astype(np.float32), weights_of_blocks)


def token_matrix(scan: Scan) -> sparse.csr_matrix:
    """The tokens that features.token_scores weighs: (num_blocks, NUM_KINDS * NUM_TOKENS)."""
    element, block = scan.element, scan.block
    own = [
        np.concatenate([row[TAG : TAG + 1], scan.tokens[row[TOKEN_START] : row[TOKEN_END]]])
        for row in element
    ]
    with_ancestors: list[npt.NDArray[np.int32]] = []
    for number, row in enumerate(element):
        above = with_ancestors[row[PARENT]] if row[PARENT] >= 0 else own[0][:0]
        with_ancestors.append(np.concatenate([above, own[number]]))
    rows, columns, values = [], [], []
    for number, row in enumerate(block):
        for kind, tokens in _kinds(scan, row, own, with_ancestors):
            if len(tokens):
                rows.append(np.full(len(tokens), number))
                columns.append(tokens + kind * NUM_TOKENS)
                values.append(np.full(len(tokens), 1 / np.sqrt(len(tokens)), np.float32))
    shape = (len(block), NUM_KINDS * NUM_TOKENS)
    if not rows:
        return sparse.csr_matrix(shape, dtype=np.float32)
    places = (np.concatenate(rows), np.concatenate(columns))
    return sparse.csr_matrix((np.concatenate(values), places), shape=shape, dtype=np.float32)


def _kinds(
    scan: Scan,
    row: npt.NDArray[np.int32],
    own: list[npt.NDArray[np.int32]],
    with_ancestors: list[npt.NDArray[np.int32]],
) -> list[tuple[int, npt.NDArray[np.int32]]]:
    parent = scan.element[:, PARENT]
    nothing = own[0][:0]
    element = row[INNER]
    chain = [own[element]]
    while element != row[HOLDER] and parent[element] >= 0 and len(chain) <= MAX_CHAIN:
        element = parent[element]
        chain.append(own[element])
    near = []
    for _ in range(2):
        if parent[element] >= 0:
            element = parent[element]
            near.append(own[element])
    far = with_ancestors[parent[element]] if parent[element] >= 0 else nothing
    words = scan.words[row[WORD_START] : min(row[WORD_END], row[WORD_START] + MAX_WORDS)]
    return [(0, np.concatenate(chain)), (1, np.concatenate([nothing, *near])), (2, far), (3, words)]
