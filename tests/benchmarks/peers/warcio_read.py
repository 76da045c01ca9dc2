"""warcio's ArchiveIterator: each response's body, its codings undone."""

import sys
from pathlib import Path

from passes import serve
from warcio.archiveiterator import ArchiveIterator


def read() -> list[int]:
    num = size = 0
    for path in sys.argv[1:]:
        with Path(path).open("rb") as file:
            for record in ArchiveIterator(file):
                if record.rec_type == "response":
                    num += 1
                    size += len(record.content_stream().read())
    return [num, size]


serve(read)
