"""The page on contamination in a real browser, opened from a file as a reader does."""

from __future__ import annotations

import html
import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.reporting.contamination_facts import CLEAN, FOUND, PLAIN, ContaminationFacts, Piece
from jobs.reporting.contamination_page import item_address, write_contamination_page
from tests.jobs.reporting.browser import CHROMIUM, Browser, browser
from tests.jobs.reporting.conftest import contamination_of, evil

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs a browser")

HARM = "\u202e" + evil(9) + "</script><!--\u2028"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("browser")) as started:
        yield started


def quiz() -> ContaminationFacts:
    """Two benchmarks: items found in each way, and 60,000 clean ones."""
    one = contamination_of("quiz")
    riddle = one.items[0]
    assert riddle.texts is not None
    said = [Piece(PLAIN, "Say, "), Piece(FOUND, "what has roots as nobody sees"), Piece(PLAIN, "?")]
    texts = replace(riddle.texts, fields=[("question", said), ("answer", [Piece(PLAIN, "A")])])
    items = [
        replace(riddle, item_id="117", texts=texts),
        *(replace(one.items[1], item_id=f"q{k}", num_found=k) for k in range(60)),
        replace(one.items[2], benchmark="other", item_id="sun & <b>moon</b>"),
        one.items[3],
    ]
    benchmarks = [one.benchmarks[0], replace(one.benchmarks[0], benchmark="other")]
    clean = [("quiz", ["clear"]), ("other", [str(k) for k in range(60_000)])]
    return replace(one, benchmarks=benchmarks, items=items, clean=clean)


@pytest.fixture
def page(chromium: Browser, tmp_path: Path) -> Iterator[Browser]:
    opened(chromium, tmp_path, quiz())
    yield chromium
    assert chromium.faults == []
    assert chromium.requests == []


def opened(chromium: Browser, folder: Path, facts: ContaminationFacts, fragment: str = "") -> str:
    path = folder / "contamination.html"
    path.write_text(write_contamination_page(facts, name="made"), "utf-8")
    chromium.open(path.as_uri() + fragment)
    return path.as_uri()


def names(page: Browser) -> list[str]:
    found: list[str] = page.evaluate(
        "[...document.querySelectorAll('table.items th[scope=row]')].map((e) => e.textContent)"
    )
    return found


def count(page: Browser) -> str:
    said: str = page.evaluate("document.querySelector('#count').textContent")
    return said


def text(page: Browser, selector: str) -> str:
    said: str = page.evaluate(f"document.querySelector({json.dumps(selector)}).innerText")
    return said


def test_the_list_shows_what_was_found_and_hides_what_stands_in_for_it(page: Browser):
    assert names(page)[:3] == ["quiz:117", "quiz:q0", "quiz:q1"]
    assert count(page) == "1 to 50 of 62 items, of 60,064 listed"
    assert page.evaluate("document.querySelector('#static').hidden")


def test_search_narrows_the_list(page: Browser):
    page.type("#search", "ROOTS nobody")
    page.wait_for("location.hash === '#items?q=ROOTS+nobody'")
    assert names(page) == ["quiz:117"]
    assert count(page) == "1 item, of 60,064 listed"
    page.type("#search", "quiz:q59")
    page.wait_for("document.querySelector('#count').textContent.startsWith('1 item')")
    page.wait_for("location.hash.endsWith('q59')")
    assert names(page) == ["quiz:q59"]
    page.type("#search", "roots tomatoes")
    page.wait_for("document.querySelector('#count').textContent.startsWith('0 items')")


def test_filters_and_orders_work_together(page: Browser):
    page.choose("#how", "template")
    page.wait_for("location.hash.includes('how=template')")
    assert names(page) == ["other:sun & <b>moon</b>"]
    page.choose("#benchmark", "quiz")
    page.wait_for("location.hash.includes('benchmark=quiz')")
    assert names(page) == []
    page.choose("#how", "dirty")
    page.choose("#sort", "found")
    page.wait_for("location.hash.includes('sort=found')")
    assert names(page)[:2] == ["quiz:q59", "quiz:q58"]
    page.choose("#sort", "item")
    page.wait_for("location.hash.includes('sort=item')")
    assert names(page)[:4] == ["quiz:117", "quiz:q0", "quiz:q1", "quiz:q2"]


def test_sixty_thousand_clean_items_are_paged_and_searched(page: Browser):
    page.choose("#how", CLEAN)
    page.wait_for("location.hash.includes('how=clean')")
    assert count(page) == "1 to 50 of 60,001 items, of 60,064 listed"
    page.click(".pages a")
    page.wait_for("document.querySelector('#count').textContent.startsWith('51 to 100 of')")
    assert "page=2" in page.evaluate("location.hash")
    page.type("#search", "59999")
    page.wait_for("document.querySelector('#count').textContent.startsWith('1 item')")
    assert names(page) == ["other:59999"]


def test_an_item_is_shown_beside_its_passages_with_marks(page: Browser):
    page.click("table.items a")
    page.wait_for("document.body.classList.contains('item')")
    assert page.evaluate("location.hash") == html.unescape(item_address("quiz", "117"))
    assert text(page, "#item h2") == "quiz:117"
    assert "6 of 8 13-grams found, 1 of them too frequent" in text(page, "#item .lead")
    marks = "[...document.querySelectorAll('#item .text mark')].map((e) => e.textContent)"
    assert page.evaluate(marks) == ["what has roots as nobody sees"]
    assert page.evaluate("document.querySelectorAll('#item .field').length") == 2
    assert page.evaluate("document.querySelectorAll('#item .field.beside').length") == 1
    assert text(page, ".passage blockquote mark") == "quiz"
    assert (
        "characters 7 to 9 · 1 N-gram, the first in 20 documents · the document was dropped: quiz"
        in text(page, ".passage")
    )
    assert "1 passage more of it" in text(page, "#item")
    assert page.evaluate("document.querySelector('#list').checkVisibility()") is False


def test_back_leads_to_the_list_as_it_was(page: Browser):
    page.choose("#sort", "found")
    page.wait_for("location.hash.includes('sort=found')")
    page.click("table.items tr:nth-of-type(41) a")
    page.wait_for("document.body.classList.contains('item')")
    page.evaluate("history.back()")
    page.wait_for("!document.body.classList.contains('item')")
    assert names(page)[:2] == ["quiz:q59", "quiz:q58"]
    assert page.evaluate("document.querySelector('#item').hidden")
    page.evaluate("history.forward()")
    page.wait_for("document.body.classList.contains('item')")
    title = text(page, "#item h2")
    page.click(".trail a:last-child")
    page.wait_for(f"document.querySelector('#item h2').innerText !== '{title}'")
    assert page.evaluate("scrollY") == 0


def test_an_items_address_opens_its_page(chromium: Browser, tmp_path: Path):
    opened(chromium, tmp_path, quiz(), "#item?benchmark=other&id=sun+%26+%3Cb%3Emoon%3C%2Fb%3E")
    assert text(chromium, "#item h2") == "other:sun & <b>moon</b>"
    assert "There was no room for its text here" in text(chromium, "#item")
    opened(chromium, tmp_path, quiz(), "#item?benchmark=quiz&id=clear")
    assert "Clean: no N-gram of it is in any document." in text(chromium, "#item")
    opened(chromium, tmp_path, quiz(), "#item?benchmark=quiz&id=none")
    assert "No item of this name is listed here." in text(chromium, "#item")
    opened(chromium, tmp_path, quiz(), "#items?sort=__proto__&how=constructor&page=-9")
    assert count(chromium).startswith("1 to 50 of 62 items")
    assert chromium.faults == []


def test_the_ngrams_lead_to_their_items_and_the_head_back(page: Browser):
    page.evaluate("location.hash = '#item?benchmark=quiz&id=117'")
    page.wait_for("document.body.classList.contains('item')")
    page.evaluate("location.hash = '#ngrams'")
    page.wait_for("!document.body.classList.contains('item') && scrollY > 100")


def test_hostile_texts_run_nothing_and_ask_for_nothing(chromium: Browser, tmp_path: Path):
    with socket.socket() as trap:
        trap.bind(("127.0.0.1", 0))
        trap.listen()
        trap.settimeout(0.2)
        harm = HARM.replace(":9/", f":{trap.getsockname()[1]}/")
        opened(chromium, tmp_path, contamination_of(harm))
        assert names(chromium)[0] == f"{harm}:{harm}"
        chromium.click("table.items a")
        chromium.wait_for("document.body.classList.contains('item')")
        title = "document.querySelector('#item h2').textContent"
        assert chromium.evaluate(title) == f"{harm}:{harm}"
        shown = chromium.evaluate("document.querySelector('#item blockquote').textContent")
        assert shown == harm * 3
        assert chromium.evaluate("document.title") == "Contamination · made · Winnow"
        elements = "document.querySelectorAll('img, iframe, svg[onload], script').length"
        assert chromium.evaluate(elements) == 2
        with pytest.raises(TimeoutError):
            trap.accept()
    assert (chromium.faults, chromium.requests) == ([], [])


def test_a_text_that_turns_the_writing_round_turns_nothing_else(chromium: Browser, tmp_path: Path):
    opened(
        chromium, tmp_path, contamination_of("\u202equiz"), "#item?benchmark=%E2%80%AEquiz&id=moon"
    )
    bearing = (
        "(() => { const walk = document.createTreeWalker(document.querySelector('main'), "
        "NodeFilter.SHOW_TEXT); const found = []; while (walk.nextNode()) "
        "if (walk.currentNode.data.includes('\u202e') && "
        "!walk.currentNode.parentElement.closest('bdi, blockquote, td, th, h1, h2, option, "
        ".lead')) found.push(walk.currentNode.parentElement.outerHTML); return found; })()"
    )
    assert chromium.evaluate(bearing) == []
    styles = (
        "[...new Set([...document.querySelectorAll('bdi, blockquote')].map((e) => "
        "getComputedStyle(e).unicodeBidi))]"
    )
    assert chromium.evaluate(styles) == ["isolate"]


def test_the_policy_refuses_what_it_did_not_name(chromium: Browser, tmp_path: Path):
    """Else the tests above would prove the escaping alone, or watch nothing at all."""
    path = tmp_path / "broken.html"
    page = write_contamination_page(contamination_of("quiz"), name="made")
    path.write_text(
        page.replace("</main>", "</main><script>document.title='owned'</script>"
                     "<img src='http://127.0.0.1:9/x'>"), "utf-8"
    )  # fmt: skip
    chromium.open(path.as_uri())
    assert chromium.evaluate("document.title") == "Contamination · made · Winnow"
    assert [fault for fault in chromium.faults if "Content Security Policy" in fault]


def test_the_page_fits_a_telephone(chromium: Browser, tmp_path: Path):
    chromium.resize(390, 800)
    try:
        opened(chromium, tmp_path, quiz())
        assert chromium.evaluate("document.documentElement.scrollWidth <= innerWidth")
        chromium.click("table.items a")
        chromium.wait_for("document.body.classList.contains('item')")
        assert chromium.evaluate("document.documentElement.scrollWidth <= innerWidth")
    finally:
        chromium.resize(1200, 900)
