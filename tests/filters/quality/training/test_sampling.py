"""Which documents are drawn, and how they come together."""

import numpy as np
import pyarrow as pa
import pytest

from corpus.errors import InputError
from corpus.sources import Source
from filters.quality.settings import QualitySettings
from filters.quality.training.sampling import check_counts, classes_of, read_examples
from tests.filters.quality.pages import CLASSES, SETTINGS, SOURCES, examples_of, table


def test_trusted_documents_teach_nothing():
    examples = examples_of(table(30))
    assert set(examples.sources) == {"crawl", "webtext"}
    assert examples.is_positive.tolist() == [name == "webtext" for name in examples.sources]


def test_the_recipe_says_which_sources_teach():
    assert classes_of(SOURCES) == {"crawl": False, "webtext": True}
    assert classes_of({"books": Source(kind="text", files=())}) == {}


def test_other_sources_can_be_named():
    examples = examples_of(table(30), classes={"books": True, "crawl": False})
    taught = set(zip(examples.sources, examples.is_positive.tolist(), strict=True))
    assert taught == {("books", True), ("crawl", False)}


def test_a_class_is_cut_to_its_smallest_hashes_however_the_parts_lie():
    settings = QualitySettings(num_features=2**12, min_documents=5, max_documents=20)
    one, many = (examples_of(table(), num_parts=k, settings=settings) for k in (1, 7))
    assert one.is_positive.sum() == (~one.is_positive).sum() == 20
    assert one.doc_ids.equals(many.doc_ids)
    assert one.texts.equals(many.texts)
    assert one.domains == many.domains
    other = examples_of(table(), settings=settings, seed=1)
    assert not one.doc_ids.equals(other.doc_ids)


def test_a_document_without_an_address_is_a_domain_of_its_own():
    rows = table(9)
    rows = rows.set_column(2, "url", pa.nulls(9, pa.string()))
    assert len(set(examples_of(rows).domains)) == 6


def test_domains_are_registered_ones():
    assert set(examples_of(table()).domains) == {f"site{i}.com" for i in range(25)}


def test_a_long_text_is_read_from_its_beginning():
    settings = QualitySettings(max_characters=10)
    texts = ["short", "ü" * 30, None]
    rows = table(6).filter(pa.array([i % 3 != 2 for i in range(6)])).slice(0, 3)
    rows = rows.set_column(3, "text", pa.array(texts, pa.large_string()))
    examples = read_examples(rows, CLASSES, np.zeros(3, bool), settings)
    assert examples.texts.to_pylist() == ["short", "ü" * 10, ""]


def test_too_few_documents_of_a_class_stop_the_stage():
    check_counts(20, 20, SETTINGS)
    with pytest.raises(InputError, match=r"19 positive documents .*at least 20"):
        check_counts(19, 20, SETTINGS)
    with pytest.raises(InputError, match=r'0 negative .*quality = "judged".*quality\.enabled'):
        check_counts(20, 0, SETTINGS)
    with pytest.raises(InputError, match="and 7 more were left out as leaks"):
        check_counts(3, 20, SETTINGS, left_out=7)
