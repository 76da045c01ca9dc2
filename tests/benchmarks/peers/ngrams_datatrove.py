"""Documents that datatrove's NGramsDecontFilter drops, with 13-grams and its own words and hash.

Its indexer reads tasks of lighteval alone; the index is written here as it writes it, by its own
tokenizer, normal form and hash.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
from datatrove.data import Document
from datatrove.pipeline.decont.n_grams import NGramsDecontConfig, NGramsDecontFilter
from datatrove.utils.text import ngrams, simplify_text
from passes import read_texts, serve

texts, known = read_texts(sys.argv[2]), read_texts(sys.argv[3])
config = NGramsDecontConfig(n_grams=13)
with tempfile.TemporaryDirectory() as folder:
    filter_ = NGramsDecontFilter(folder, config)
    hashes = {
        filter_.hash_func(" ".join(ngram))
        for text in known
        for ngram in ngrams(
            filter_.tokenizer.word_tokenize(simplify_text(text, config.norm_config)), 13
        )
    }
    kind = np.dtype(config.hash_config.np_descr)
    np.array(list(hashes), kind).tofile(Path(folder) / "novels.index.hashes")
    filter_.load_index_hashes()
documents = [Document(text=text, id=str(row)) for row, text in enumerate(texts)]


def found() -> list[int]:
    """Rows of the documents that are dropped."""
    return [row for row, one in enumerate(documents) if filter_.filter(one) is not True]


serve(found)
