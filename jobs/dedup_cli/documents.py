"""Documents as the commands name them."""

from __future__ import annotations

import pyarrow as pa

from corpus.errors import InputError
from corpus.identity import DOC_ID
from corpus.storage import Store


def document_of(store: Store, document: str) -> tuple[str, str]:
    """Id and text of the one document meant; raises InputError."""
    from jobs.why import lives

    found = {life.name: life.text for life in lives(store, document) if life.text is not None}
    if len(found) == 1:
        return next((name, text) for name, text in found.items() if text is not None)
    if not found:
        raise InputError(
            f"{document}: no document of {store.root} has this id or address, and a text; expected "
            "32 hexadecimal digits or a URL: `winnow why` tells what became of it"
        )
    raise InputError(
        f"{document}: {len(found)} documents of {store.root} have this address; expected one: "
        f"name it by its id, of {', '.join(sorted(found))}"
    )


def id_scalar(name: str) -> pa.Scalar:
    """An id, given in hexadecimal digits, as tables compare it."""
    return pa.scalar(bytes.fromhex(name), DOC_ID)


def printable(text: str) -> str:
    """A text in one line without what a terminal would obey."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
