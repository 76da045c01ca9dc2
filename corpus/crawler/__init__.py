"""The polite crawler: links -> a WARC file, for links that no capture serves.

crawl.py      the fetcher: whom to ask, when, and what became of each link; read this first
settings.py   how politely, how long, how much
robots.py     what a host allows, and how long it wants to rest
hosts.py      names to addresses, pinned; private networks out of reach
exchange.py   one request and its answer, within limits
frontier.py   what a killed crawl goes on from
archive.py    the WARC file: request, response, metadata
"""
