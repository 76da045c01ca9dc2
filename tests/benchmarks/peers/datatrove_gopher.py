"""datatrove's Gopher filters with their defaults: quality first, then repetition, on every text."""

import sys

from datatrove.data import Document
from datatrove.pipeline.filters import GopherQualityFilter, GopherRepetitionFilter
from passes import read_texts, serve

documents = [Document(text=text, id=str(i)) for i, text in enumerate(read_texts(sys.argv[1]))]
filters = [GopherQualityFilter(), GopherRepetitionFilter()]


def kept(document: Document) -> bool:
    verdicts = [filter_.filter(document) for filter_ in filters]  # both, whatever the first says
    return all(verdict is True for verdict in verdicts)


serve(lambda: sum(kept(document) for document in documents))
