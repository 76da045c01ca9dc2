"""What is held out and how folds are dealt: domains stay whole, unless they are most of a class."""

import numpy as np
import pyarrow as pa
import pytest

from filters.quality.settings import QualitySettings
from filters.quality.training.splits import folds_of, hold_out, units_of
from tests.filters.quality.pages import SETTINGS, examples_of, made, table


def held(examples, seed=0):
    return hold_out(examples, units_of(examples), SETTINGS, seed=seed)


def test_domains_are_never_on_both_sides():
    examples = examples_of(table())
    held_out, divided = held(examples)
    assert divided == []
    domains = np.array(examples.domains)
    assert not set(domains[held_out]) & set(domains[~held_out])
    assert 0.05 < held_out.mean() < 0.4


def with_large_site():
    rows = table(300, num_sites=100)
    urls = [
        f"https://large.com/{i}" if i % 7 == 0 and url else url
        for i, url in enumerate(rows["url"].to_pylist())
    ]
    return examples_of(rows.set_column(2, "url", pa.array(urls, pa.string())))


def test_a_site_with_more_than_a_tenth_of_its_class_is_divided():
    examples = with_large_site()
    held_out, divided = held(examples)
    assert divided == ["large.com"]
    assert 0.05 < held_out.mean() < 0.4


def test_the_documents_of_a_divided_site_are_units_of_their_own():
    examples = with_large_site()
    units = np.array(units_of(examples))
    is_large = np.array(examples.domains) == "large.com"
    assert len(set(units[is_large])) == is_large.sum()
    assert set(units[~is_large]) == set(examples.domains) - {"large.com"}


def test_a_crawl_of_one_site_is_divided():
    held_out, divided = held(examples_of(table(num_sites=1)))
    assert divided == ["site0.com"]
    assert 0 < held_out.sum() < len(held_out) / 2


@pytest.mark.parametrize("number", [6, 7, 12])
def test_even_a_handful_has_both_classes_on_both_sides(number):
    examples = examples_of(table(number, num_sites=1))
    held_out, _ = held(examples)
    for side in (held_out, ~held_out):
        assert set(examples.is_positive[side].tolist()) == {True, False}


def test_every_fold_has_whole_domains_of_both_classes():
    examples = examples_of(table(600, num_sites=100))
    units = units_of(examples)
    folds = folds_of(units, examples.is_positive, SETTINGS, seed=0)
    assert {len(set(folds[np.array(units) == unit])) for unit in set(units)} == {1}
    for fold in range(5):
        inside = examples.is_positive[folds == fold]
        assert inside.any()
        assert not inside.all()
        assert 0.1 < (folds == fold).mean() < 0.3


def test_folds_belong_to_the_unit_and_the_seed():
    units = [f"site{i}.com" for i in range(50)]
    is_positive = np.arange(50) % 2 == 0
    there = folds_of(units, is_positive, SETTINGS, seed=0)
    back = folds_of(units[::-1], is_positive[::-1], SETTINGS, seed=0)
    assert there.tolist() == back[::-1].tolist()
    assert there.tolist() != folds_of(units, is_positive, SETTINGS, seed=1).tolist()


def test_few_sites_of_a_class_are_spread_over_the_folds():
    examples = made(["x"] * 40, [i < 5 for i in range(40)])
    settings = QualitySettings(num_folds=5)
    folds = folds_of(units_of(examples), examples.is_positive, settings, seed=0)
    assert sorted(folds[:5]) == [0, 1, 2, 3, 4]
