"""The documentation on this machine: what Python and the installed packages say about themselves.

Method: source files are found through `sysconfig` and each distribution's file list, and their
docstrings are read by `ast`, so that no module is imported and nothing of it runs. READMEs and
licences are taken from each distribution's metadata. Cost: about 4 s for the standard library and
10 s for the rest; each distribution is read until its share of articles is full. The order is that
of names and of a hash of each path: the same packages give the same articles.
"""

from __future__ import annotations

import ast
import hashlib
import sysconfig
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from jobs.demo.docstrings import Block, blocks_of, count_words

MIN_WORDS = 90  # shorter pages tell the screen nothing that a planted short page does not
OWN_PAGE_WORDS = 160  # a class or function with this much to say gets a page of its own
MAX_WORDS = 2_400  # longer pages are cut at a block: extraction time, not insight
MIN_PROSE_SHARE = 0.45  # listings of code are no prose to learn from
MAX_SOURCE_BYTES = 600_000  # longer modules are generated tables
SKIPPED_FOLDERS = frozenset({"test", "tests", "testing", "idle_test", "_vendor", "externals"})

PYTHON = "python"  # the standard library, as a distribution among others


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """What one module, class, function or text file says."""

    library: str
    version: str
    name: str
    kind: str
    blocks: tuple[Block, ...]

    @property
    def num_words(self) -> int:
        """Words of prose, white space apart."""
        return sum(count_words(block) for block in self.blocks if block.is_prose)


def read_documentation(*, per_library: int) -> list[Article]:
    """Articles of Python and of every installed distribution, at most so many of each."""
    articles = _first(_of_files(PYTHON, _python_version(), _stdlib_files()), 3 * per_library)
    for distribution in sorted(metadata.distributions(), key=_name_of):
        name, version = _name_of(distribution), str(distribution.version)
        articles += _first(_of_files(name, version, _source_files(distribution)), per_library)
        articles += _texts_of(distribution)
    return sorted(_named_once(articles), key=lambda a: (a.library, a.kind, a.name))


def _first(found: Iterator[Article], limit: int) -> list[Article]:
    return [article for article, _ in zip(found, range(limit), strict=False)]


def _named_once(articles: list[Article]) -> list[Article]:
    return list({(a.library, a.name): a for a in reversed(articles)}.values())


def _name_of(distribution: metadata.Distribution) -> str:
    return str(distribution.metadata["Name"] or "unnamed").lower().replace("_", "-")


def _python_version() -> str:
    return sysconfig.get_python_version()


def _stdlib_files() -> list[tuple[str, Path]]:
    """(dotted name, path) of each module of the standard library, in a fixed mixed order."""
    root = Path(sysconfig.get_path("stdlib"))
    skipped = {"site-packages", "dist-packages", "lib2to3", "ensurepip"}
    files = [(path.relative_to(root), path) for path in root.rglob("*.py")]
    return _in_mixed_order([pair for pair in files if not skipped & set(pair[0].parts)])


def _source_files(distribution: metadata.Distribution) -> list[tuple[str, Path]]:
    """(dotted name, path) of each module of a distribution, in a fixed mixed order."""
    listed = [Path(str(file)) for file in distribution.files or [] if str(file).endswith(".py")]
    return _in_mixed_order([(file, Path(str(distribution.locate_file(file)))) for file in listed])


def _in_mixed_order(files: list[tuple[Path, Path]]) -> list[tuple[str, Path]]:
    """Modules ordered by a hash of their name, so that a share of a library is not its letter A."""
    modules = {
        _module_name(relative): path
        for relative, path in files
        if not SKIPPED_FOLDERS & set(relative.parts) and ".." not in relative.parts
    }
    return sorted(modules.items(), key=lambda pair: hashlib.sha256(pair[0].encode()).digest())


def _module_name(relative: Path) -> str:
    parts = [part.strip("_") for part in relative.with_suffix("").parts]
    return ".".join(part for part in parts if part and part != "init")


def _of_files(library: str, version: str, files: list[tuple[str, Path]]) -> Iterator[Article]:
    for module, path in files:
        for kind, name, blocks in _of_module(module, path):
            cut = _cut(blocks)
            article = Article(library=library, version=version, name=name, kind=kind, blocks=cut)
            if article.num_words >= MIN_WORDS and _prose_share(cut) >= MIN_PROSE_SHARE:
                yield article


def _cut(blocks: list[Block]) -> tuple[Block, ...]:
    kept: list[Block] = []
    words = 0
    for block in blocks:
        words += count_words(block)
        if words > MAX_WORDS:
            break
        kept.append(block)
    while kept and kept[-1].kind == "heading":
        kept.pop()
    return tuple(kept)


def _prose_share(blocks: tuple[Block, ...]) -> float:
    prose = sum(count_words(block) for block in blocks if block.is_prose)
    return prose / max(1, sum(count_words(block) for block in blocks))


def _of_module(module: str, path: Path) -> Iterator[tuple[str, str, list[Block]]]:
    """(kind, name, blocks) of the module and of each class or function that fills a page."""
    tree = _parsed(path)
    if tree is None:
        return
    rest = blocks_of(ast.get_docstring(tree) or "")
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            blocks = _of_definition(node)
            if sum(count_words(block) for block in blocks) >= OWN_PAGE_WORDS:
                kind = "class" if isinstance(node, ast.ClassDef) else "function"
                yield kind, f"{module}.{node.name}", blocks
            elif blocks:
                rest += [Block("heading", node.name), *blocks]
    yield "module", module, rest


def _parsed(path: Path) -> ast.Module | None:
    """The module's tree; None where it cannot be read: it is only one source of text of many."""
    try:
        if path.stat().st_size > MAX_SOURCE_BYTES:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # other people's invalid escapes
            return ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None


def _of_definition(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> list[Block]:
    blocks = blocks_of(ast.get_docstring(node) or "")
    if isinstance(node, ast.ClassDef):
        for member in node.body:
            if isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef):
                inner = blocks_of(ast.get_docstring(member) or "")
                blocks += [Block("heading", member.name), *inner] if inner else []
    return blocks


def _texts_of(distribution: metadata.Distribution) -> Iterator[Article]:
    """The long description and the licences of a distribution."""
    name, version = _name_of(distribution), str(distribution.version)
    texts = [("readme", f"{name} {version}", _description(distribution))]
    for file in sorted(distribution.files or [], key=str):
        path = Path(str(distribution.locate_file(file)))
        if _is_licence(path):
            texts.append(("licence", f"{name} {path.name}", _read(path)))
    for kind, title, text in texts[:4]:
        cut = _cut(blocks_of(text))
        article = Article(library=name, version=version, name=title, kind=kind, blocks=cut)
        if article.num_words >= MIN_WORDS:
            yield article


def _description(distribution: metadata.Distribution) -> str:
    payload = distribution.metadata.get_payload()  # type: ignore[attr-defined]
    return str(payload or distribution.metadata["Description"] or "")


def _is_licence(path: Path) -> bool:
    upper = path.name.upper()
    return upper.startswith(("LICENSE", "LICENCE", "COPYING", "NOTICE")) and path.suffix != ".py"


def _read(path: Path) -> str:
    try:
        return path.read_bytes()[:60_000].decode("utf-8", "replace")
    except OSError:
        return ""
