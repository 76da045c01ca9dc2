"""Training: which documents are drawn, what is held out, and what the card says."""

import json

import numpy as np
import pyarrow as pa
import pytest

from corpus.errors import InputError
from corpus.identity import doc_id_of_place
from corpus.sources import Source
from filters.quality.settings import QualitySettings
from filters.quality.training import (
    Drawn,
    check_counts,
    draw,
    hold_out,
    join,
    read_examples,
    train,
    untrained_card,
)

SOURCES = {
    "crawl": Source(kind="warc", files=(), quality="judged"),
    "webtext": Source(kind="reddit", files=(), quality="positive"),
    "books": Source(kind="text", files=(), quality="trusted"),
}
GOOD = ["considered", "evidence", "suggests", "a", "longer", "argument", "with", "reasons"]
BAD = ["buy", "cheap", "now", "click", "free", "offer", "winner", "login", "menu", "cart"]


def table(number=200, *, num_sites=25, words=(GOOD, BAD)):
    """Pages of many sites: good ones from webtext, bad ones from the crawl, books in between."""
    rows = []
    for i in range(number):
        source = ("webtext", "crawl", "books")[i % 3]
        chosen = words[0 if source == "webtext" else 1]
        text = " ".join(chosen[(i * 7 + k * k) % len(chosen)] for k in range(20))
        url = None if source == "books" else f"https://www.site{i % num_sites}.com/{i}"
        rows.append((doc_id_of_place("s", "f", i), source, url, text))
    columns = list(zip(*rows, strict=True))
    return pa.table(
        {
            "doc_id": pa.array(columns[0], pa.binary(16)),
            "source": pa.array(columns[1], pa.string()),
            "url": pa.array(columns[2], pa.string()),
            "text": pa.array(columns[3], pa.large_string()),
        }
    )


SETTINGS = QualitySettings(num_features=2**12)


def examples_of(rows, *, num_parts=1, settings=SETTINGS, seed=0):
    size = -(-rows.num_rows // num_parts)
    parts = [rows.slice(k * size, size) for k in range(num_parts)]
    drawn = Drawn.nothing()
    for number, part in enumerate(parts):
        drawn = draw(drawn, part, number, SOURCES, settings, seed=seed)
    read = [
        read_examples(parts[k].take(pa.array(drawn.rows(k))), SOURCES, settings)
        for k in drawn.parts()
    ]
    return join(read, seed=seed)


def test_trusted_documents_teach_nothing():
    examples = examples_of(table(30))
    assert set(examples.sources) == {"crawl", "webtext"}
    assert examples.is_positive.tolist() == [name == "webtext" for name in examples.sources]


def test_a_class_is_cut_to_its_smallest_hashes_however_the_parts_lie():
    settings = QualitySettings(num_features=2**12, min_documents=5, max_documents=20)
    one, many = (examples_of(table(), num_parts=k, settings=settings) for k in (1, 7))
    assert one.is_positive.sum() == (~one.is_positive).sum() == 20
    assert one.doc_ids.equals(many.doc_ids)
    assert (one.features != many.features).nnz == 0
    assert one.domains == many.domains
    other = examples_of(table(), settings=settings, seed=1)
    assert not one.doc_ids.equals(other.doc_ids)


def test_domains_are_registered_ones_and_never_on_both_sides():
    examples = examples_of(table())
    held_out, divided = hold_out(examples, SETTINGS, seed=0)
    assert divided == []
    domains = np.array(examples.domains)
    assert set(domains) == {f"site{i}.com" for i in range(25)}
    assert not set(domains[held_out]) & set(domains[~held_out])


def test_a_document_without_an_address_is_a_domain_of_its_own():
    rows = table(9)
    rows = rows.set_column(2, "url", pa.nulls(9, pa.string()))
    assert len(set(examples_of(rows).domains)) == 6


def test_a_site_with_more_than_a_tenth_of_its_class_is_divided():
    rows = table(300, num_sites=100)
    is_large = [i % 7 == 0 for i in range(300)]
    urls = [
        f"https://large.com/{i}" if large and url else url
        for i, (large, url) in enumerate(zip(is_large, rows["url"].to_pylist(), strict=True))
    ]
    examples = examples_of(rows.set_column(2, "url", pa.array(urls, pa.string())))
    held_out, divided = hold_out(examples, SETTINGS, seed=0)
    assert divided == ["large.com"]
    assert 0.05 < held_out.mean() < 0.4


def test_a_crawl_of_one_site_is_divided():
    examples = examples_of(table(num_sites=1))
    held_out, divided = hold_out(examples, SETTINGS, seed=0)
    assert divided == ["site0.com"]
    assert 0 < held_out.sum() < len(held_out) / 2


@pytest.mark.parametrize("number", [6, 7, 12])
def test_even_a_handful_has_both_classes_on_both_sides(number):
    examples = examples_of(table(number, num_sites=1))
    held_out, _ = hold_out(examples, SETTINGS, seed=0)
    for side in (held_out, ~held_out):
        assert set(examples.is_positive[side].tolist()) == {True, False}


def test_classes_that_differ_are_told_apart_on_unseen_sites():
    model, card = train(examples_of(table()), SETTINGS, seed=0)
    held_out = card["held_out"]
    assert card["trained"]
    assert card["converged"]
    assert held_out["divided_domains"] == []
    assert held_out["auc"] == held_out["average_precision"] == 1.0
    assert model.score(pa.array([" ".join(GOOD)]))[0] > 0.7
    assert model.score(pa.array([" ".join(BAD)]))[0] < 0.3
    assert card["positives"]["by_source"] == {"webtext": 67}
    assert card["negatives"]["by_source"] == {"crawl": 67}
    assert card["positives"]["num_train"] + card["positives"]["num_held_out"] == 67
    assert sum(held_out["histogram_positives"]) == held_out["num_positives"]
    assert sum(held_out["histogram_negatives"]) == held_out["num_negatives"]
    assert sum(row["num"] for row in held_out["calibration"]) == (
        held_out["num_positives"] + held_out["num_negatives"]
    )
    assert held_out["pareto_keeps_positives"] > held_out["pareto_keeps_negatives"]
    assert json.loads(json.dumps(card, allow_nan=False)) == card


def test_classes_that_are_alike_are_not_told_apart():
    alike = examples_of(table(600, num_sites=100, words=(GOOD, GOOD)))
    _, card = train(alike, SETTINGS, seed=0)
    assert abs(card["held_out"]["auc"] - 0.5) < 0.25


def test_the_larger_class_is_no_likelier():
    rows = table(900, num_sites=200, words=(GOOD, GOOD))
    names = rows["source"].to_pylist()
    few = [name == "crawl" or (name == "webtext" and i % 7 == 0) for i, name in enumerate(names)]
    examples = examples_of(rows.filter(pa.array(few)))
    model, card = train(examples, SETTINGS, seed=0)
    assert card["positives"]["num_train"] * 5 < card["negatives"]["num_train"]
    assert abs(model.score(rows["text"]).mean() - 0.5) < 0.1


def test_training_twice_gives_the_same_bytes():
    (one, one_card), (two, two_card) = (
        train(examples_of(table(), num_parts=k), SETTINGS, seed=0) for k in (1, 3)
    )
    assert one.to_bytes() == two.to_bytes()
    assert one_card == two_card


def test_too_few_documents_of_a_class_stop_the_stage():
    check_counts(20, 20, SETTINGS)
    with pytest.raises(InputError, match=r"19 positive documents .*at least 20"):
        check_counts(19, 20, SETTINGS)
    with pytest.raises(InputError, match=r'0 negative .*quality = "judged".*quality\.enabled'):
        check_counts(20, 0, SETTINGS)


def test_the_card_of_a_run_without_a_classifier_says_why():
    card = untrained_card("no source of the recipe is judged", SETTINGS)
    assert (card["trained"], card["why"]) == (False, "no source of the recipe is judged")
    assert json.loads(json.dumps(card)) == card
