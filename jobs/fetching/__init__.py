"""The steps of the stage fetch, in the order in which they run.

archives.py    which archives there are; bring those here that lie elsewhere; scan them
serving.py     the links that an archive here serves
lookup.py      where the URL index has a capture for the others
ranges.py      those captures, by byte range
crawling.py    the polite crawler, for what is left
listing.py     each record once, each link answered
"""
