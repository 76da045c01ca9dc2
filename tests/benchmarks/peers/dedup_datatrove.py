"""datatrove's four MinHash stages with 14 buckets of 8, on local files and in this process.

It reads JSON lines and writes those that it keeps, and both are in its time; so are the signatures
that it writes, sorts and reads between its stages. Words are spaCy's, as is its default. What it
has written says which rows it removed.
"""

import gzip
import json
import sys
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import (
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers.jsonl import JsonlWriter
from passes import read_texts, serve

texts = read_texts(sys.argv[1])
scratch = TemporaryDirectory()
source = Path(scratch.name, "source")
source.mkdir()
rows = ({"text": text, "id": str(row)} for row, text in enumerate(texts))
(source / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
config = MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8, seed=1)


def removed() -> list[int]:
    with TemporaryDirectory() as folder, redirect_stderr(StringIO()):
        signatures, pairs, gone, kept = (
            str(Path(folder, name)) for name in ("signatures", "pairs", "gone", "kept")
        )
        stages = [
            [JsonlReader(str(source)), MinhashDedupSignature(signatures, config)],
            [MinhashDedupBuckets(signatures, pairs, config=config)],
            [MinhashDedupCluster(pairs, gone, config=config)],
            [JsonlReader(str(source)), MinhashDedupFilter(gone), JsonlWriter(kept)],
        ]
        for number, (steps, tasks) in enumerate(zip(stages, (1, 14, 1, 1), strict=True)):
            logs = str(Path(folder, f"logs{number}"))
            LocalPipelineExecutor(steps, tasks=tasks, workers=1, logging_dir=logs).run()
        with gzip.open(Path(kept, "00000.jsonl.gz"), "rt", encoding="utf-8") as lines:
            left = {int(json.loads(line)["id"]) for line in lines}
    return sorted(set(range(len(texts))) - left)


serve(removed)
