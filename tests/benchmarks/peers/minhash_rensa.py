"""rensa's RMinHash, 128 permutations of word 5-grams."""

import sys

from passes import ngrams, read_texts, serve
from rensa import RMinHash

texts = read_texts(sys.argv[1])


def sign() -> int:
    signatures = []
    for text in texts:
        sketch = RMinHash(num_perm=128, seed=1)
        sketch.update(ngrams(text, 5))
        signatures.append(sketch.digest())
    return len(signatures)


serve(sign)
