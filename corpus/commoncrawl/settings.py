"""What a recipe can say about Common Crawl."""

from __future__ import annotations

import math

from corpus.config import Settings


class CommonCrawlSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where Common Crawl is, how its URL index is used, and how politely it is asked."""

    base: str = "https://data.commoncrawl.org/"
    """Stands before each path of a listing or an index: an https:// or s3:// address
    (s3://commoncrawl/ from within us-east-1), or a folder with a copy."""
    index_server: str = "https://index.commoncrawl.org/"
    """Where collinfo.json, the list of crawls, is."""
    cache: str = ""
    """Folder for what is transferred, seen by every executor; _downloads below the root where not
    given. It holds whole archives and the members of single captures, stays when a setting
    changes, and can be deleted: what is missing is fetched again."""
    connections: int = 10
    """Open at a time, over all tasks of a run. Common Crawl asks for few connections, and answers
    403 or 503 to those who open more than about ten (its own downloader's advice)."""
    user_agent: str = "Winnow/0.1"
    """Sent with each request; put an address where you can be reached."""
    max_attempts: int = 8
    """Requests in a row that bring nothing, before a transfer is given up: with the back-off below
    about two minutes on average."""
    backoff_seconds: float = 1.0
    """The pause before attempt n is drawn from 0 to this times 2^(n-1): full jitter, which spreads
    the clients of a throttled server best (Brooker 2015, "Exponential Backoff And Jitter")."""
    max_backoff_seconds: float = 60.0
    """Longest such pause."""
    max_retry_after_seconds: float = 600.0
    """Longest Retry-After that is waited for; a longer one ends the transfer as throttled."""
    connect_seconds: float = 30.0
    """Limit of one connection's set-up."""
    read_seconds: float = 60.0
    """Limit between two reads of an answer."""
    s3_anonymous: bool = False
    """Whether s3:// is asked without credentials; Common Crawl's bucket wants some."""
    s3_endpoint: str = ""
    """Address of another S3 server; AWS_ENDPOINT_URL is honoured where not given."""
    max_gap_bytes: int = 1 << 20
    """Captures of one archive that lie nearer than this are had by one request: at 10-20 MB/s a
    connection, 1 MiB takes as long as asking once more, 50-100 ms."""
    max_range_bytes: int = 16 << 20
    """Longest such range, which is held in memory."""
    captures_per_part: int = 2_000
    """Captures aimed at in one part; the captures of one archive stay together. At Common Crawl's
    28 kB a capture, a part is a WARC file of 56 MB."""
    max_index_hops: int = 3
    """Redirects followed from capture to capture inside the index. Each costs one more reading of
    it; http to https and www. cost none, since they have one key."""
    content_types: tuple[str, ...] = ("text/html", "application/xhtml+xml")
    """Media types of a capture that can serve a link."""

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        for name in ("connections", "max_attempts", "max_range_bytes", "captures_per_part"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        for name in ("connect_seconds", "read_seconds"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be more than 0")
        for name in ("backoff_seconds", "max_gap_bytes", "max_index_hops"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative")

    @property
    def prefix(self) -> str:
        """`base`, ending in a slash."""
        return self.base.rstrip("/") + "/"
