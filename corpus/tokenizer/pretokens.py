"""How often each distinct pre-token occurs, in 64 bits: all that training a BPE asks of texts.

Counts of parts add up to those of the whole, in any order. Cost: about 4 MB/s a core, and the
distinct pre-tokens in memory.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from corpus.tokenizer.bytelevel import byte_characters
from corpus.tokenizer.splitting import GPT2, Splitting
from corpus.utf8 import Int64Array

# GPT-2's pattern cuts white space as this does, and no pre-token of it crosses these cuts, so that
# the encoder's own splitter, which is slow to call, is asked once for each distinct unit.
_SPACE = r"\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"  # Unicode's White_Space
_UNIT = re.compile(rf" ?[^{_SPACE}]+|[{_SPACE}]+(?![^{_SPACE}])|[{_SPACE}]+")


def count_pretokens(
    texts: pa.Array | pa.ChunkedArray, splitting: Splitting = GPT2
) -> tuple[pa.Array, Int64Array]:
    """The distinct pre-tokens of the texts, and how often each occurs.

    Returns large_binary in byte order, and int64. A null is no text. Counts of two arrays add.
    """
    units: Counter[str] = Counter()
    for text in texts:
        found_text = text.as_py() or ""
        units.update(_UNIT.findall(found_text) if splitting.is_gpt2 else [found_text])
    split = splitting.pre_tokenizer().pre_tokenize_str
    found: Counter[str] = Counter()
    for unit, num in units.items():
        for shown, _ in split(unit):
            found[shown] += num
    byte_of = {shown: byte for byte, shown in byte_characters().items()}
    raw = sorted((bytes(map(byte_of.__getitem__, shown)), num) for shown, num in found.items())
    return (
        pa.array([pretoken for pretoken, _ in raw], pa.large_binary()),
        np.array([num for _, num in raw], np.int64),
    )


def add_counts(parts: Iterable[tuple[pa.Array, Int64Array]]) -> tuple[pa.Array, Int64Array]:
    """The pre-tokens of all parts in byte order, and the sums of their counts."""
    tables = [pa.table({"pretoken": tokens, "count": counts}) for tokens, counts in parts]
    if not tables:
        return pa.array([], pa.large_binary()), np.zeros(0, np.int64)
    summed = pa.concat_tables(tables).group_by("pretoken").aggregate([("count", "sum")])
    summed = summed.sort_by("pretoken").combine_chunks()
    pretokens = pa.concat_arrays(summed["pretoken"].chunks or [pa.array([], pa.large_binary())])
    return pretokens, summed["count_sum"].to_numpy()
