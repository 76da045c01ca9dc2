"""text-dedup's MinHash at 0.8: 128 permutations of word 5-grams, by the function of its command.

It reads JSON lines and writes a data set, and both are in its time, as is what `datasets` does in
between. Of its hashes xxh3 is the faster. What it has written says which rows it removed.
"""

import json
import logging
import sys
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import datasets
from passes import read_texts, serve
from text_dedup.minhash import main
from text_dedup.utils import IOArgs, MetaArgs, MinHashArgs

logging.disable()
datasets.disable_progress_bars()
texts = read_texts(sys.argv[1])
scratch = TemporaryDirectory()
source = Path(scratch.name, "texts.jsonl")
rows = ({"text": text, "row": row} for row, text in enumerate(texts))
source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
num_passes = 0


def removed() -> list[int]:
    global num_passes
    num_passes += 1  # a folder of its own: a pass must find nothing that another has cached
    folder = Path(scratch.name, str(num_passes))
    with redirect_stderr(StringIO()):
        main.callback(
            io_args=IOArgs(
                path="json", data_files=str(source), split="train", num_proc=None,
                cache_dir=str(folder / "cache"), output=str(folder / "kept"), clean_cache=False,
            ),
            meta_args=MetaArgs(column="text"),
            minhash_args=MinHashArgs(ngram=5, num_perm=128, threshold=0.8, hash_func="xxh3"),
        )  # fmt: skip
    kept = datasets.load_from_disk(str(folder / "kept"))["row"]
    return sorted(set(range(len(texts))) - set(kept))


serve(removed)
