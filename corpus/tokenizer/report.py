"""What a vocabulary makes of texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from corpus.tokenizer.vocabulary import Vocabulary

REPORT_BYTES = 2**20  # sample over which report.json measures bytes per token


def measure(vocabulary: Vocabulary, sample: Sequence[str]) -> dict[str, Any]:
    """What a reader asks of a vocabulary: its size, and how long its tokens are on the sample.

    pattern says where text is split, as tiktoken's `pat_str` does. token_bytes has each id's bytes,
    0 for end-of-text: loss in bits per byte needs them.
    """
    num_bytes = sum(len(text.encode()) for text in sample)
    num_tokens = sum(len(ids) for ids in vocabulary.encode(sample))
    lengths = [len(token) for token in vocabulary.token_bytes[:-1]]
    return {
        "vocab_size": vocabulary.size,
        "eot_id": vocabulary.eot_id,
        "kind": vocabulary.kind,
        "pattern": vocabulary.splitting.pattern if vocabulary.kind == "bytes" else None,
        "num_merges": len(vocabulary.merges),
        "sample_texts": len(sample),
        "sample_bytes": num_bytes,
        "sample_tokens": num_tokens,
        "bytes_per_token": round(num_bytes / num_tokens, 4) if num_tokens else None,
        "token_bytes": [*lengths, 0],
    }
