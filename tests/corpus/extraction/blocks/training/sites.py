"""Small invented sites with the text that is theirs, and the files that hold them."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from corpus.extraction.blocks.training.pages import Page, add_labels, read_pages
from tests.warcs import record, record_id

WORDS = (
    "river hill town valley sea child year water stone bridge road forest summer winter light "
    "field north wind harbour island market story people house night morning letter paper window"
)
ARTICLE_CLASSES = ("article-body", "postContent", "entry-content main", "story text")
MENU_CLASSES = ("navMenu", "top-nav", "menu main-menu", "site-links")


def sentence(rng: random.Random, *, num_words: int) -> str:
    words = rng.choices(WORDS.split(), k=num_words)
    return f"{' '.join(words).capitalize()}."


def site_page(number: int, *, seed: int = 0) -> tuple[str, str]:
    """HTML of a page of site number `number`, and its main text."""
    rng = random.Random(1_000 * seed + number)
    names = MENU_CLASSES[number % 4], ARTICLE_CLASSES[number % 3]
    title = sentence(rng, num_words=5)
    paragraphs = [sentence(rng, num_words=rng.randrange(8, 40)) for _ in range(12)]
    menu = "".join(f"<li><a href=/{w}>{w.title()}</a></li>" for w in rng.sample(WORDS.split(), 14))
    related = "".join(
        f"<div class=card><a href=/r{n}>{sentence(rng, num_words=4)}</a></div>" for n in range(8)
    )
    body = "".join(f"<p>{text}</p>" for text in paragraphs)
    html = (
        f"<html><head><title>{title} - Site {number}</title></head><body>"
        f"<div class='{names[0]}'><ul>{menu}</ul></div>"
        f"<div class='{names[1]}'><h1>{title}</h1>{body}</div>"
        f"<div class=related-links>{related}</div><div class=footer>© Site {number} 2024</div>"
        "</body></html>"
    )
    return html, "\n".join([title, *paragraphs])


def row(number: int, gold: str | None, **fields: Any) -> dict[str, Any]:
    """A row of a gold file for a page of site number `number`."""
    return {
        "id": f"p{number}",
        "url": f"http://www.site{number}.org/a",
        "source": ("first", "second")[number % 2],
        "gold_text": gold,
        "page_type": "article",
        "must_have": None,
        "must_not_have": None,
        "record_id": record_id(number).strip("<>"),
    } | fields


def write_files(
    folder: Path, rows: list[dict[str, Any]], bodies: dict[int, bytes]
) -> tuple[Path, list[Path]]:
    """A gold file of these rows and an archive of these captures, by number."""
    gold, archive = folder / "gold.jsonl", folder / "a.warc.gz"
    gold.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    archive.write_bytes(b"".join(record(body, number=n) for n, body in bodies.items()))
    return gold, [archive]


def labelled_pages(folder: Path, numbers: range, *, num_weak: int = 0) -> list[Page]:
    """Pages of so many sites, the last ones without a gold text but with snippets."""
    rows, bodies = [], {}
    for number in numbers:
        html, text = site_page(number)
        is_weak = number >= numbers.stop - num_weak
        snippets = {"must_have": [text.split("\n")[3]], "must_not_have": [f"Site {number} 2024"]}
        rows.append(row(number, None, **snippets) if is_weak else row(number, text))
        bodies[number] = html.encode()
    pages = list(read_pages(*write_files(folder, rows, bodies)))
    for page in pages:
        add_labels(page)
    return pages
