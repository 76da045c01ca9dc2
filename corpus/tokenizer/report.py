"""What a vocabulary is, and what it makes of texts."""

from __future__ import annotations

from typing import Any

import numpy as np

from corpus.tokenizer.vocabulary import Vocabulary
from corpus.utf8 import Int64Array

NUM_SHOWN = 20  # tokens that a report names: a screen


def describe(vocabulary: Vocabulary) -> dict[str, Any]:
    """What holds of a vocabulary whatever it encodes.

    pattern says where text is split, as tiktoken's `pat_str` does. token_bytes has each id's bytes,
    0 for end-of-text: loss in bits per byte needs them.
    """
    lengths = [len(token) for token in vocabulary.token_bytes[:-1]]
    return {
        "vocab_size": vocabulary.size,
        "eot_id": vocabulary.eot_id,
        "kind": vocabulary.kind,
        "pattern": vocabulary.splitting.pattern if vocabulary.kind == "bytes" else None,
        "num_merges": len(vocabulary.merges),
        "token_bytes": [*lengths, 0],
    }


def token_use(
    vocabulary: Vocabulary, counts: Int64Array, *, num_shown: int = NUM_SHOWN
) -> dict[str, Any]:
    """What its tokens were used for: numbers for JSON, and tokens as `shown` has them.

    counts: int64 (vocab_size,), how often each id was used; end-of-text is left out. Long tokens
    tell of boilerplate in the text, unreached ones of merges that only led to others or of another
    text, single bytes of scripts that have no tokens.
    """
    if counts.shape != (vocabulary.size,):
        raise ValueError(f"counts are of shape {counts.shape}, expected ({vocabulary.size},)")
    used = counts[: vocabulary.eot_id]
    sizes = np.array([len(token) for token in vocabulary.token_bytes[:-1]], np.int64)
    longest = np.argsort(-sizes, kind="stable")[:num_shown]
    unreached = np.flatnonzero(used == 0)
    is_byte = sizes == 1
    total = int(used.sum())
    return {
        "num_tokens": total,
        "longest": [_about(vocabulary, i, used) for i in longest.tolist()],
        "num_unreached": len(unreached),
        "unreached": [_about(vocabulary, i, used) for i in unreached[:num_shown].tolist()],
        "single_byte_share": round(int(used[is_byte].sum()) / total, 6) if total else None,
        "num_single_bytes": int(is_byte.sum()),
        "num_single_bytes_used": int((is_byte & (used > 0)).sum()),
    }


def shown(token: bytes) -> str:
    r"""A token to read: a space as U+2423, what is no text or cannot be seen by its escape.

    `b" caf\xc3\xa9\n\xff"` is `␣café\n\xff` with backslashes.
    """
    text = token.decode("utf-8", "backslashreplace").replace(" ", "\u2423")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _about(vocabulary: Vocabulary, token_id: int, counts: Int64Array) -> dict[str, Any]:
    token = vocabulary.token_bytes[token_id]
    return {
        "id": token_id,
        "token": shown(token),
        "bytes": len(token),
        "count": int(counts[token_id]),
    }
