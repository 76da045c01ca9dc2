"""Encoding texts to uint16 ids with GPT-2's vocabulary, against tiktoken and Hugging Face.

All have the same merges and give the ids of each text with end-of-text after it as uint16 bytes,
and must give the same bytes. Ours encodes by Hugging Face's library: against it parity is what it
can promise, with a tenth for the machine's noise.
"""

from __future__ import annotations

import zlib
from pathlib import Path

from corpus.tokenizer.files import load
from tests.benchmarks.frame import Peer, Row, in_turn, require, sample_texts


def rows(data: Path) -> list[Row]:
    sample = sample_texts(data, num_bytes=4_000_000)
    folder = data / "tokenizer"
    names, merges = folder / "gpt2_encoder.json", folder / "gpt2_vocab.bpe"
    vocabulary = load(folder)
    documents = [[text] for text in sample.texts]

    def ours() -> list[int]:
        num, check = 0, 0
        for ids in vocabulary.encode_documents(documents):
            num += len(ids) // 2
            check = zlib.crc32(ids, check)
        return [num, check]

    compared = []
    for name, script, target in (
        ("tiktoken", "encode_tiktoken.py", 1.0),
        ("Hugging Face's encode_batch_fast", "encode_huggingface.py", 0.9),
    ):
        with Peer(script, sample.path, names, merges) as peer:
            found = in_turn(sample.megabytes, ours, peer)
        require(
            found.our_result == found.peer_result,
            f"{name}: tokens, checksum: {found.our_result}, peer {found.peer_result}",
        )
        compared.append(found.row("tokens", f"encode / {name}", unit="MB/s", target=target))
    return compared
