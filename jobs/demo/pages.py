"""Articles dressed as web pages, with the furniture that extraction has to take off again.

Four themes stand for four kinds of site: a manual with a sidebar, a portal with cards and a
banner, an old layout without any class, and a blog with comments. Titles, related links and dates
follow from the page's address, so that the same article always gives the same bytes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from jobs.demo.docstrings import Block
from jobs.demo.documentation import PYTHON, Article

SCIENCE = frozenset(
    {"numpy", "scipy", "scikit-learn", "sympy", "networkx", "mpmath", "torch", "numba", "joblib"}
)
DATA = frozenset({"pyspark", "pyarrow", "fsspec", "narwhals", "huggingface-hub", "py4j"})

PYTHON_HOST = "docs.python.example"
SCIENCE_HOST = "reference.science.example"
DATA_HOST = "guides.data.example"
PACKAGES_HOST = "www.packages.example"
NOTICES_HOST = "archive.notices.example"

CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of the demo's web."""

    host: str
    path: str
    title: str
    article: Article
    language: str = "en"

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{self.host}{self.path}"

    @property
    def date(self) -> str:
        """A date of its own, fixed by the address."""
        number = chance(self.url, "date", 3000)
        return f"{2015 + number // 360}-{1 + number // 30 % 12:02d}-{1 + number % 28:02d}"


def chance(*key: object) -> int:
    """A number in [0, last element of the key), fixed by the key."""
    *parts, limit = key
    digest = hashlib.blake2b("\x00".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % int(str(limit))


def page_of(article: Article) -> Page:
    """The page of an article, on the host that its library belongs to."""
    return Page(host=_host(article), path=_path(article), title=_title(article), article=article)


def _host(article: Article) -> str:
    if article.kind == "licence":
        return NOTICES_HOST
    if article.library == PYTHON:
        return PYTHON_HOST
    if article.library in SCIENCE:
        return SCIENCE_HOST
    return DATA_HOST if article.library in DATA else PACKAGES_HOST


def _path(article: Article) -> str:
    name = re.sub(r"[^\w.-]+", "-", article.name).strip("-")
    shelf = {"readme": "about", "licence": "terms"}.get(article.kind, "library")
    return f"/{shelf}/{article.library}/{name}.html"


def _title(article: Article) -> str:
    version = "" if article.version in article.name else f" {article.version}"
    return f"{article.name} - {article.library}{version}"


def render(page: Page, related: Sequence[Page]) -> bytes:
    """The page as UTF-8 HTML, with links to related pages."""
    return THEMES.get(page.host, _blog)(page, related).encode("utf-8")


def _content(blocks: Sequence[Block]) -> str:
    """Blocks as HTML: runs of items and of definitions become one list each."""
    return "\n".join(_elements(blocks))


def _elements(blocks: Sequence[Block]) -> Iterator[str]:
    open_list = ""
    for block in blocks:
        wanted = {"item": "ul", "definition": "dl"}.get(block.kind, "")
        if wanted != open_list:
            yield (f"</{open_list}>" if open_list else "") + (f"<{wanted}>" if wanted else "")
            open_list = wanted
        yield _element(block)
    if open_list:
        yield f"</{open_list}>"


def _element(block: Block) -> str:
    if block.kind == "code":
        return f"<pre><code>{escape(block.text)}</code></pre>"
    text = CODE.sub(r"<code>\1</code>", escape(block.text))
    if block.kind == "definition":
        return f"<dt>{escape(block.term)}</dt><dd>{text}</dd>"
    tag = {"heading": "h2", "item": "li", "broken": "p"}.get(block.kind, "p")
    if block.kind == "broken":  # lines as an old editor wrapped them
        text = "<br>\n".join(escape(line) for line in block.text.split("\n"))
    return f"<{tag}>{text}</{tag}>"


def _links(pages: Sequence[Page]) -> str:
    return "".join(f'<li><a href="{escape(p.url)}">{escape(p.title)}</a></li>' for p in pages)


def _crumbs(page: Page) -> str:
    steps = [step for step in page.path.split("/")[1:-1] if step]
    return " » ".join(f'<a href="/{escape(step)}/">{escape(step)}</a>' for step in ["home", *steps])


def _head(page: Page, style: str) -> str:
    site = page.host.split(".")[1].capitalize()
    return (
        f'<!DOCTYPE html>\n<html lang="{page.language}"><head><meta charset="utf-8">'
        f"<title>{escape(page.title)} | {site}</title>"
        f'<meta name="viewport" content="width=device-width"><link rel="canonical" '
        f'href="{escape(page.url)}"><style>{style}</style>'
        "<script>window.visits = (window.visits || 0) + 1; function track(e) { return e; }</script>"
        "</head>"
    )


def _manual(page: Page, related: Sequence[Page]) -> str:
    outline = "".join(
        f"<li><a href='#s{i}'>{escape(b.text)}</a></li>"
        for i, b in enumerate(page.article.blocks)
        if b.kind == "heading"
    )
    return f"""{_head(page, ".sidebar{float:left;width:14em} .body{margin-left:15em}")}
<body><div class="related" role="navigation"><h3>Navigation</h3><ul><li><a href="/genindex.html">
index</a></li><li><a href="/modindex.html">modules</a> |</li><li>{_crumbs(page)}</li></ul></div>
<div class="document"><div class="sidebar" role="complementary"><h3>On this page</h3>
<ul>{outline}</ul><h3>See also</h3><ul>{_links(related)}</ul><form action="/search"><input name="q">
<input type="submit" value="Go"></form></div>
<div class="body" role="main"><h1>{escape(page.article.name)}</h1>
{_content(page.article.blocks)}
</div></div><div class="footer" role="contentinfo">Last updated on {page.date}. Found a bug?
<a href="/bugs.html">Report it</a>. Created with a documentation builder.</div></body></html>"""


def _portal(page: Page, related: Sequence[Page]) -> str:
    return f"""{_head(page, "body{font-family:sans-serif} aside{float:right;width:20em}")}
<body><div class="cookie-banner">We use cookies to improve your experience. <button>Accept all
</button><button>Settings</button></div><header><a href="/">Home</a><nav><ul><li><a href="/learn">
Learn</a></li><li><a href="/docs">Docs</a></li><li><a href="/community">Community</a></li><li>
<a href="/pricing">Pricing</a></li></ul></nav></header><nav class="breadcrumb">{_crumbs(page)}</nav>
<main><article><header><h1>{escape(page.title)}</h1><p class="meta">Updated {page.date} by the
documentation team</p></header>
{_content(page.article.blocks)}
</article></main><aside><h3>Related</h3><ul>{_links(related)}</ul><div class="promo"><h4>Join the
newsletter</h4><p>One mail a month, no spam.</p><input type="email"></div></aside>
<footer><ul><li><a href="/privacy">Privacy</a></li><li><a href="/terms">Terms</a></li></ul>
<p>&copy; {page.date[:4]} The contributors. All rights reserved.</p></footer></body></html>"""


def _old(page: Page, related: Sequence[Page]) -> str:
    return f"""{_head(page, "body{margin:2em}")}
<body bgcolor="#ffffff"><table width="100%" border="0"><tr><td><font size="2">{_crumbs(page)}</font>
</td><td align="right"><a href="/cgi-bin/search">Search</a></td></tr></table><hr>
<h1>{escape(page.article.name)}</h1>
{_content(page.article.blocks)}
<hr><center><b>Menu</b><ul>{_links(related)}</ul><font size="1">Webmaster | Best viewed at 800x600 |
{page.date}</font></center></body></html>"""


def _blog(page: Page, related: Sequence[Page]) -> str:
    return f"""{_head(page, ".post{max-width:40em;margin:auto}")}
<body class="home blog"><div id="top"><a href="/">Notes</a> <a href="/archive">Archive</a>
<a href="/feed.xml">RSS</a></div><div class="post"><h1 class="entry-title">{escape(page.title)}</h1>
<div class="byline">Posted on {page.date} in <a href="/tag/python">python</a></div>
<div class="entry-content">
{_content(page.article.blocks)}
</div><div class="share"><a href="#">Share</a> <a href="#">Tweet</a> <a href="#">Save</a></div>
<div id="comments" class="comments"><h3>2 comments</h3><div class="comment"><b>reader</b> says:
<p>Thanks, this helped me.</p></div><div class="comment"><b>anon</b> says: <p>First!</p></div></div>
<div class="related-posts"><h3>You may also like</h3><ul>{_links(related)}</ul></div></div>
<div id="footer">Powered by a static site generator</div></body></html>"""


THEMES: dict[str, Callable[[Page, Sequence[Page]], str]] = {
    PYTHON_HOST: _manual,
    SCIENCE_HOST: _manual,
    DATA_HOST: _portal,
    PACKAGES_HOST: _portal,
    NOTICES_HOST: _old,
}
