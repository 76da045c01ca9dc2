"""A root with shards, provenance and tokenizer alone, made without Spark, and its commands."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from inspect import getsource
from pathlib import Path

import click.testing
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from corpus import schemas
from corpus.datasets import Part, PublishedFile, part_name, publish_manifest
from corpus.identity import doc_id_of_place
from corpus.shards import (
    MANIFEST,
    ShardWriter,
    TokenFormat,
    file_sha256,
    make_manifest,
    shard_info,
    shard_name,
    write_manifest,
)
from corpus.storage import Store
from corpus.tokenizer.encoders import encode_documents, open_encoder
from corpus.tokenizer.files import TOKENIZER_FILE, save
from corpus.tokenizer.pretokens import count_pretokens
from corpus.tokenizer.training import learn
from corpus.tokenizer.vocabulary import Vocabulary
from jobs.cli import cli
from tests.tables import write_table

PARAGRAPHS = [p for p in getsource(random).split("\n\n") if len(p) > 40]
TEXTS = {f"https://web.example/{i}": [text] for i, text in enumerate(PARAGRAPHS[:20])}
CUT = "https://cut.example/"
TWICE = "https://twice.example/"
TEXTS |= {CUT: ["naïve café", "日本語 🙂", "the end"], TWICE: ["two copies of it " * 3]}
IDS = {url: doc_id_of_place("web", url, 0) for url in TEXTS}
PLACES = {
    ("train", 0): [*list(TEXTS)[:8], CUT, TWICE],
    ("train", 1): [*list(TEXTS)[8:16], TWICE],
    ("validation", 0): list(TEXTS)[16:20],
}


def ids_of(vocabulary: Vocabulary, urls: Sequence[str]) -> list[bytes]:
    """What shards hold of the documents of these addresses."""
    encoder = open_encoder(vocabulary, name="tokenizers").encoder
    texts = pa.array([text for url in urls for text in TEXTS[url]])
    num_texts = np.array([len(TEXTS[url]) for url in urls])
    found, _ = encode_documents(
        encoder, texts, num_texts, eot_id=vocabulary.eot_id, vocab_size=vocabulary.size
    )
    return found.to_pylist()


def source_of(url: str) -> str:
    return "books" if url.startswith("https://web") else "web"


def published(path: Path) -> PublishedFile:
    return PublishedFile(name=path.name, num_bytes=path.stat().st_size, sha256=file_sha256(path))


def make_root(root: Path) -> Store:
    """Write the root: PLACES as shards, in order."""
    store = Store(str(root))
    words = pa.array([text for texts in TEXTS.values() for text in texts])
    vocabulary = learn(*count_pretokens(words), vocab_size=400)
    for name in ("tokenizer", "shards", "provenance"):
        (root / name).mkdir(parents=True)
    save(vocabulary, root / "tokenizer", {})
    rates = {"source": "web", "language": "en", "num_documents": 9, "num_bytes": 250,
             "num_tokens": 100}  # fmt: skip
    write_table(store, "token_rates", [[rates]])
    files = tuple(published(path) for path in sorted((root / "tokenizer").iterdir()))
    publish_manifest(store, "tokenizer", [Part(number=0, num_rows=0, num_kept=0, files=files)])
    data = (root / "tokenizer" / TOKENIZER_FILE).read_bytes()
    form = TokenFormat(
        vocab_size=vocabulary.size, eot_id=vocabulary.eot_id,
        tokenizer_sha256=hashlib.sha256(data).hexdigest(),
    )  # fmt: skip
    infos, shard_parts, row_parts, seen = [], [], [], []
    for part, ((split, number), urls) in enumerate(PLACES.items()):
        name = shard_name(split, number)
        pair = [root / "shards" / f"{name}.{end}" for end in ("bin", "idx")]
        rows, tokens = [], {}
        with ShardWriter(*pair, form) as shard:
            encoded = ids_of(vocabulary, urls)
            for ordinal, (url, ids) in enumerate(zip(urls, encoded, strict=True)):
                start, end = shard.add(ids)
                source = source_of(url)
                tokens[source] = tokens.get(source, 0) + end - start
                rows.append(
                    {
                        "split": split,
                        "shard": number,
                        "ordinal": ordinal,
                        "doc_id": IDS[url],
                        "copy": seen.count(url),
                        "source": source,
                        "url": url,
                        "start": start,
                        "end": end,
                    }
                )
                seen.append(url)
        files = tuple(map(published, pair))
        infos.append(
            shard_info(
                form,
                split,
                number,
                num_documents=len(urls),
                source_tokens=tokens,
                files=[(file.num_bytes, file.sha256) for file in files],
            )
        )
        shard_parts.append(Part(number=part, num_rows=0, num_kept=0, files=files))
        table = pa.Table.from_pylist(rows, schema=schemas.table_named("provenance").arrow)
        path = root / "provenance" / part_name(part)
        pq.write_table(table, path)
        row_parts.append(
            Part(number=part, num_rows=len(rows), num_kept=len(rows), files=(published(path),))
        )
    write_manifest(root / "shards" / MANIFEST, make_manifest(form, infos, seed=1))
    own = (published(root / "shards" / MANIFEST),)
    shard_parts.append(Part(number=len(infos), num_rows=0, num_kept=0, files=own))
    publish_manifest(store, "shards", shard_parts)
    publish_manifest(store, "provenance", row_parts)
    return store


def winnow_shards(*arguments: str, root: Path, status: int = 0) -> str:
    """What `winnow shards` prints, having ended with this status."""
    done = click.testing.CliRunner().invoke(cli, ["shards", *arguments, "--root", str(root)])
    assert done.exit_code == status, done.output
    return done.output
