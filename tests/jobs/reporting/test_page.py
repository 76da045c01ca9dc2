"""The page: nothing that documents say is markup, nothing leaves the machine."""

from __future__ import annotations

import shutil
import socket
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from jobs.reporting.facts import DuplicateFacts
from jobs.reporting.page import POLICY, write_page
from tests.jobs.reporting.conftest import evil, facts_of

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
VOID = {"meta"}


class Elements(HTMLParser):
    """Every element with its attributes, and whether all that was opened was closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += f" {data}"


def test_every_element_is_closed(facts):
    assert Elements(write_page(facts)).open == []


def test_hostile_text_stays_text():
    hostile = Elements(write_page(facts_of(evil(9))))
    plain = Elements(write_page(facts_of("plain words")))
    assert [tag for tag, _ in hostile.found] == [tag for tag, _ in plain.found]
    assert "<script>document.title='owned'" in hostile.text


def test_nothing_is_referred_to():
    for tag, attributes in Elements(write_page(facts_of(evil(9)))).found:
        assert tag not in {"script", "img", "iframe", "link", "object", "embed", "form"}
        assert not [n for n in attributes if n.startswith("on") or n in ("src", "style")]
        assert attributes.get("href") in (None, "contamination.html")


def test_the_browser_is_forbidden_everything_but_the_style(facts):
    assert f'http-equiv="Content-Security-Policy" content="{POLICY}"' in write_page(facts)
    assert POLICY.startswith("default-src 'none'")


def test_the_same_facts_give_the_same_bytes():
    assert write_page(facts_of("x")) == write_page(facts_of("x"))


def test_the_page_says_what_the_facts_say(facts):
    text = " ".join(Elements(write_page(facts)).text.split())
    for said in ("12 captures and lines read", "5 documents kept", "5.200 validation loss",
                 "2 proved to be near-duplicates. With the exact copies they form 7 clusters.",
                 "9 to 16", "1 (20.0 %)"):  # fmt: skip
        assert said in text


def test_a_run_without_links_benchmarks_or_steps_has_a_page():
    facts = facts_of("x")
    facts.stages[0] = type(facts.stages[0])(name="links", taken=0, kept=0, dropped={})
    facts.benchmarks, facts.hits, facts.training, facts.scores = [], [], [], {}
    facts.duplicates, facts.languages, facts.sample = DuplicateFacts(), [], ""
    page = Elements(write_page(facts))
    assert page.open == []
    assert "No benchmark was given." in page.text
    assert [tag for tag, _ in page.found if tag == "a"] == []


@pytest.mark.skipif(CHROMIUM is None, reason="needs a browser")
def test_a_browser_runs_nothing_and_asks_for_nothing(tmp_path: Path):
    with socket.socket() as trap:
        trap.bind(("127.0.0.1", 0))
        trap.listen()
        trap.settimeout(0.2)
        page = tmp_path / "index.html"
        page.write_text(write_page(facts_of(evil(trap.getsockname()[1]))), "utf-8")
        seen = subprocess.run(
            [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
             f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=3000",
             page.as_uri()],
            capture_output=True, text=True, timeout=120, check=True,
        )  # fmt: skip
        with pytest.raises(TimeoutError):
            trap.accept()
    assert 'section id="classifier"' in seen.stdout
    title = seen.stdout.partition("<title>")[2].partition("</title>")[0]
    assert title.endswith("Winnow")
    assert "<script" not in seen.stdout
