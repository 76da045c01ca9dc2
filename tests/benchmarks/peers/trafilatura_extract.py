"""trafilatura with its defaults, comments included."""

import sys

from passes import read_texts, serve
from trafilatura import extract

pages = read_texts(sys.argv[1])
serve(lambda: sum(bool(extract(page)) for page in pages))
