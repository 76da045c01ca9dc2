"""How good a model is on pages of domains, or of sources, that it never saw.

The measure is the agreement of a page's text and its gold text (agreement.py), F1 of word 4-grams,
mean over pages. Snippets are counted as found where the text holds them, white space folded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from corpus.extraction import clean_text
from corpus.extraction.agreement import agreement
from corpus.extraction.blocks.model import Model, keep_blocks
from corpus.extraction.blocks.render import render
from corpus.extraction.blocks.training.fit import fit_model
from corpus.extraction.blocks.training.pages import Page, fold_of

NUM_FOLDS = 5
BOOTSTRAP_ROUNDS = 2_000

Texts = dict[str, str]
"""Text of each page, by its id."""


class Snippets(NamedTuple):
    """Counts over pages: wanted snippets found, of all; unwanted ones found, of all."""

    must_found: int
    must: int
    must_not_found: int
    must_not: int


def text_by(model: Model, page: Page) -> str:
    """The page's main text as the engine gives it."""
    if not len(page.scan.block):
        return ""
    keep = keep_blocks(page.scan, model.probabilities(page.scan))
    return clean_text(render(page.scan, keep))


def cross_validate(
    pages: Sequence[Page], *, fit: Callable[[Sequence[Page]], Model] = fit_model
) -> Texts:
    """Texts of all pages, each by a model that saw no page of its registered domain."""
    texts: Texts = {}
    for fold in range(NUM_FOLDS):
        model = fit([page for page in pages if fold_of(page.domain, NUM_FOLDS) != fold])
        texts |= {
            page.id: text_by(model, page)
            for page in pages
            if fold_of(page.domain, NUM_FOLDS) == fold
        }
    return texts


def leave_source_out(pages: Sequence[Page], source: str) -> Texts:
    """Texts of a source's pages by a model that saw neither them nor their domains."""
    inside = {page.domain for page in pages if page.source == source}
    model = fit_model([
        page for page in pages if page.source != source and page.domain not in inside
    ])
    return {page.id: text_by(model, page) for page in pages if page.source == source}


def learning_curve(pages: Sequence[Page], shares: Iterable[float]) -> dict[float, float]:
    """Mean F1 of the first fold's gold pages by models of these shares of the other domains."""
    held_out = [page for page in pages if fold_of(page.domain, NUM_FOLDS) == 0]
    rest = [page for page in pages if fold_of(page.domain, NUM_FOLDS) != 0]
    found = {}
    for share in shares:
        model = fit_model([
            page for page in rest if fold_of(page.domain, 1_000, salt="curve") < 1_000 * share
        ])
        texts = {page.id: text_by(model, page) for page in held_out}
        found[share] = float(np.mean(list(f1_scores(held_out, texts).values())))
    return found


def f1_scores(pages: Iterable[Page], texts: Texts) -> dict[str, float]:
    """F1 of each gold page, by its id."""
    return {
        page.id: agreement(texts[page.id], page.gold) or 0.0 for page in pages if page.is_gold
    }


def by_group(pages: Iterable[Page], scores: dict[str, float]) -> dict[str, tuple[int, float]]:
    """Number of pages and mean score: all, of each source, of each page type."""
    groups: dict[str, list[float]] = defaultdict(list)
    for page in pages:
        if page.id in scores:
            for group in ("all", page.source, page.type):
                if group is not None:
                    groups[group].append(scores[page.id])
    return {group: (len(found), float(np.mean(found))) for group, found in groups.items()}


def difference_interval(
    pages: Iterable[Page], ours: dict[str, float], theirs: dict[str, float]
) -> tuple[float, float]:
    """95 % interval of the mean difference, by bootstrap over registered domains."""
    of_domain: dict[str, list[float]] = defaultdict(list)
    for page in pages:
        if page.id in ours:
            of_domain[page.domain].append(ours[page.id] - theirs[page.id])
    sums = np.array([sum(found) for found in of_domain.values()])
    sizes = np.array([len(found) for found in of_domain.values()])
    random = np.random.default_rng(0)
    drawn = random.integers(0, len(sums), (BOOTSTRAP_ROUNDS, len(sums)))
    means = sums[drawn].sum(1) / sizes[drawn].sum(1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


def count_snippets(pages: Iterable[Page], texts: Texts) -> Snippets:
    """Snippets of the pages that have some."""
    counts = Snippets(0, 0, 0, 0)
    for page in pages:
        text = " ".join(texts[page.id].split())
        found = [" ".join(snippet.split()) in text for snippet in page.must]
        wrong = [" ".join(snippet.split()) in text for snippet in page.must_not]
        mine = (sum(found), len(found), sum(wrong), len(wrong))
        counts = Snippets(*(a + b for a, b in zip(counts, mine, strict=True)))
    return counts
