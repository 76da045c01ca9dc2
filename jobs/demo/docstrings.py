"""Docstrings as blocks: headings, paragraphs, list items, definitions and code.

It reads the habits of reStructuredText, numpydoc, Google style and Markdown well enough to make a
page of them; what it does not know stays a paragraph.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_CODE_LINES = 8  # an example longer than this is cut: pages are to be prose

UNDERLINE = re.compile(r"^([=\-~^*`#\"'])\1{2,}\s*$")
MARKDOWN_HEADING = re.compile(r"^#{1,4}\s+(.+?)\s*#*$")
GOOGLE_HEADING = re.compile(
    r"^(Args|Arguments|Returns?|Raises|Yields|Notes?|Examples?|Attributes|References|See Also):$"
)
FIELD = re.compile(r"^:(\w+)(?:\s+([^:]+))?:(?:\s+(.*))?$")
BULLET = re.compile(r"^(?:[-*+•]|\d{1,2}[.)]|\.\. \[\w+\])\s+(.+)$")
DEFINITION = re.compile(r"^(\*{0,2}\w[\w., *\\]{0,60}?)\s+:\s+(\S.*)$")
ARGUMENT = re.compile(r"^(\*{0,2}\w+ \([^)]{2,60}\)):\s+(\S.*)$")
DIRECTIVE = re.compile(r"^\.\.\s+([\w:-]+)::\s*(.*)$")
MARKUP = (
    (re.compile(r"!?\[([^\]]*)\]\([^)]*\)"), r"\1"),  # Markdown links and images
    (re.compile(r":[\w:]+:`~?([^`<]+?)(?:\s*<[^`]*>)?`"), r"`\1`"),  # rst roles
    (re.compile(r"`([^`<]+?)\s*<[^`>]*>`__?"), r"\1"),  # rst links
    (re.compile(r"``+"), "`"),
    (re.compile(r"\*\*([^*]+)\*\*"), r"\1"),
    (re.compile(r"<[^<>]{1,5000}>"), ""),  # HTML of a README
    (re.compile(r"\s+"), " "),
)
SILENT_DIRECTIVES = frozenset(
    {"image", "figure", "plot", "toctree", "autosummary", "currentmodule", "module", "math", "raw",
     "testsetup", "code-block", "code", "sourcecode", "highlight", "include",
     "autoclass", "autofunction", "automodule", "index", "sectionauthor"}
)


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a page; `term` is what a definition defines."""

    kind: str
    text: str
    term: str = ""

    @property
    def is_prose(self) -> bool:
        """Whether it is running text, which a reader reads word for word."""
        return self.kind in ("paragraph", "item", "definition")


def count_words(block: Block) -> int:
    """Words of the block by white space."""
    return len(block.text.split())


def blocks_of(docstring: str) -> list[Block]:
    """The blocks of a docstring or README, in order."""
    text = inspect.cleandoc(docstring.replace("\x00", "").replace("\r\n", "\n"))
    return [block for block in _parse(text.split("\n")) if block.text]


def _parse(lines: list[str]) -> Iterator[Block]:
    i = 0
    while i < len(lines):
        chunk = _chunk(lines, i)
        i += max(1, len(chunk))
        if chunk:
            yield from _blocks_of_chunk(chunk)


def _chunk(lines: list[str], start: int) -> list[str]:
    """Lines from `start` to the next blank line or example; fenced code as a whole."""
    end = start
    is_fenced = lines[start].lstrip().startswith("```")
    is_example = lines[start].lstrip().startswith(">>>")
    while end < len(lines) and (lines[end].strip() or is_fenced):
        if end > start and not is_fenced and not is_example and lines[end].lstrip()[:3] == ">>>":
            break
        end += 1
        if is_fenced and end - start > 1 and lines[end - 1].lstrip().startswith("```"):
            break
    return lines[start:end]


def _blocks_of_chunk(chunk: list[str]) -> Iterator[Block]:
    first = chunk[0].strip()
    heading = MARKDOWN_HEADING.match(first) or GOOGLE_HEADING.match(first)
    directive = DIRECTIVE.match(first)
    if _is_code(chunk):
        code = [line for line in chunk if not line.lstrip().startswith("```")]
        yield Block("code", inspect.cleandoc("\n".join(code[:MAX_CODE_LINES])))
    elif heading:
        yield Block("heading", _clean(heading.group(1)))
        yield from _flow(chunk[1:])
    elif len(chunk) > 1 and UNDERLINE.match(chunk[1].strip()):
        yield Block("heading", _clean(first))
        yield from _flow(chunk[2:])
    elif directive:
        if directive.group(1) not in SILENT_DIRECTIVES:
            yield from _flow([directive.group(2), *chunk[1:]])
    else:
        yield from _flow([line for line in chunk if not UNDERLINE.match(line.strip())])


def _is_code(chunk: list[str]) -> bool:
    first = chunk[0].strip()
    if first.startswith((">>>", "...", "$ ", "```", "|", "+--", "% ", "In [")):
        return True
    body = "".join(chunk)
    letters = sum(c.isalpha() or c.isspace() for c in body)
    has_code_sign = re.search(r"\w\(\w*\)|[{}=;]|->", body) is not None
    return has_code_sign and chunk[0].startswith("    ") and letters < 0.9 * len(body)


def _flow(lines: list[str]) -> Iterator[Block]:
    """Paragraphs, items and definitions of lines without a blank one between."""
    kind, term = "paragraph", ""
    gathered: list[str] = []
    for line in lines:
        stripped = line.strip()
        opened = _opening(stripped, is_flush=line == stripped)
        if opened is None:
            gathered.append(stripped)
            continue
        if gathered or term:
            yield Block(kind, _clean(" ".join(gathered)), _clean(term))
        kind, term, gathered = opened
        if kind == "heading":
            yield Block(kind, gathered[0])
            kind, gathered = "paragraph", []
    if gathered or term:
        yield Block(kind, _clean(" ".join(gathered)), _clean(term))


def _opening(line: str, *, is_flush: bool) -> tuple[str, str, list[str]] | None:
    """(kind, term, first words) where the line opens an item, a definition or a section."""
    if section := GOOGLE_HEADING.match(line):
        return "heading", "", [section.group(1)]
    if bullet := BULLET.match(line):
        return "item", "", [bullet.group(1)]
    if field := FIELD.match(line):
        return "definition", field.group(2) or field.group(1), [field.group(3) or ""]
    if argument := ARGUMENT.match(line):
        return "definition", argument.group(1), [argument.group(2)]
    if (definition := DEFINITION.match(line)) and is_flush:
        return "definition", f"{definition.group(1)} : {definition.group(2)}", []
    return None


def _clean(text: str) -> str:
    """Inline markup taken off, white space joined; backquotes stay and become code."""
    for pattern, replacement in MARKUP:
        text = pattern.sub(replacement, text)
    return text.strip()
