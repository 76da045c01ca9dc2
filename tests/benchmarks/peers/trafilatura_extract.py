"""trafilatura with its defaults, or without comments."""

import sys

from passes import read_texts, serve
from trafilatura import extract

pages = read_texts(sys.argv[1])
comments = "--comments" in sys.argv
serve(lambda: sum(bool(extract(page, include_comments=comments)) for page in pages))
