"""The demo's web: which pages there are, who links to them, and where they lie.

Of the articles some are held back as benchmark questions, some become the text source `manuals`,
and the rest become pages. Pages with much to read are linked from the Reddit dump (they become
`webtext`); half of those lie in the archive already, half only on the site, so that the crawler
has to fetch them. The other pages, and most junk, are the raw crawl. `build_web` writes it all
below one folder:

    archive/*.warc.gz  reddit/RS_demo.zst  text/manuals.jsonl.gz  benchmark/quiz.jsonl
    site/HOST/PATH     site/routes.json    plants.jsonl    archived.txt
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from corpus.errors import SetupError
from jobs.demo import plants
from jobs.demo.archive import write_archives
from jobs.demo.documentation import Article, read_documentation
from jobs.demo.dump import write_dump
from jobs.demo.pages import PYTHON_HOST, Page, chance, page_of, render
from jobs.demo.plants import Item, Plant

ARTICLES_PER_LIBRARY = 80
MIN_PAGES = 1_500
NUM_BASE_PAGES = 1_450
LINKED_SHARE = 0.55  # of the base pages: those with most to read
NUM_LOW_KARMA = 40
NUM_MANUALS = 120
NUM_MANUAL_COPIES = 10
NUM_RELATED = 6


@dataclass(slots=True)
class Web:
    """Everything before it is written."""

    archived: list[Page] = field(default_factory=list)
    on_site: list[Page] = field(default_factory=list)
    linked: list[str] = field(default_factory=list)
    """Addresses with enough karma."""
    disliked: list[str] = field(default_factory=list)
    """Addresses with too little."""
    routes: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What the site answers instead of a page, by address."""
    manuals: list[Article] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    plants: list[Plant] = field(default_factory=list)

    @property
    def pages(self) -> list[Page]:
        """All pages, archived first."""
        return self.archived + self.on_site


def build_web(folder: Path) -> Web:
    """Plan the web from this machine's documentation and write it below the folder."""
    web = plan_web(read_documentation(per_library=ARTICLES_PER_LIBRARY))
    if len(web.pages) < MIN_PAGES:
        raise SetupError(
            f"the installed packages document only {len(web.pages)} pages, expected {MIN_PAGES}: "
            'install the demo\'s packages with `pip install "winnow[train]"`'
        )
    write_web(web, folder)
    return web


def plan_web(articles: list[Article]) -> Web:
    """The whole web as values; the same articles give the same web."""
    web = Web()
    by_chance = sorted(articles, key=lambda a: chance(a.library, a.name, "draw", 1 << 60))
    held_back, rest = by_chance[: len(by_chance) // 12], by_chance[len(by_chance) // 12 :]
    num_manuals = min(NUM_MANUALS, len(rest) // 10)
    web.manuals, rest = rest[:num_manuals], rest[num_manuals : num_manuals + NUM_BASE_PAGES]
    base = _with_most_to_read_first([page_of(article) for article in rest])
    num_linked = round(LINKED_SHARE * len(base))
    linked, crawl = base[:num_linked], base[num_linked:]
    linked = _plant_copies(web, linked)
    linked = _plant_passages(web, linked, crawl, held_back)
    for page in linked:
        _place(web, page, is_live=chance(page.url, "live", 2) == 0)
    _place_crawl(web, crawl)
    _plant_noise(web)
    _plant_dead_links(web)
    return web


def _with_most_to_read_first(pages: list[Page]) -> list[Page]:
    """By words of prose, with noise: length alone is not to tell the two classes apart."""
    return sorted(
        {page.url: page for page in pages}.values(),
        key=lambda p: (-p.article.num_words * (1 + chance(p.url, "taste", 4)), p.url),
    )


def _place(web: Web, page: Page, *, is_live: bool) -> None:
    """Put a linked page on the site alone, or into the archive too."""
    (web.on_site if is_live else web.archived).append(page)
    web.linked.append(page.url)


def _plant_copies(web: Web, linked: list[Page]) -> list[Page]:
    """Mirrors, edited and rewritten copies of some linked pages; returns all linked pages."""
    originals = sorted(plants.original_pages(linked), key=lambda p: chance(p.url, "copy", 1 << 60))
    num_copies = (plants.NUM_MIRRORED, plants.NUM_EDITED, plants.NUM_REWRITTEN)
    copies: list[Page] = []
    for make, number in zip((plants.mirror, plants.edit, plants.rewrite), num_copies, strict=True):
        chosen, originals = originals[:number], originals[number:]
        for page in chosen:
            copy, plant = make(page)
            copies.append(copy)
            web.plants.append(plant)
    for page in originals[:NUM_MANUAL_COPIES]:
        web.manuals.append(page.article)
        url = _manual_url(page.article)
        web.plants.append(Plant(kind="manual page", url=url, partner=page.url))
    return linked + copies


def _plant_passages(
    web: Web, linked: list[Page], crawl: list[Page], held_back: list[Article]
) -> list[Page]:
    """Benchmark questions in the middle of some linked pages that nothing else is planted on."""
    texts = [page.article.blocks for page in linked + crawl]
    texts += [article.blocks for article in web.manuals]
    web.items = plants.benchmark_items(held_back, texts)
    busy = {address for plant in web.plants for address in (plant.url, plant.partner)}
    free = [page for page in plants.original_pages(linked) if page.url not in busy]
    carriers: dict[str, Page] = {}
    for page, item in zip(free, web.items[: plants.NUM_PASSAGES], strict=False):
        carriers[page.url], plant = plants.contaminate(page, item)
        web.plants.append(plant)
    for item in web.items[len(carriers) :]:
        web.plants.append(Plant(kind="clean item", url="", detail=item.item_id))
    return [carriers.get(page.url, page) for page in linked]


def _place_crawl(web: Web, crawl: list[Page]) -> None:
    """The raw crawl, and the pages that only posts with too little karma link to."""
    disliked, archived = crawl[:NUM_LOW_KARMA], crawl[NUM_LOW_KARMA:]
    web.archived += archived
    web.on_site += disliked
    web.disliked += [page.url for page in disliked]
    web.plants += [Plant(kind="low karma", url=page.url) for page in disliked]
    web.plants += [Plant(kind="high karma", url=url) for url in web.linked]


def _plant_noise(web: Web) -> None:
    """Junk and foreign pages: most in the crawl, every fifth liked by somebody."""
    for page, plant in plants.junk_pages() + plants.foreign_pages():
        web.plants.append(plant)
        if chance(page.url, "liked", 5) == 0:
            _place(web, page, is_live=chance(page.url, "live", 2) == 0)
        else:
            web.archived.append(page)


def _plant_dead_links(web: Web) -> None:
    """Links that lead nowhere, in circles, behind a fence, or elsewhere."""
    root = f"http://{PYTHON_HOST}"
    for n in range(10):
        _dead(web, f"{root}/gone/{n}.html", "missing")
    for n in range(4):
        one, two = f"{root}/loop/{n}/a", f"{root}/loop/{n}/b"
        web.routes[one] = {"status": 302, "location": two}
        web.routes[two] = {"status": 302, "location": one}
        _dead(web, one, "redirect loop")
    for n in range(6):
        url = f"{root}/private/{n}.html"
        web.plants.append(Plant(kind="forbidden page", url=url))
        web.linked.append(url)
    live = [page for page in web.on_site if page.url in set(web.linked)]
    for n, page in enumerate(live[:8]):
        url = f"{root}/moved/{n}"
        web.routes[url] = {"status": (301, 302, 307, 308)[n % 4], "location": page.url}
        web.plants.append(Plant(kind="moved page", url=url, partner=page.url))
        web.linked.append(url)
    for page in live[8:11]:
        web.routes[page.url] = {"delay": 1.0}


def _dead(web: Web, url: str, why: str) -> None:
    web.plants.append(Plant(kind="dead link", url=url, detail=why))
    web.linked.append(url)


def _manual_url(article: Article) -> str:
    return f"http://manuals.example/{article.library}/{article.name.replace(' ', '-')}"


def write_web(web: Web, folder: Path) -> None:
    """Write archives, dump, text, benchmark, site and the list of plants below the folder."""
    rendered = {page.url: render(page, _related(web.pages, i)) for i, page in enumerate(web.pages)}
    web.plants += write_archives(folder / "archive", [(p, rendered[p.url]) for p in web.archived])
    write_dump(folder / "reddit" / "RS_demo.zst", linked=web.linked, disliked=web.disliked)
    _write_site(folder / "site", rendered, web.routes)
    _write_manuals(folder / "text" / "manuals.jsonl.gz", web.manuals)
    _write_lines(
        folder / "benchmark" / "quiz.jsonl",
        ({"id": i.item_id, "question": i.question, "answer": i.answer} for i in web.items),
    )
    damaged = {plant.url for plant in web.plants if plant.kind == "damaged record"}
    whole = [page.url for page in web.archived if page.url not in damaged]
    (folder / "archived.txt").write_text("".join(f"{url}\n" for url in whole), "utf-8")
    _write_lines(folder / "plants.jsonl", (plant.to_json() for plant in web.plants))


def _related(pages: list[Page], position: int) -> list[Page]:
    """Neighbours of the page, of its own host where there are some."""
    page = pages[position]
    near = [pages[(position + step) % len(pages)] for step in range(1, 40)]
    own = [other for other in near if other.host == page.host]
    return (own + near)[:NUM_RELATED]


def _write_site(
    folder: Path, rendered: dict[str, bytes], routes: dict[str, dict[str, Any]]
) -> None:
    hosts = set()
    for url, body in rendered.items():
        path = folder / url.removeprefix("http://")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        hosts.add(url.split("/")[2])
    for host in sorted(hosts):
        (folder / host / "robots.txt").write_text("User-agent: *\nDisallow: /private/\n")
    (folder / PYTHON_HOST / "private").mkdir(exist_ok=True)
    for number in range(6):
        fenced = "<html><body><p>For members only.</p></body></html>"
        (folder / PYTHON_HOST / "private" / f"{number}.html").write_text(fenced)
    (folder / "routes.json").write_text(json.dumps(routes, indent=1, sort_keys=True) + "\n")


def _write_manuals(path: Path, articles: list[Article]) -> None:
    lines = [
        {
            "id": f"{article.library}/{article.name}",
            "url": _manual_url(article),
            "title": article.name,
            "text": "\n".join(_plain_lines(article)),
        }
        for article in articles
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode("utf-8"), mtime=0))


def _plain_lines(article: Article) -> Iterable[str]:
    yield article.name
    for block in article.blocks:
        if block.term:
            yield block.term
        yield block.text.replace("`", "")


def _write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
