"""datasketch's MinHashLSH at 0.8: 128 permutations of word 5-grams, the first seen stays.

Signatures come from its fastest way (bulk, xxHash); a document that shares a band with one before
it is removed, as its documentation does.
"""

import sys

from datasketch import MinHash, MinHashLSH
from passes import ngrams, read_texts, serve
from xxhash import xxh32_intdigest

texts = read_texts(sys.argv[1])


def removed() -> list[int]:
    shingles = ([s.encode() for s in ngrams(text, 5)] for text in texts)
    index = MinHashLSH(threshold=0.8, num_perm=128)
    rows = []
    for row, signature in enumerate(MinHash.bulk(shingles, num_perm=128, hashfunc=xxh32_intdigest)):
        if index.query(signature):
            rows.append(row)
        else:
            index.insert(row, signature)
    return rows


serve(removed)
