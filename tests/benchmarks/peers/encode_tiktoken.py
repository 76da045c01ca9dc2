"""tiktoken with GPT-2's ranks, a text at a time into uint16 ids, as nanoGPT prepares its data."""

import json
import sys
import zlib
from pathlib import Path

import numpy as np
from passes import read_texts, serve
from tiktoken import Encoding

PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"

texts = read_texts(sys.argv[1])
names = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
others = [byte for byte in range(256) if byte not in printable]
byte_of = {chr(byte): byte for byte in printable} | {
    chr(256 + i): byte for i, byte in enumerate(others)
}
end = names.pop("<|endoftext|>")
ranks = {bytes(byte_of[c] for c in name): rank for name, rank in names.items()}
encoding = Encoding(
    "gpt2", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={"<|endoftext|>": end}
)


def encode() -> list[int]:
    num, check = 0, 0
    for text in texts:
        ids = encoding.encode_ordinary(text)
        ids.append(end)
        num += len(ids)
        check = zlib.crc32(np.array(ids, np.uint16).tobytes(), check)
    return [num, check]


serve(encode)
