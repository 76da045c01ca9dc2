"""Common Crawl: which crawls and files there are, and how their bytes are had.

listings.py    the crawls, and the path listings of one; a sample of them
surt.py        the key that its indexes are sorted by
cdx.py         lines of its index files
origins.py     https, S3 and folders of this machine, behind one question: bytes from here to there
transfer.py    asking politely and again: back-off, resumed ranges
copies.py      whole files
captures.py    single captures by byte range, near ones together, each verified
spool.py       what was fetched, kept for the next attempt
"""
