"""MinHash signatures from texts, against datasketch's fastest way, rensa and datatrove.

All take the same texts, split them into lower-case words, make 5-grams and sign them with 128
permutations; ours reads an Arrow column and the peers a list of strings. Splitting is part of every
figure, since a peer's user has to do it: by a regular expression and joins, it costs rensa more
than its hashing. datatrove splits by itself, with spaCy, which is most of its time. Ours are
datasketch's signatures bit for bit, given the same hash (tests hold it).

Then the whole decision (dedup_decision.py), the labelled sets (labelled.py), and signing through
Spark against plain processes (dedup_spark.py). What growth costs is growth.py's, which takes long.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from filters.dedup.minhash import signatures
from filters.dedup.shingles import shingles
from tests.benchmarks import dedup_decision, dedup_spark
from tests.benchmarks.frame import Peer, Row, in_turn, require, sample_texts
from tests.benchmarks.labelled import labelled, winnow_pairs

PEERS = (
    ("datasketch's bulk and xxHash", "minhash_datasketch.py", 25.0),
    ("rensa's RMinHash", "minhash_rensa.py", 10.0),
    ("datatrove's MinhashDedupSignature", "minhash_datatrove.py", 150.0),
)


def rows(data: Path) -> list[Row]:
    sample = sample_texts(data, num_bytes=10_000_000)
    texts = pa.array(sample.texts, pa.large_string())

    def ours() -> int:
        return len(signatures(shingles(texts, ngram_size=5), num_hashes=128, seed=1))

    compared = []
    for name, script, target in PEERS:
        with Peer(script, sample.path) as peer:
            found = in_turn(sample.megabytes, ours, peer)
        require(found.our_result == found.peer_result, "another number of signatures")
        compared.append(found.row("dedup", f"signatures / {name}", unit="MB/s", target=target))
    for found in labelled(data, winnow_pairs):
        print(
            f"{found.name}: {found.num_pairs} pairs among {found.num_texts:,} texts, precision "
            f"{found.precision:.4f}, recall {found.recall:.4f}"
        )
    return compared + dedup_decision.rows(data) + dedup_spark.rows(data)
