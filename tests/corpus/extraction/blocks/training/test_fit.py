from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from corpus.extraction.blocks import scan_html
from corpus.extraction.blocks.features import FAR, MAX_WORDS, NEAR, NUM_KINDS, OWN, WORDS
from corpus.extraction.blocks.markup import NUM_TOKENS, TAG_CODE
from corpus.extraction.blocks.model import Model, keep_blocks, to_bytes
from corpus.extraction.blocks.render import render
from corpus.extraction.blocks.training import fit
from corpus.extraction.blocks.training.fit import (
    _round_down,
    _weak_lesson,
    block_weights,
    fit_model,
    fit_weights,
    token_matrix,
)
from corpus.extraction.blocks.training.pages import Page
from corpus.extraction.blocks.trees import Trees
from tests.corpus.extraction.blocks.readable import word_token
from tests.corpus.extraction.blocks.training.sites import labelled_pages, site_page

NUM_SITES, NUM_WEAK = 14, 2


@pytest.fixture(autouse=True)
def few_trees(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fit, "TREES", 10)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[Page]:
    folder = tmp_path_factory.mktemp("sites")
    return labelled_pages(folder, range(NUM_SITES), num_weak=NUM_WEAK)


def text_of(model: Model, html: str) -> str:
    scan = scan_html(html)
    return render(scan, keep_blocks(scan, model.probabilities(scan)))


@pytest.mark.parametrize("num_weak", [0, NUM_WEAK])
def test_a_model_of_some_sites_finds_the_article_of_another(pages, num_weak):
    model = fit_model(pages[: NUM_SITES - NUM_WEAK + num_weak])
    for number in (40, 41, 42, 43):
        html, text = site_page(number, seed=7)
        assert text_of(model, html).split("\n\n") == text.split("\n")


def test_the_same_pages_give_the_same_bytes(pages):
    assert to_bytes(fit_model(pages)) == to_bytes(fit_model(pages))


def test_pages_that_cannot_teach_change_nothing(pages, tmp_path: Path):
    (other,) = labelled_pages(tmp_path, range(50, 51))
    assert other.labels is not None
    other.labels[:] = 0
    assert not other.can_teach
    assert to_bytes(fit_model([*pages, other])) == to_bytes(fit_model(pages))


def test_weights_know_the_names_that_several_sites_use(pages):
    weights = fit_weights([page for page in pages if page.is_gold])
    assert weights.shape == (NUM_KINDS, NUM_TOKENS)
    assert np.array_equal(weights, weights.astype(np.float16).astype(np.float32))
    assert weights[OWN, TAG_CODE["p"]] > 0 > weights[OWN, TAG_CODE["a"]]


def test_a_name_that_too_few_sites_use_weighs_nothing(pages):
    few = [page for page in pages if page.is_gold][: fit.MIN_TOKEN_DOMAINS]
    enough, too_few = fit_weights(few), fit_weights(few[:-1])
    assert enough.any()
    assert not too_few.any()


def test_the_matrix_has_a_blocks_tokens_by_their_kinds():
    matrix = token_matrix(scan_html("<p>z</p><main class=c><div><p>a <b>b</b></p></div></main>"))
    row = matrix[1].toarray().reshape(NUM_KINDS, NUM_TOKENS)
    tags = {kind: set(np.flatnonzero(row[kind])) for kind in (OWN, NEAR, FAR, WORDS)}
    assert tags[OWN] == {TAG_CODE["p"]}
    assert {TAG_CODE["div"], TAG_CODE["main"]} < tags[NEAR]
    assert len(tags[NEAR]) == 3  # and the class
    assert tags[FAR] == {TAG_CODE["body"], TAG_CODE["html"], 0}  # 0: the root's
    assert tags[WORDS] == {word_token("a"), word_token("b")}
    assert [row[kind].max() for kind in range(4)] == pytest.approx(
        [1, 3**-0.5, 3**-0.5, 2**-0.5]
    )


def test_the_matrix_has_only_the_words_that_are_scored():
    matrix = token_matrix(scan_html("<p>z</p><p>" + "a " * 500))
    assert matrix[1, WORDS * NUM_TOKENS + word_token("a")] == pytest.approx(MAX_WORDS**0.5)


def test_a_page_without_blocks_has_an_empty_matrix():
    assert token_matrix(scan_html("")).shape == (0, NUM_KINDS * NUM_TOKENS)


def test_a_page_weighs_the_same_however_long_it_is(pages):
    for page in pages[:3]:
        weights = block_weights(page)
        assert weights.sum() == pytest.approx(1)
        assert (weights / weights[0])[1:] == pytest.approx(
            np.sqrt((page.sizes[1:] + 1) / (page.sizes[0] + 1))
        )


def test_a_weak_page_is_taught_by_two_and_its_snippets_overrule_both(pages):
    page = pages[-1]
    assert not page.is_gold
    assert page.peer_labels is not None
    nought, two = np.zeros(1, np.int32), np.array([2], np.float32)
    yes = Trees(nought, two, nought, two, nought, nought)  # a leaf of 2
    ours = float(1 / (1 + np.exp(-2)))
    lesson = _weak_lesson(page, np.zeros((NUM_KINDS, NUM_TOKENS), np.float32), yes)
    shares = block_weights(page)
    assert set(page.snippets) == {-1, 0, 1}
    for b, mark in enumerate(page.snippets):
        peer = float(page.peer_labels[b])
        if mark:
            label, trust = (0.98 if mark > 0 else 0.02), 2.0
        elif peer > 0.5:
            label, trust = (ours + peer) / 2, 1.0
        else:
            label, trust = ours, 0.3
        assert lesson.labels[b] == pytest.approx(label, abs=1e-6)
        assert lesson.weights[b] == pytest.approx(0.5 * trust * shares[b])


@pytest.mark.parametrize("value", [0.1, -0.1, 1.0, 1e-35, -1e-35, 16777217.0, 0.30000001192092896])
def test_a_threshold_splits_float32_values_as_it_split_the_doubles(value):
    rounded = _round_down(value)
    assert float(np.float32(rounded)) == rounded <= value
    assert float(np.nextafter(np.float32(rounded), np.float32(np.inf))) > value
