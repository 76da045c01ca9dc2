"""The pages that the model is trained and judged on: gold rows and their archived captures.

A gold file is JSON lines, packed or plain, with id, url, source, gold_text (null where there is
none), page_type, must_have and must_not_have (lists of snippets, or null) and record_id; the
captures come from WARC files.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from corpus.errors import InputError
from corpus.extraction.blocks import scan_html
from corpus.extraction.blocks.scan import TEXT_END, TEXT_START, Scan
from corpus.extraction.blocks.structure import Structure, structure_of
from corpus.extraction.blocks.training.labels import WORD, block_words, label_blocks
from corpus.extraction.decode import decode_page
from corpus.extraction.trafilatura import main_text as trafilatura_text
from corpus.urls import registered_domain
from corpus.warc.captures import read_captures

MIN_GOLD_CHARACTERS = 100  # a shorter gold text says that the page has no main text to speak of
MIN_WEAK_BLOCKS = 3  # a page of fewer teaches nothing about the choice between them
MIN_COVERED = 0.5  # of the gold's words: below, the page was captured in another state


@dataclass(slots=True, kw_only=True)
class Page:
    """A page with its blocks, and what is known about them."""

    id: str
    url: str
    domain: str
    source: str
    type: str | None
    html: str
    gold: str | None
    must: list[str]
    must_not: list[str]
    scan: Scan
    structure: Structure
    words: list[list[str]]
    sizes: npt.NDArray[np.int64]
    """int64 (num_blocks,): words of each block."""
    labels: npt.NDArray[np.float32] | None = None
    """float32 (num_blocks,): share of each block's words in the gold text."""
    peer_labels: npt.NDArray[np.float32] | None = None
    """The same of trafilatura's text, for pages without a gold text."""
    snippets: npt.NDArray[np.int8] = field(default_factory=lambda: np.zeros(0, np.int8))
    """int8 (num_blocks,): 1 where a must-have snippet stands, -1 a must-not-have, 0 neither."""

    @property
    def is_gold(self) -> bool:
        """Whether a human's or a reference's text of the page is known."""
        return self.gold is not None and len(self.gold) > MIN_GOLD_CHARACTERS

    @property
    def can_teach(self) -> bool:
        """Whether its labels, or its snippets and a peer's text, can be believed."""
        if not self.is_gold:
            return len(self.words) >= MIN_WEAK_BLOCKS
        if self.labels is None or not len(self.words):
            return False
        num_gold = len(WORD.findall((self.gold or "").lower()))
        return float((self.labels * self.sizes).sum()) >= MIN_COVERED * num_gold


def read_pages(gold: Path, archives: Iterable[Path]) -> Iterator[Page]:
    """Each gold row whose capture is found, in the archives' order, without labels."""
    packed = gold.read_bytes()
    lines = (gzip.decompress(packed) if gold.suffix == ".gz" else packed).splitlines()
    rows: dict[str, dict[str, Any]] = {
        row["record_id"].strip("<>"): row
        for row in map(json.loads, lines)
        if row.get("record_id")
    }
    num_found = 0
    for path in archives:
        for capture in read_captures(str(path)):
            row = rows.get((capture.record_id or "").strip("<>"))
            if row is None:
                continue
            num_found += 1
            yield _page(row, decode_page(capture.payload, charset=capture.charset))
    if not num_found:
        raise InputError(f"{gold}: none of its {len(rows)} records is in the archives given")


def _page(row: dict[str, Any], html: str) -> Page:
    html = html.replace("\0", "")
    scan = scan_html(html)
    words = block_words(scan)
    return Page(
        id=row["id"],
        url=row["url"],
        # Pages of test suites stand on no registered domain: each counts by itself.
        domain=registered_domain(row["url"]) or row["source"] + row["id"],
        source=row["source"],
        type=row["page_type"],
        html=html,
        gold=row["gold_text"],
        must=row["must_have"] or [],
        must_not=row["must_not_have"] or [],
        scan=scan,
        structure=structure_of(scan),
        words=words,
        sizes=np.array([len(block) for block in words], np.int64),
    )


def add_labels(page: Page) -> None:
    """Label the page's blocks by its gold text, or else by a peer's text and its snippets."""
    if page.is_gold:
        page.labels = label_blocks(page.words, page.gold or "")
        return
    page.peer_labels = label_blocks(page.words, trafilatura_text(page.html) or "")
    page.snippets = np.zeros(len(page.words), np.int8)
    text = page.scan.text.tobytes()
    blocks = [
        _folded(text[row[TEXT_START] : row[TEXT_END]].decode("utf-8", "replace"))
        for row in page.scan.block
    ]
    for value, snippets in ((1, page.must), (-1, page.must_not)):
        for snippet in map(_folded, snippets):
            found = [number for number, block in enumerate(blocks) if snippet in block]
            # Which of several copies is the wanted one is not said.
            if value < 0 or len(found) == 1:
                page.snippets[found] = value


def _folded(text: str) -> str:
    return " ".join(text.split())


def fold_of(domain: str, num_folds: int, *, salt: str = "") -> int:
    """The fold of a registered domain: all its pages are in one."""
    return int(hashlib.md5((salt + domain).encode()).hexdigest(), 16) % num_folds
