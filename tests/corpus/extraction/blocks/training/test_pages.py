from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from corpus.errors import InputError
from corpus.extraction.blocks.training.pages import Page, add_labels, fold_of, read_pages
from tests.corpus.extraction.blocks.training.sites import row, site_page, write_files


def read_one(folder: Path, html: str, gold: str | None, **fields: object) -> Page:
    (page,) = read_pages(*write_files(folder, [row(1, gold, **fields)], {1: html.encode()}))
    add_labels(page)
    return page


def test_a_page_is_its_row_and_its_capture(tmp_path: Path):
    html, text = site_page(3)
    rows = [row(3, text, must_have=["a"], must_not_have=["b"]), row(4, None)]
    bodies = {4: b"<p>Four", 3: html.replace("<h1>", "<h1>\0").encode()}
    four, three = read_pages(*write_files(tmp_path, rows, bodies))
    assert (three.id, three.url, three.domain) == ("p3", "http://www.site3.org/a", "site3.org")
    assert (three.source, three.type, three.gold) == ("second", "article", text)
    assert (three.html, three.must, three.must_not) == (html, ["a"], ["b"])
    assert three.sizes.tolist() == [len(words) for words in three.words]
    assert len(three.words) == len(three.scan.block) == len(three.structure.levels)
    assert (four.html, four.words, four.must, four.gold) == ("<p>Four", [["four"]], [], None)


def test_a_row_without_a_capture_and_a_capture_without_a_row_are_left_out(tmp_path: Path):
    rows = [row(1, "gold"), row(2, "gold"), row(3, "gold", record_id=None)]
    bodies = {1: b"<p>One", 3: b"<p>Three", 9: b"<p>Nine"}
    assert [page.id for page in read_pages(*write_files(tmp_path, rows, bodies))] == ["p1"]


def test_archives_without_any_of_the_records_are_an_error(tmp_path: Path):
    files = write_files(tmp_path, [row(1, "gold")], {2: b"<p>Two"})
    with pytest.raises(InputError, match="none of its 1 records"):
        list(read_pages(*files))


def test_a_packed_gold_file_reads_alike(tmp_path: Path):
    plain, archives = write_files(tmp_path, [row(1, "gold")], {1: b"<p>One"})
    packed = plain.with_suffix(".jsonl.gz")
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert [page.id for page in read_pages(packed, archives)] == ["p1"]
    assert json.loads(plain.read_text())["id"] == "p1"


def test_a_page_on_no_registered_domain_stands_for_itself(tmp_path: Path):
    rows = [row(1, "gold", url="about:blank"), row(2, "gold", url="about:blank")]
    first, second = read_pages(*write_files(tmp_path, rows, {1: b"<p>One", 2: b"<p>Two"}))
    assert (first.domain, second.domain) == ("secondp1", "firstp2")


def test_a_gold_page_is_labelled_by_its_gold_text(tmp_path: Path):
    html, text = site_page(1)
    page = read_one(tmp_path, html, text)
    assert page.is_gold
    assert page.can_teach
    assert page.peer_labels is None
    wanted = set(text.lower().replace(".", "").split("\n"))
    expected = [float(" ".join(words) in wanted) for words in page.words]
    assert page.labels is not None
    assert page.labels.tolist() == expected
    assert sum(expected) == 13


def test_a_page_captured_in_another_state_teaches_nothing(tmp_path: Path):
    page = read_one(tmp_path, "<p>Please accept cookies first.</p>" * 5, site_page(1)[1])
    assert page.is_gold
    assert not page.can_teach


def test_a_page_without_a_block_teaches_nothing(tmp_path: Path):
    assert not read_one(tmp_path, "<script>x()</script>", site_page(1)[1]).can_teach
    assert not read_one(tmp_path, "<p>One</p><p>two</p>", None).can_teach


def test_a_short_gold_text_is_none(tmp_path: Path):
    page = read_one(tmp_path, site_page(1)[0], "x" * 100)
    assert not page.is_gold
    assert page.labels is None
    assert page.peer_labels is not None


def test_a_page_without_a_gold_text_is_labelled_by_a_peer_and_by_its_snippets(tmp_path: Path):
    html, text = site_page(1)
    html = html.replace("</h1>", "</h1><p>Twice here.</p><p>Twice here.</p>")
    third = text.split("\n")[3]
    page = read_one(
        tmp_path, html, None, must_have=[third.replace(" ", "\n "), "Twice here", "nowhere"],
        must_not_have=["Site 1 2024", "Twice"],
    )  # fmt: skip
    assert page.can_teach
    assert page.labels is None
    assert page.peer_labels is not None
    blocks = [" ".join(words) for words in page.words]
    marks = dict(zip(blocks, page.snippets.tolist(), strict=True))
    wanted = third.lower().rstrip(".")
    assert {block for block, mark in marks.items() if mark > 0} == {wanted}
    assert {block for block, mark in marks.items() if mark < 0} == {"site 1 2024", "twice here"}
    assert page.peer_labels[blocks.index(wanted)] == 1


def test_a_wanted_snippet_that_stands_twice_marks_neither(tmp_path: Path):
    page = read_one(tmp_path, "<p>Twice</p><p>Twice</p><p>Once</p>", None, must_have=["Twice"])
    assert page.snippets.tolist() == [0, 0, 0]


def test_all_pages_of_a_domain_are_in_one_fold():
    folds = [fold_of(f"site{number}.org", 5) for number in range(1_000)]
    assert folds == [fold_of(f"site{number}.org", 5) for number in range(1_000)]
    assert all(150 < folds.count(fold) < 250 for fold in range(5))
    assert folds != [fold_of(f"site{number}.org", 5, salt="inner") for number in range(1_000)]
