"""gaoya's index at 0.8 with its own bands (20 of 5): a document stays where none before it is near.

Its analyzer, in Rust, splits at white space and makes the 5-grams, so Python does nothing here. A
document is signed twice, as it has to be asked for before it is inserted; buckets are of the kind
that gaoya advises where near-duplicates are few, its fastest.
"""

import sys

from gaoya.minhash import MinHashStringIndex
from passes import read_texts, serve

texts = read_texts(sys.argv[1])


def removed() -> list[int]:
    index = MinHashStringIndex(
        jaccard_threshold=0.8, analyzer="word", lowercase=True, ngram_range=(5, 5),
        id_container="smallvec",
    )  # fmt: skip
    rows = []
    for row, text in enumerate(texts):
        if index.query(text):
            rows.append(row)
        else:
            index.insert_document(row, text)
    return rows


serve(removed)
