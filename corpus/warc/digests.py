"""Digests as archives state them: `sha1:` and Base32, or one of the other spellings in use.

(WARC 1.1 section 5.8 and 5.9.) An algorithm or a spelling that is not known says nothing, and so
does an empty value.
"""

from __future__ import annotations

import base64
import hashlib

ALGORITHMS = frozenset({"md5", "sha1", "sha256", "sha384", "sha512"})


def digest_fits(stated: str | None, data: bytes) -> bool | None:
    """Whether the data have the digest; None where none is stated that could be told."""
    algorithm, _, text = (stated or "").strip().partition(":")
    name = algorithm.strip().lower().replace("-", "").replace("_", "")
    if name not in ALGORITHMS:
        return None
    expected = _value(text.strip(), hashlib.new(name, usedforsecurity=False).digest_size)
    if expected is None:
        return None
    return hashlib.new(name, data, usedforsecurity=False).digest() == expected


def _value(text: str, size: int) -> bytes | None:
    """The digest's bytes, from Base16, Base32 or Base64, by its length; None where it is none."""
    try:
        bare = text.rstrip("=")
        if len(bare) == 2 * size:
            return bytes.fromhex(bare)
        if len(bare) == -(-size * 8 // 5):
            return base64.b32decode(bare.upper() + "=" * (-len(bare) % 8))
        if len(bare) == -(-size * 8 // 6):
            padded = bare.replace("-", "+").replace("_", "/") + "=" * (-len(bare) % 4)
            return base64.b64decode(padded, validate=True)
    except ValueError:
        return None
    return None
