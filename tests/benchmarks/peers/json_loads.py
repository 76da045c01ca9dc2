"""A dump read the plain way: zstandard and json.loads, karma and self posts checked."""

import io
import json
import sys

import zstandard
from passes import serve


def read() -> int:
    num_lines = num_links = 0
    with open(sys.argv[1], "rb") as file:  # noqa: PTH123
        unpacked = zstandard.ZstdDecompressor(max_window_size=2**31).stream_reader(file)
        for line in io.BufferedReader(unpacked, 1 << 20):
            post = json.loads(line)
            num_lines += 1
            if int(post["score"]) >= 3 and not post["is_self"] and post["url"]:
                num_links += 1
    return num_lines


serve(read)
