"""datatrove's MinhashDedupSignature: 128 hashes of word 5-grams, its own normal form and words."""

import sys

from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
from passes import read_texts, serve

texts = read_texts(sys.argv[1])
config = MinhashConfig(n_grams=5, num_buckets=16, hashes_per_bucket=8, seed=1)
step = MinhashDedupSignature("unused", config)  # a folder that only its `run` writes to


def sign() -> int:
    signatures = []
    for text in texts:
        shingles = step.get_shingles(text)
        signatures.append(step.get_signature(shingles) if shingles.size else None)
    return len(signatures)


serve(sign)
