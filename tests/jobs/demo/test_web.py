"""The whole web: planned the same each time, written where the recipe looks for it."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest

from corpus.config import load_recipe
from corpus.errors import SetupError
from jobs.demo import web as demo_web
from jobs.demo.plants import KINDS


@pytest.fixture(scope="module")
def web(articles):
    return demo_web.plan_web(articles)


@pytest.fixture(scope="module")
def written(articles, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("web")
    demo_web.write_web(demo_web.plan_web(articles), folder)
    return folder


def digest(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_articles_give_the_same_bytes(written: Path, articles, tmp_path: Path):
    demo_web.write_web(demo_web.plan_web(list(reversed(articles))), tmp_path)
    assert digest(tmp_path) == digest(written)


def test_every_kind_of_plant_is_planted(written: Path):
    rows = map(json.loads, (written / "plants.jsonl").read_text("utf-8").splitlines())
    counts = Counter(row["kind"] for row in rows)
    assert set(counts) == set(KINDS)
    assert counts["benchmark passage"] == 60
    assert counts["clean item"] == 40


def test_no_page_has_two_places(web):
    urls = [page.url for page in web.pages]
    assert len(urls) == len(set(urls))


def test_copies_originals_and_carriers_are_different_pages(web):
    copied = {"mirrored page", "edited page", "rewritten page", "manual page"}
    partners = [plant.partner for plant in web.plants if plant.kind in copied]
    carriers = [plant.url for plant in web.plants if plant.kind == "benchmark passage"]
    assert len(set(partners + carriers)) == len(partners + carriers)


def test_disliked_pages_are_not_in_the_archive_and_have_no_other_link(web):
    assert not set(web.disliked) & {page.url for page in web.archived}
    assert not set(web.disliked) & set(web.linked)


def test_held_back_articles_are_no_pages(web):
    texts = {block.text for page in web.pages for block in page.article.blocks}
    clean = {plant.detail for plant in web.plants if plant.kind == "clean item"}
    assert not [item for item in web.items if item.item_id in clean and item.question in texts]


def test_the_text_source_is_json_lines(written: Path):
    with gzip.open(written / "text" / "manuals.jsonl.gz", "rt", encoding="utf-8") as lines:
        first = json.loads(next(iter(lines)))
    assert set(first) == {"id", "url", "title", "text"}


def test_the_site_has_a_file_for_each_page_and_rules_for_each_host(written: Path, web):
    for page in web.pages:
        assert (written / "site" / page.host / page.path[1:]).is_file()
        assert "Disallow: /private/" in (written / "site" / page.host / "robots.txt").read_text()


def test_too_little_documentation_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, articles
):
    monkeypatch.setattr(demo_web, "read_documentation", lambda per_library: articles[:20])
    with pytest.raises(SetupError, match="expected 1500: install"):
        demo_web.build_web(tmp_path)


def test_the_recipe_reads_what_the_web_writes(written: Path):
    from corpus.sources import source_files
    from jobs.recipe import Recipe

    recipe = load_recipe(Recipe, "demo", overrides=[f"data={written}"])
    found = [(name, Path(path).name) for kind in ("warc", "reddit", "text")
             for name, path in source_files(recipe.sources, kind)]  # fmt: skip
    assert found == [
        ("crawl", "demo-00000.warc.gz"),
        ("crawl", "demo-00001.warc.gz"),
        ("crawl", "demo-00002.warc.gz"),
        ("webtext", "RS_demo.zst"),
        ("manuals", "manuals.jsonl.gz"),
    ]
