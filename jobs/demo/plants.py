"""What the demo hides in its web, so that the run can be checked against the truth.

A plant says where it lies and what the pipeline owes it. The kinds are in KINDS, with that promise
in a few words; check.py holds the finished tables against them. Everything here is pure: articles
in, pages and plants out, all chance from a hash of the page's address.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.demo.docstrings import Block
from jobs.demo.documentation import Article
from jobs.demo.foreign import PARAGRAPHS
from jobs.demo.pages import Page, chance

MIRROR_HOST = "mirror.copies.example"
EDITED_HOST = "notes.rewritten.example"
JUNK_HOST = "deals.bargain.example"
FOREIGN_HOST = "welt.monde.example"

NUM_MIRRORED = 60
NUM_EDITED = 50
NUM_REWRITTEN = 30
NUM_JUNK_OF_A_KIND = 18
NUM_FOREIGN_OF_A_LANGUAGE = 12
NUM_PASSAGES = 60
NUM_CLEAN_ITEMS = 40

NGRAM = 8  # an item shares no run of so many words with any page but its host (GPT-2, section 4)
SHINGLE = 5
WORD = re.compile(r"[^\W_]+")

KINDS: dict[str, str] = {
    "mirrored page": "one copy survives at most",
    "edited page": "one copy survives at most",
    "rewritten page": "not taken for a duplicate",
    "manual page": "one copy survives at most",
    "junk page": "dropped by the screen",
    "foreign page": "dropped by the screen",
    "benchmark passage": "found, and in no text that goes on",
    "clean item": "not called dirty",
    "damaged record": "counted, and costs no other record",
    "dead link": "failed for the right reason",
    "forbidden page": "never asked for",
    "moved page": "found at its new address",
    "low karma": "never fetched",
    "high karma": "fetched, however the score is written",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """One planted thing: `partner` is the page it copies, `detail` its variety or item."""

    kind: str
    url: str
    partner: str = ""
    detail: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One question of the demo's benchmark."""

    item_id: str
    question: str
    answer: str


def words_of(text: str) -> list[str]:
    """Lower-cased words, for the demo's own reckoning."""
    return WORD.findall(text.lower())


def shingles_of(blocks: Iterable[Block], size: int) -> set[tuple[str, ...]]:
    """Runs of `size` words of the blocks' text."""
    words = words_of("\n".join(f"{block.term} {block.text}" for block in blocks))
    return {tuple(words[i : i + size]) for i in range(len(words) - size + 1)}


def jaccard(one: Sequence[Block], other: Sequence[Block]) -> float:
    """Similarity of two pages' 5-word shingles."""
    a, b = shingles_of(one, SHINGLE), shingles_of(other, SHINGLE)
    return len(a & b) / max(1, len(a | b))


def original_pages(pages: Sequence[Page]) -> list[Page]:
    """Pages fit to be copied: 250 words and more, mostly paragraphs that no other page has."""
    owners = Counter(block.text for page in pages for block in page.article.blocks)
    fit = []
    for page in pages:
        prose = [block for block in page.article.blocks if block.is_prose]
        long = [block for block in prose if len(block.text.split()) >= 8]
        shared = sum(owners[block.text] > 1 for block in long)
        is_own = len(long) >= 6 and shared * 10 < len(long)
        if 250 <= page.article.num_words <= 1800 and is_own and _text_share(page) > 0.6:
            fit.append(page)
    return fit


def _text_share(page: Page) -> float:
    """Share of a page's words that stand in paragraphs and items, not in lists of parameters."""
    text = [len(b.text.split()) for b in page.article.blocks if b.kind in ("paragraph", "item")]
    return sum(text) / max(1, sum(len(b.text.split()) for b in page.article.blocks))


def mirror(page: Page) -> tuple[Page, Plant]:
    """The same article on another host, in other clothes."""
    copy = dataclasses.replace(page, host=MIRROR_HOST, path=f"/{page.host}{page.path}")
    return copy, Plant(kind="mirrored page", url=copy.url, partner=page.url)


def edit(page: Page) -> tuple[Page, Plant]:
    """A copy with about 3 % of its words changed, in runs as an editor leaves them."""
    blocks = _edited(page, run=8, share=0.03)
    copy = _copy(page, EDITED_HOST, f"/edited{page.path}", blocks)
    return copy, Plant(kind="edited page", url=copy.url, partner=page.url)


def rewrite(page: Page) -> tuple[Page, Plant]:
    """A copy with every tenth word changed: near, but no duplicate at a threshold of 0.8."""
    blocks = _edited(page, run=1, share=0.1)
    copy = _copy(page, EDITED_HOST, f"/rewritten{page.path}", blocks)
    return copy, Plant(kind="rewritten page", url=copy.url, partner=page.url)


def _copy(page: Page, host: str, path: str, blocks: Sequence[Block]) -> Page:
    article = dataclasses.replace(page.article, blocks=tuple(blocks))
    return dataclasses.replace(page, host=host, path=path, article=article)


def _edited(page: Page, *, run: int, share: float) -> list[Block]:
    """Prose blocks with runs of words replaced by other words of the page, evenly spread."""
    blocks = page.article.blocks
    pool = [word for block in blocks if block.is_prose for word in block.text.split()]
    step = max(run + 1, round(run / share))
    position = chance(page.url, "edit", step // 2) + step // 4
    edited = []
    for block in blocks:
        words = block.text.split()
        if block.is_prose:
            for i in range(len(words)):
                if (position + i) % step < run:
                    words[i] = pool[chance(page.url, "word", position + i, len(pool))]
            position += len(words)
            block = dataclasses.replace(block, text=" ".join(words))
        edited.append(block)
    return edited


JUNK_TEXT = (
    "cheap buy best online sale discount offer free shipping deal price shop store coupon "
    "code promo bonus casino poker loan credit insurance mortgage watches replica handbags "
    "shoes sneakers tablets pills diet keto weight loss crypto bitcoin trading signals "
    "hosting domain seo backlinks traffic click subscribe download crack serial keygen "
    "torrent movie streaming hd mp3 ringtones wallpapers"
)
JUNK_WORDS = tuple(JUNK_TEXT.split())
LOREM = (
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor "
    "incididunt ut labore et dolore magna aliqua. Ut enim ad minim veniam, quis nostrud "
    "exercitation ullamco laboris nisi ut aliquip ex ea commodo consequat. Duis aute irure "
    "dolor in reprehenderit in voluptate velit esse cillum dolore eu fugiat nulla pariatur."
)


def _any(choices: Sequence[str], *key: object) -> str:
    return choices[chance(*key, len(choices))]


def _word_salad(key: str) -> list[str]:
    return [" ".join(_any(JUNK_WORDS, key, p, w) for w in range(40)) for p in range(6)]


def _too_short(key: str) -> list[str]:
    products = ("kettle", "umbrella", "lantern", "bicycle", "blanket", "teapot", "ladder")
    return [f"This {_any(products, key)} is out of stock. Come back later."]


def _symbol_soup(key: str) -> list[str]:
    signs = ("####", "...", "***", "|||", "~~~", "=>", "###", "++", "---", "the", "and", "page")
    return [" ".join(_any(signs, key, p, w) for w in range(50)) for p in range(5)]


def _repeated_lines(key: str) -> list[str]:
    extension = chance(key, "extension", 9000)
    return [f"Call our friendly team at extension {extension} and save with us today."] * 40


def _lorem_ipsum(key: str) -> list[str]:
    sentences = LOREM.split(". ")
    turn = chance(key, "turn", len(sentences))
    return [". ".join(sentences[turn:] + sentences[:turn]) for _ in range(4)]


JUNK: dict[str, Callable[[str], list[str]]] = {
    "word salad": _word_salad,
    "too short": _too_short,
    "symbol soup": _symbol_soup,
    "repeated lines": _repeated_lines,
    "lorem ipsum": _lorem_ipsum,
}


def junk_pages() -> list[tuple[Page, Plant]]:
    """Pages that no reader wants, a number of each kind."""
    planted = []
    for kind, paragraphs in JUNK.items():
        for number in range(NUM_JUNK_OF_A_KIND):
            path = f"/{kind.replace(' ', '-')}/{number:02d}.html"
            page = _made_page(JUNK_HOST, path, f"Best offers {number}", paragraphs(path))
            planted.append((page, Plant(kind="junk page", url=page.url, detail=kind)))
    return planted


def foreign_pages() -> list[tuple[Page, Plant]]:
    """Pages of real prose in languages that the recipe does not ask for."""
    planted = []
    for language, paragraphs in PARAGRAPHS.items():
        for number in range(NUM_FOREIGN_OF_A_LANGUAGE):
            path = f"/{language}/{number:02d}.html"
            order = _shuffled(paragraphs, path)
            page = _made_page(FOREIGN_HOST, path, order[0].split(",")[0][:60], order[:4])
            page = dataclasses.replace(page, language=language)
            planted.append((page, Plant(kind="foreign page", url=page.url, detail=language)))
    return planted


def _shuffled(texts: Sequence[str], key: str) -> list[str]:
    return sorted(texts, key=lambda text: chance(key, text, 1 << 32))


def _made_page(host: str, path: str, title: str, paragraphs: Sequence[str]) -> Page:
    blocks = tuple(Block("paragraph", text) for text in paragraphs)
    article = Article(library="made", version="1", name=title, kind="made", blocks=blocks)
    return Page(host=host, path=path, title=title, article=article)


def benchmark_items(held_back: Sequence[Article], web: Sequence[Sequence[Block]]) -> list[Item]:
    """Questions made of paragraphs that share no run of 8 words with the web or one another."""
    candidates = [
        (article.name, block)
        for article in held_back
        for block in article.blocks
        if block.kind == "paragraph" and 25 <= len(words_of(block.text)) <= 70
    ]
    owners: Counter[tuple[str, ...]] = Counter()
    for _, block in candidates:
        owners.update(shingles_of([block], NGRAM))
    taken = {gram for blocks in web for gram in shingles_of(blocks, NGRAM) if gram in owners}
    items: list[Item] = []
    for name, block in candidates:
        grams = shingles_of([block], NGRAM)
        if not grams & taken and all(owners[gram] == 1 for gram in grams):
            number = f"demo-{len(items):03d}"
            items.append(Item(item_id=number, question=block.text, answer=name))
    return items[: NUM_PASSAGES + NUM_CLEAN_ITEMS]


def contaminate(page: Page, item: Item) -> tuple[Page, Plant]:
    """The page with the item's question in its middle: verbatim, wrapped by hand, or shouted."""
    varieties = ("verbatim", "wrapped", "shouted")
    variety = varieties[int(item.item_id.split("-")[1]) % len(varieties)]
    blocks = list(page.article.blocks)
    blocks.insert(_middle(blocks), _passage(item.question, variety))
    carrier = _copy(page, page.host, page.path, blocks)
    detail = f"{variety} {item.item_id}"
    return carrier, Plant(kind="benchmark passage", url=carrier.url, detail=detail)


def _middle(blocks: Sequence[Block]) -> int:
    """Where half of the words stand before, next to a paragraph."""
    half = sum(len(block.text) for block in blocks) / 2
    seen = 0
    for i, block in enumerate(blocks):
        seen += len(block.text)
        if seen >= half and block.kind == "paragraph":
            return i + 1
    return len(blocks)


def _passage(question: str, variety: str) -> Block:
    if variety == "wrapped":
        words = question.split()
        lines = [" ".join(words[i : i + 7]) for i in range(0, len(words), 7)]
        return Block("broken", "\n".join(lines))
    if variety == "shouted":
        return Block("paragraph", question.upper().replace(", ", " - ").replace(" ", "  "))
    return Block("paragraph", question)
