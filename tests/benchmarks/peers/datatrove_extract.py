"""datatrove's extraction step with its defaults, without the process that it would start for it."""

import sys

from datatrove.pipeline.extractors import Trafilatura
from passes import read_texts, serve

pages = read_texts(sys.argv[1])
extractor = Trafilatura()
serve(lambda: sum(bool(extractor.extract(page)) for page in pages))
