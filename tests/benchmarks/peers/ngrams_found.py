"""Documents that hold a 13-gram of the benchmarks, by rbloom's Bloom filter or a Python set."""

import sys

from passes import ngrams, read_texts, serve
from rbloom import Bloom

texts, benchmarks = read_texts(sys.argv[2]), read_texts(sys.argv[3])
known = {ngram for text in benchmarks for ngram in ngrams(text, 13)}
if sys.argv[1] == "rbloom":
    index = Bloom(len(known), 0.001)
    index.update(known)
else:
    index = known


def found() -> list[int]:
    """Rows of the documents; every 13-gram is looked up, as all places have to be known."""
    hits = [[n for n in ngrams(text, 13) if n in index] for text in texts]
    return [row for row, places in enumerate(hits) if places]


serve(found)
