"""The engines that find a page's main text, by name.

An engine is a function `main_text(html) -> text or null`, in a module of its own. It is imported
when it is first asked for, so that nobody pays for one that is not used; a stage's fingerprint
follows all of them, since each import below is written out.
"""

from __future__ import annotations

from collections.abc import Callable

Engine = Callable[[str], str | None]


def _trafilatura() -> Engine:
    from corpus.extraction.trafilatura import main_text

    return main_text


def _resiliparse() -> Engine:
    from corpus.extraction.resiliparse import main_text

    return main_text


def _blocks() -> Engine:
    from corpus.extraction.blocks import main_text

    return main_text


ENGINES: dict[str, Callable[[], Engine]] = {
    "trafilatura": _trafilatura,
    "resiliparse": _resiliparse,
    "blocks": _blocks,
}


def load_engine(name: str) -> Engine:
    """The engine of this name, imported; raises ImportError where its library is missing."""
    return ENGINES[name]()
