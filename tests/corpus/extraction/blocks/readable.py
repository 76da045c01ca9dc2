"""The reading of a page in plain Python: the twin of markup.py's and scan.py's kernels.

It walks lexbor's tree, where the kernels read what lexbor writes back, so a tag that is written in
an unforeseen way shows as well.
"""

# ruff: noqa: RUF001 - punctuation of other scripts is meant
from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from selectolax.lexbor import LexborHTMLParser, LexborNode


def names(text: str) -> list[str]:
    return text.split()


INLINE = names("""
    a span b strong em i br code label time small cite sup sub u s mark font q abbr kbd samp var del
    ins big tt strike bdi bdo nobr ruby rt rp data dfn acronym wbr img input picture source map area
    relative-time svg script style link meta template math noscript bgsound basefont
""")
VOID = names("""
    area base br col embed hr img input link meta param source track wbr keygen frame bgsound
    basefont
""")
NO_TEXT = names("""
    script style template svg iframe object textarea select canvas audio video head datalist
    noembed noframes xmp plaintext
""")
FLAGS = names("""
    hidden article main section nav header footer aside form table ul ol li figure blockquote pre dl
    details noscript p button address td label
""")
# The model knows tokens by these numbers, so they may not change without another model.
SALTS = {"class": 11, "id": 12, "role": 13, "itemprop": 13, "itemtype": 13, "href": 14}
PART, WHOLE, WORD = 1, 2, 3
BASIS, MASK = 0x811C9DC5, 0xFFFFFFFF


def fnv(data: bytes, value: int = BASIS) -> int:
    for byte in data:
        value = (value ^ byte) * 0x01000193 & MASK
    return value


def mixed(a: int, b: int) -> int:
    value = (a ^ b) * 0x9E3779B1  # 64 bits
    return (value ^ (value >> 15)) & MASK


def lower(text: str) -> str:
    """In lower case as far as it is ASCII."""
    return re.sub("[A-Z]+", lambda match: match[0].lower(), text)


def word_token(word: str) -> int:
    return mixed(fnv(lower(word).encode(), BASIS), WORD) & 0xFFFF


def names_of(value: str) -> list[tuple[int, str]]:
    """Parts and wholes in a class, an id, a role or a link."""
    found = []
    for name in re.findall(r"[A-Za-z0-9_\x80-\U0010FFFF-]+", value):
        humps = re.sub("(?<=[a-z])(?=[A-Z])", " ", re.sub("[0-9_-]", " ", name)).split()
        found += [(PART, lower(hump)) for hump in humps]
        if len(humps) > 1:
            found.append((WHOLE, lower(re.sub("[0-9]", "", name))))
    return found


@dataclass(eq=False)
class Element:
    """An element, by its names instead of their numbers."""

    parent: Element | None
    name: str
    number: int
    flags: set[str] = field(default_factory=set)
    names: list[tuple[int, int, str]] = field(default_factory=list)
    """Salt, part or whole, name."""
    signature: int = 0

    @property
    def owner(self) -> Element:
        return self.parent.owner if self.name in INLINE and self.parent else self

    def tokens(self) -> list[int]:
        return [mixed(fnv(name.encode(), salt), kind) & 0xFFFF for salt, kind, name in self.names]


@dataclass
class Block:
    """A block of text and its counts."""

    inner: Element
    links: int
    text: str = ""
    words: list[str] = field(default_factory=list)
    letters: str = ""
    characters: int = 0
    units: int = 0
    link_units: int = 0
    bold_units: int = 0
    capitals: int = 0
    digits: int = 0
    stops: int = 0
    commas: int = 0
    symbols: int = 0
    breaks: int = 0
    uppers: int = 0


def kind_of(character: str) -> str:
    """What a character is to the counts."""
    for kind, characters in (
        ("upper", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"), ("digit", "0123456789０１２３４５６７８９"),
        ("stop", ".!?。．！？"), ("comma", ",;:、，；："), ("symbol", "|@/>#={"),
        ("apostrophe", "'\u2019"), ("blank", " \t\n\r\f\v\xa0\u3000"),
    ):  # fmt: skip
        if character in characters:
            return kind
    code = ord(character)
    if code < 0x80:
        return "letter" if character.isalpha() else "other"
    if 0x2000 <= code <= 0x200B:
        return "blank"
    if code < 0xC0:
        return "letter" if character in "ªµº" else "other"
    is_ideographic_mark = 0x3001 <= code <= 0x3011 and character not in "々〆〇"
    if 0x2000 <= code < 0x2C00 or is_ideographic_mark or 0xFF01 <= code < 0xFF20:
        return "other"
    return "dense" if 0x3000 <= code < 0xE000 else "letter"


class SlowReader:
    """Elements, blocks and title of a page."""

    def __init__(self, html: str) -> None:
        self.elements = [Element(None, "", 0)]
        self.blocks: list[Block] = []
        self.title: list[str] = []
        self._block: Block | None = None
        self._word = ""
        self._breaks = 0
        self._has_blank = False
        self._inside: list[str] = []
        self._read(LexborHTMLParser(html).root)
        self._end_block()

    def _read(self, root: LexborNode) -> None:
        stack = [self.elements[0]]
        for is_start, node in walk(root):
            if node.tag == "-text":
                self._read_text(node.text_content or "", stack[-1])
                continue
            if node.tag == "br":
                self._break_line()
            elif node.tag not in INLINE:
                self._end_block()
            if not is_start:
                stack.pop()
                self._inside.pop()
            elif node.tag not in VOID:
                stack.append(self._open(node, stack[-1]))
                self._inside.append(node.tag)

    def _open(self, node: LexborNode, parent: Element) -> Element:
        element = Element(parent, node.tag, len(self.elements), set(parent.flags))
        element.flags |= {node.tag} & set(FLAGS)
        element.signature = fnv(node.tag.encode()) >> 1
        for name, value in node.attributes.items():
            self._use_attribute(element, name, value or "")
        self.elements.append(element)
        if node.tag == "a" and self._block:
            self._block.links += 1
        if node.tag == "head":
            self._read_titles(node)
        return element

    def _use_attribute(self, element: Element, name: str, value: str) -> None:
        style = lower(value).replace(" ", "")
        if name == "style" and ("display:none" in style or "visibility:hidden" in style):
            element.flags.add("hidden")
        if name == "hidden" or (name == "aria-hidden" and len(value) == 4):
            element.flags.add("hidden")
        if name not in SALTS or (name == "href" and element.name != "a"):
            return
        before = len(element.names)
        found = names_of(written(value))[: 8 if name == "href" else 40]
        element.names += [(SALTS[name], kind, text) for kind, text in found]
        if name == "class":
            for token in element.tokens()[before:]:
                element.signature = mixed(element.signature, token) >> 1

    def _read_titles(self, head: LexborNode) -> None:
        for node in children(head):
            if node.tag == "title" and not self.title:
                text = re.sub("['\u2019]", "", node.text(deep=True))
                self.title = words_of(text)[:254]

    def _read_text(self, text: str, inner: Element) -> None:
        for character in text:
            kind = kind_of(character)
            if self._block is None:
                if kind == "blank":
                    continue
                self._block = Block(inner, links=int("a" in self._inside))
                self._word, self._breaks, self._has_blank = "", 0, False
            self._add(self._block, character, kind)

    def _add(self, block: Block, character: str, kind: str) -> None:
        is_of_word = kind in ("letter", "upper", "digit", "dense")
        if not is_of_word and kind != "apostrophe":
            self._end_word()
        if kind == "blank":
            if "pre" in self._inside:
                block.text += character if character < "\x80" else " "
            else:
                self._has_blank = True
            return
        if self._has_blank and not block.text.endswith("\n"):
            block.text += " "
        self._has_blank, self._breaks = False, 0
        block.text += character
        block.characters += 1
        for name in ("digit", "stop", "comma", "symbol", "upper"):
            setattr(block, f"{name}s", getattr(block, f"{name}s") + (kind == name))
        if not is_of_word:
            return
        units = int(kind == "dense") if self._word else 2
        block.capitals += not self._word and kind == "upper"
        self._word += character
        block.letters += lower(character)
        block.units += units
        block.link_units += units * ("a" in self._inside)
        block.bold_units += units * ("b" in self._inside or "strong" in self._inside)

    def _end_word(self) -> None:
        if self._word and self._block:
            self._block.words.append(self._word)
        self._word = ""

    def _break_line(self) -> None:
        if self._block is None:
            return
        self._breaks += 1
        if self._breaks > 1:
            self._end_block()
            return
        self._end_word()
        self._block.breaks += 1
        self._block.text += "\n"
        self._has_blank = False

    def _end_block(self) -> None:
        self._end_word()
        if self._block and self._block.units:
            self._block.text = self._block.text.rstrip(" \t\n\v\f\r")
            self.blocks.append(self._block)
        self._block = None


def written(value: str) -> str:
    """An attribute's value as it is written between double quotes."""
    for character, reference in (
        ("&", "&amp;"), ("\xa0", "&nbsp;"), ('"', "&quot;"), ("<", "&lt;"), (">", "&gt;"),
    ):  # fmt: skip
        value = value.replace(character, reference)
    return value


def words_of(text: str) -> list[str]:
    of_word = ("letter", "upper", "digit", "dense")
    return "".join(c if kind_of(c) in of_word else " " for c in text).split()


def children(node: LexborNode) -> list[LexborNode]:
    found = []
    child = node.child
    while child is not None:
        found.append(child)
        child = child.next
    return found


def walk(root: LexborNode) -> Iterator[tuple[bool, LexborNode]]:
    """Elements and texts in order: with True before what stands in them and False after it."""
    left = [(True, root)]
    while left:
        is_start, node = left.pop()
        is_element = node.tag is not None and (node.tag == "-text" or node.tag[0] != "-")
        if is_element:
            yield is_start, node
        if is_start and is_element and node.tag not in VOID and node.tag != "-text":
            left.append((False, node))
            if node.tag not in NO_TEXT:
                left += [(True, child) for child in reversed(children(node))]
