"""Texts to uint16 shards with GPT-2's vocabulary, and learning a vocabulary, against the libraries.

Encoding: all have the same merges and must give the same bytes. Each pass has texts that no pass
before it had, as a corpus has: caches of words then help as much as they do in earnest. From
Parquet to shard all read a file of Parquet and write a header and ids; ours goes on to write the
index of documents. And ours is compared with its own reading and encoding alone, which it must not
be more than 1.5 times as slow as.

Training: 50,257 tokens from the same texts. Ours and Hugging Face's merges must be the same;
rustbpe breaks ties otherwise, and its counts have 32 bits.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from corpus.shards import HEADER_BYTES, ShardWriter, TokenFormat
from corpus.tokenizer import encoders
from corpus.tokenizer.encoders import Encoder, encode_documents
from corpus.tokenizer.files import load
from corpus.tokenizer.pretokens import count_pretokens
from corpus.tokenizer.training import learn
from corpus.tokenizer.vocabulary import Vocabulary
from tests.benchmarks.frame import (
    BUILD,
    PASSES,
    Peer,
    Rates,
    Row,
    in_turn,
    require,
    sample_texts,
    timed,
)  # fmt: skip

NUM_BYTES = 20_000_000
VOCAB_SIZE = 50257
NUM_PORTIONS = PASSES + 1  # the first pass does not count


def rows(data: Path) -> list[Row]:
    texts = sample_texts(data, num_bytes=NUM_BYTES)
    vocabulary = load(data / "tokenizer")
    portions = _portions(texts.texts)
    amount = texts.megabytes / len(portions)
    return [
        *_against_libraries("encode", vocabulary, portions, amount, data),
        *_against_libraries("shard", vocabulary, portions, amount, data),
        _against_encoding_alone(vocabulary, portions, amount),
        *_training(texts.texts, texts.path, texts.megabytes),
    ]


def _portions(texts: list[str]) -> list[Path]:
    """Files of Parquet with a share of the texts each, one text in turn."""
    paths = []
    for number in range(NUM_PORTIONS):
        path = BUILD / "bench" / f"texts-{NUM_BYTES}-{number}.parquet"
        pq.write_table(pa.table({"text": texts[number::NUM_PORTIONS]}), path)
        paths.append(path)
    return paths


def _fresh(vocabulary: Vocabulary) -> Encoder:
    """An encoder that has seen no text but its probes."""
    encoders._opened.cache_clear()
    return encoders.open_encoder(vocabulary).encoder


def _against_libraries(
    work: str, vocabulary: Vocabulary, portions: list[Path], amount: float, data: Path
) -> list[Row]:
    names = (data / "tokenizer" / "gpt2_encoder.json", data / "tokenizer" / "gpt2_vocab.bpe")
    shown = {"encode": "encode", "shard": "Parquet to shard"}[work]
    found = []
    for peer_name, script, target in (
        ("tiktoken", "encode_tiktoken.py", 3.0),
        ("Hugging Face's encode_batch_fast", "encode_huggingface.py", 20.0),
    ):
        ours = (_encode if work == "encode" else _shard)(vocabulary, portions)
        with Peer(script, work, *names, *portions) as peer:
            rates = in_turn(amount, ours, peer)
        _require_same(peer_name, rates)
        name = f"{shown} / {peer_name}"
        found.append(rates.row("tokens", name, unit="MB/s", target=target))
    return found


def _require_same(peer_name: str, rates: Rates) -> None:
    ours, theirs = rates.our_result, rates.peer_result
    if isinstance(ours[0], str):
        ours, theirs = (zlib.crc32(Path(r[0]).read_bytes()[HEADER_BYTES:]) for r in (ours, theirs))
    require(ours == theirs, f"{peer_name}: tokens, checksum: {ours}, peer {theirs}")


def _encode(vocabulary: Vocabulary, portions: list[Path]) -> Callable[[], list[int]]:
    encoder = _fresh(vocabulary)
    columns = cycle([pq.read_table(path)["text"].combine_chunks() for path in portions])

    def one_pass() -> list[int]:
        encoded, num_tokens = _documents(encoder, vocabulary, next(columns))
        return [int(num_tokens.sum()), zlib.crc32(encoded.buffers()[2])]

    return one_pass


def _shard(vocabulary: Vocabulary, portions: list[Path]) -> Callable[[], list[str]]:
    encoder, paths = _fresh(vocabulary), cycle(portions)
    form = TokenFormat(
        vocab_size=vocabulary.size, eot_id=vocabulary.eot_id, tokenizer_sha256="0" * 64
    )

    def one_pass() -> list[str]:
        path = next(paths)
        bin_path = path.with_suffix(".bin")
        with ShardWriter(bin_path, path.with_suffix(".idx"), form) as shard:
            for batch in pq.ParquetFile(path).iter_batches():
                for ids in _documents(encoder, vocabulary, batch["text"])[0]:
                    shard.add(ids.as_py())
        return [str(bin_path)]

    return one_pass


def _documents(encoder: Encoder, vocabulary: Vocabulary, texts: pa.Array) -> tuple[Any, Any]:
    ones = np.ones(len(texts), np.int64)
    size, eot_id = vocabulary.size, vocabulary.eot_id
    return encode_documents(encoder, texts, ones, eot_id=eot_id, vocab_size=size)


def _against_encoding_alone(vocabulary: Vocabulary, portions: list[Path], amount: float) -> Row:
    encoder, paths = _fresh(vocabulary), cycle(portions)

    def alone() -> int:
        read = pq.ParquetFile(next(paths)).iter_batches()
        return sum(len(encoder.encode(batch["text"]).ids) for batch in read)

    rates = in_turn(amount, _shard(vocabulary, portions), timed(alone))
    name = "Parquet to shard / reading and encoding alone"
    return rates.row("tokens", name, unit="MB/s", target=1 / 1.5)


def _training(texts: list[str], path: Path, megabytes: float) -> list[Row]:
    def ours() -> list[int]:
        vocabulary = learn(*count_pretokens(pa.array(texts)), vocab_size=VOCAB_SIZE)
        merges = "\n".join(" ".join(pair) for pair in vocabulary.merges)
        return [len(vocabulary.merges), zlib.crc32(merges.encode())]

    num_tokens = VOCAB_SIZE - 1  # theirs count no end-of-text
    found = []
    for name, script, target in (
        ("Hugging Face's BpeTrainer", "train_huggingface.py", 1.0),
        ("rustbpe", "train_rustbpe.py", 0.5),
    ):
        with Peer(script, path, str(num_tokens)) as peer:
            rates = in_turn(megabytes, ours, peer)
        same = len(rates.peer_result)  # rustbpe says only how many
        require(
            rates.our_result[:same] == rates.peer_result,
            f"{name}: merges, checksum: {rates.our_result}, peer {rates.peer_result}",
        )
        shown = f"learn a vocabulary / {name}"
        found.append(rates.row("tokens", shown, unit="MB/s", target=target))
    return found
