"""fastwarc's ArchiveIterator: each response's body, its codings undone."""

import sys
from pathlib import Path

from fastwarc.warc import ArchiveIterator, WarcRecordType
from passes import serve


def read() -> list[int]:
    num = size = 0
    for path in sys.argv[1:]:
        with Path(path).open("rb") as file:
            for record in ArchiveIterator(
                file, record_types=WarcRecordType.response, parse_http=True, auto_decode="all"
            ):
                num += 1
                size += len(record.reader.read())
    return [num, size]


serve(read)
