"""resiliparse's main content, alternative texts of images left out."""

import sys

from passes import read_texts, serve
from resiliparse.extract.html2text import extract_plain_text

pages = read_texts(sys.argv[1])


def main_text(page: str) -> str:
    return extract_plain_text(page, main_content=True, alt_texts=False)


serve(lambda: sum(bool(main_text(page)) for page in pages))
