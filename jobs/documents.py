"""Documents as the commands name them."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from corpus.errors import InputError
from corpus.identity import DOC_ID
from corpus.storage import Store


def document_of(stores: Sequence[Store], document: str) -> tuple[str, str]:
    """Id and text of the one document meant, in the first root that has it; raises InputError."""
    from jobs.why import lives

    for store in stores:
        found = {life.name: life.text for life in lives(store, document) if life.text is not None}
        if len(found) == 1:
            return next((name, text) for name, text in found.items() if text is not None)
        if found:
            raise InputError(
                f"{document}: {len(found)} documents of {store.root} have this address; expected "
                f"one: name it by its id, of {', '.join(sorted(found))}"
            )
    roots = ", ".join(store.root for store in stores)
    raise InputError(
        f"{document}: no document of {roots} has this id or address, and a text; expected 32 "
        "hexadecimal digits or a URL: `winnow why` tells what became of it"
    )


def id_scalar(name: str) -> pa.Scalar:
    """An id, given in hexadecimal digits, as tables compare it."""
    return pa.scalar(bytes.fromhex(name), DOC_ID)


def visible(text: str) -> str:
    """A text of the same length, with a blank for whatever a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text)


def printable(text: str) -> str:
    """A text in one line without what a terminal would obey."""
    return " ".join(visible(text).split())
