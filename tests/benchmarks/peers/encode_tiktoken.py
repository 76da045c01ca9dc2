"""tiktoken with GPT-2's ranks: encode_to_numpy, its fastest call, a text at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from gpt2_shards import END, run, vocabulary
from tiktoken import Encoding

PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"

names, end = vocabulary()
printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
others = [byte for byte in range(256) if byte not in printable]
byte_of = {chr(byte): byte for byte in printable} | {
    chr(256 + i): byte for i, byte in enumerate(others)
}
ranks = {bytes(byte_of[c] for c in name): rank for name, rank in names.items()}
encoding = Encoding("gpt2", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={END: end})
end_array = np.array([end], np.uint16)


def encode(texts: list[str]) -> list[np.ndarray[Any, Any]]:
    ids: list[np.ndarray[Any, Any]] = []
    for text in texts:
        ids += encoding.encode_to_numpy(text, disallowed_special=()).astype(np.uint16), end_array
    return ids


run(encode)
