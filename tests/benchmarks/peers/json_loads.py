"""A dump read the plain way: json.loads over every line, WebText's rule; zstandard if it is packed.

With `addresses` the links are canonicalised too, as plainly: urlsplit, host in lower case, `www.`,
default port, fragment and utm_ parameters gone. Gives the number of lines and of links.
"""

import io
import json
import sys
from urllib.parse import urlsplit, urlunsplit

import zstandard
from passes import serve


def canonical(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url.replace("&amp;", "&"))
    except ValueError:
        return url, ""
    host = (parts.hostname or "").rstrip(".")
    if parts.port not in (None, 80, 443):
        host = f"{host}:{parts.port}"
    query = "&".join(item for item in parts.query.split("&") if not item.startswith("utm_"))
    path = parts.path or "/"
    key = ",".join(reversed(host.removeprefix("www.").split("."))) + ")" + path.rstrip("/")
    if query:
        key += "?" + "&".join(sorted(query.split("&")))
    return urlunsplit((parts.scheme, host, path, query, "")), key


def read() -> tuple[int, int]:
    num_lines = num_links = 0
    links = []
    with open(sys.argv[1], "rb", 1 << 20) as file:  # noqa: PTH123
        lines = file
        if sys.argv[1].endswith(".zst"):
            unpacked = zstandard.ZstdDecompressor(max_window_size=2**31).stream_reader(file)
            lines = io.BufferedReader(unpacked, 1 << 20)
        for line in lines:
            post = json.loads(line)
            num_lines += 1
            is_self = post["is_self"] or post["domain"].startswith("self.")
            if int(post["score"]) >= 3 and not is_self and post["url"]:
                num_links += 1
                if sys.argv[2] == "addresses":
                    links.append((*canonical(post["url"]), post["id"], post["subreddit"]))
    return num_lines, num_links


serve(read)
