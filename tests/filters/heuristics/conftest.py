"""Real texts for the rule sets: pages, posts, encyclopedia articles, other scripts."""

import gzip
import json
from itertools import islice
from pathlib import Path

import pytest

SOURCES = ("web_gold", "multilingual", "reddit_selftext", "wikitext2_train")
TEXTS_OF_EACH = 150


@pytest.fixture(scope="session")
def real_texts(real_data: Path) -> list[str]:
    found = []
    for name in SOURCES:
        with gzip.open(real_data / "text" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as rows:
            found += [json.loads(row)["text"] for row in islice(rows, TEXTS_OF_EACH)]
    return found
