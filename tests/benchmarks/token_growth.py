"""What the way from documents to shards costs a token as the corpus grows.

    python -m tests.benchmarks.token_growth --data DATA --gigatokens 0.1 0.3 1

Real text (SOURCES), copied as often as need be, goes through vocabulary, mix and tokenize on two
cores. In every copy but the first a word in 30 is another word of the text, and one in a thousand
is a new one, by a keyed draw: so no copy is known to an encoder's cache, and distinct pre-tokens
grow as they do in a crawl. Sources have weights, so that some documents come several times and some
not at all. Every size runs in one Spark session after a small run that warms it up. Memory is the
largest resident set of any process (the JVM, a Python worker, the driver), sampled twice a second.
Results go to build/token_growth.json, a row a size.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
from rich.console import Console
from rich.table import Table

from corpus import schemas, shards
from corpus.datasets import MANIFEST, Part, open_dataset, part_from_json, publish_manifest
from corpus.identity import doc_id_of_place
from corpus.ledger import Ledger
from corpus.publishing import PartOutput
from corpus.stages import stage_named
from corpus.storage import Store
from corpus.tokenizer.encoders import open_encoder
from corpus.tokenizer.files import read_root
from corpus.tokenizer.settings import TokenizeSettings, VocabularySettings
from filters.mixture import MixSettings
from jobs import mix, tokenize_text, vocabulary
from jobs.parts import Job
from jobs.session import Session
from tests.benchmarks.frame import BUILD, texts_of_source
from tests.benchmarks.watch import EVENT_LOG, Memory, shuffled

SOURCES = ("web_gold", "nltk_misc", "novels", "wikitext2_train")
WEIGHTS = {"web_gold": 40, "nltk_misc": 20, "novels": 30, "wikitext2_train": 10}
PART_BYTES = 64_000_000  # of text
BYTES_PER_TOKEN = 4.2  # about, to know how many copies to make
OTHER, NEW = 1 / 30, 1 / 1000
STAGES = {"vocabulary": vocabulary, "mix": mix, "tokenize": tokenize_text}
CORES = 2


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--gigatokens", type=float, nargs="+", default=[0.1, 0.3, 1])
    parser.add_argument("--root", type=Path, default=BUILD / "token_growth")
    parser.add_argument("--keep", action="store_true", help="leave the roots on disk")
    arguments = parser.parse_args()
    log = arguments.root / "events"
    shutil.rmtree(log, ignore_errors=True)
    log.mkdir(parents=True)
    session = Session(
        master=f"local[{CORES}]", conf=EVENT_LOG | {"spark.eventLog.dir": log.resolve().as_uri()}
    )
    texts = {name: list(texts_of_source(arguments.data, name)) for name in SOURCES}
    measure(session, arguments.root / "warm-up", 0.005, texts, log)
    rows = []
    for size in arguments.gigatokens:
        root = arguments.root / f"{size:g}"
        rows.append(measure(session, root, size, texts, log))
        if not arguments.keep:
            shutil.rmtree(root)
        (BUILD / "token_growth.json").write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    session.stop()
    show(rows)


def measure(
    session: Session, root: Path, gigatokens: float, texts: dict[str, list[str]], log: Path
) -> dict[str, Any]:
    """Make the documents where they are not there, run the stages on them, and count."""
    store = Store(str(root))
    if not store.exists("contamination", MANIFEST):
        write_root(store, round(gigatokens * 1e9 * BYTES_PER_TOKEN), texts)
    recipe: Any = SimpleNamespace(
        name="token_growth", seed=1, sources=dict.fromkeys(SOURCES),
        vocabulary=VocabularySettings(),
        mix=MixSettings(weights=WEIGHTS, max_epochs=8), tokenize=TokenizeSettings(),
    )  # fmt: skip
    found: dict[str, Any] = {"gigatokens": gigatokens, "stages": {}}
    for name, module in STAGES.items():
        stage = stage_named(name)
        for output in (*stage.outputs, "_stages"):
            store.remove(output)
        before = shuffled(log)
        job = Job(stage=stage, recipe=recipe, store=store, session=session, ledger=Ledger())
        with Memory() as memory:
            started = time.monotonic()
            module.run(job)
            seconds = time.monotonic() - started
        found["stages"][name] = {
            "seconds": seconds,
            "shuffled_bytes": shuffled(log) - before,
            "memory_bytes": dict(memory.most),
        }
    found["encoding_alone_seconds"] = encoding_alone(store)
    manifest = shards.verify(store.local("shards"))
    sizes = open_dataset(store, "token_rates").read_all()
    mixture = open_dataset(store, "mixture").read_all().to_pylist()
    return found | {
        "documents": sum(sizes["num_documents"].to_pylist()),
        "text_bytes": sum(sizes["num_bytes"].to_pylist()),
        "tokens": sum(sizes["num_tokens"].to_pylist()),
        "drawn_documents": sum(row["drawn_documents"] for row in mixture),
        "drawn_tokens": sum(manifest.num_tokens.values()),
        "distinct_pretokens": open_dataset(store, "pretokens").num_rows,
        "off_plan": {r["source"]: r["drawn_tokens"] / r["planned_tokens"] - 1 for r in mixture},
    }


def encoding_alone(store: Store) -> float:
    """Seconds of one core to read and encode the text of every part, and no more."""
    encoder = open_encoder(read_root(store)[0]).encoder
    documents = open_dataset(store, "documents")
    started = time.process_time()
    for part in range(documents.num_parts):
        for chunk in documents.read(part, ["text"])["text"].chunks:
            encoder.encode(chunk)
    return time.process_time() - started


def write_root(store: Store, num_bytes: int, texts: dict[str, list[str]]) -> None:
    """Write what contamination would leave: nothing cut, one in 200 documents held out."""
    names = ("documents", "screen", "dedup", "contamination")
    published: dict[str, list[Part]] = {name: [] for name in names}
    for number, found in enumerate(parts(num_bytes, texts)):
        with store.scratch() as scratch:
            out = PartOutput(store, scratch, number, outputs=names, counted="documents")
            out.taken(found["documents"].num_rows)
            for name in names:
                out.write(name, found[name])
            for name, part in out.finish()["parts"].items():
                published[name].append(part_from_json(part))
    for name in names:
        publish_manifest(store, name, published[name])


def parts(num_bytes: int, texts: dict[str, list[str]]) -> Iterator[dict[str, pa.Table]]:
    rows: list[tuple[bytes, str, str]] = []
    size = whole = copy = 0
    while whole < num_bytes:
        for source, its_texts in texts.items():
            words = " ".join(its_texts[:200]).split(" ")
            for i, text in enumerate(its_texts):
                rows.append((doc_id_of_place(source, str(copy), i), source,
                             edited(text, words, random.Random(f"{source} {copy} {i}"))
                             if copy else text))  # fmt: skip
                size += len(rows[-1][2])
                if size >= PART_BYTES:
                    whole += size
                    yield tables(rows)
                    rows, size = [], 0
                    if whole >= num_bytes:
                        return
        copy += 1


def edited(text: str, words: list[str], draw: random.Random) -> str:
    """The text with other words here and there, as the module's docstring says."""
    own = text.split(" ")
    for _ in range(int(len(own) * OTHER)):
        own[draw.randrange(len(own))] = words[draw.randrange(len(words))]
    for _ in range(int(len(own) * NEW + draw.random())):
        own[draw.randrange(len(own))] = f"{draw.getrandbits(30):x}".translate(LETTERS)
    return " ".join(own)


LETTERS = str.maketrans("0123456789", "ghijklmnop")


def tables(rows: list[tuple[bytes, str, str]]) -> dict[str, pa.Table]:
    """A part of each table."""
    ids, sources, texts = zip(*rows, strict=True)
    lengths = [len(text) for text in texts]
    splits = ["validation" if own[0] == 0 else "train" for own in ids]
    pieces = [[{"start": 0, "end": length}] for length in lengths]
    given = {
        "documents": {"doc_id": ids, "source": sources, "text": texts, "num_characters": lengths},
        "screen": {"doc_id": ids, "language": ["en"] * len(ids), "edits": [[]] * len(ids)},
        "dedup": {"doc_id": ids, "cluster_id": ids, "split": splits, "edits": [[]] * len(ids)},
        "contamination": {"doc_id": ids, "pieces": pieces},
    }
    found = {}
    for name, columns in given.items():
        schema = schemas.table_named(name).arrow
        full = columns | {"keep": [True] * len(ids)}
        arrays = [pa.array(full.get(f.name, [None] * len(ids)), f.type) for f in schema]
        found[name] = pa.table(arrays, schema=schema)
    return found


def show(rows: list[dict[str, Any]]) -> None:
    table = Table("tokens", "documents", "stage", "seconds", "documents/s/core",
                  "Mtokens/s/core", "shuffled bytes a token", "jvm GiB", "worker GiB",
                  "driver GiB", title="From documents to shards, by size")  # fmt: skip
    for row in rows:
        for name, stage in row["stages"].items():
            of = ("drawn_tokens", "drawn_documents") if name == "tokenize" else ("tokens",
                                                                                "documents")
            tokens, documents = row[of[0]], row[of[1]]
            core_seconds = stage["seconds"] * CORES
            memory = [f"{stage['memory_bytes'].get(kind, 0) / 2**30:.2f}" for kind in
                      ("jvm", "worker", "driver")]  # fmt: skip
            table.add_row(
                f"{tokens:,}", f"{documents:,}", name, f"{stage['seconds']:.1f}",
                f"{documents / core_seconds:,.0f}", f"{tokens / core_seconds / 1e6:.2f}",
                f"{stage['shuffled_bytes'] / tokens:.2f}", *memory,
            )  # fmt: skip
    console = Console(width=160)
    console.print(table)
    for row in rows:
        worst = max(map(abs, row["off_plan"].values()))
        times = CORES * row["stages"]["mix"]["seconds"] / row["encoding_alone_seconds"]
        console.print(f"{row['tokens']:,} tokens: {row['distinct_pretokens']:,} distinct "
                      f"pre-tokens; sources within {worst:.4%} of the plan; mix takes "
                      f"{times:.2f} times as long as reading and encoding alone")  # fmt: skip


if __name__ == "__main__":
    main()
