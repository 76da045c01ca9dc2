"""What kind of page a page says it is: by Open Graph's type and schema.org's types in JSON-LD.

Publishers give both for search engines and link previews. That a page is one article tells that the
teasers beside it are none of its text; that it is a list, that they are.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

# schema.org types, by what they say of a page's main text.
_LD_KINDS = (
    ("ld_article", re.compile(r"\w*Article|BlogPosting|Report|Recipe|Review")),
    ("ld_product", re.compile(r"Product\w*|Offer")),
    ("ld_forum", re.compile(r"QAPage|Question|Answer|DiscussionForumPosting|Comment")),
    ("ld_list", re.compile(r"ItemList|CollectionPage|SearchResultsPage|OfferCatalog|Blog")),
    ("ld_faq", re.compile(r"FAQPage")),
    ("ld_service", re.compile(r"\w*Service|LocalBusiness|\w*Store|Course|Event")),
)
_OG_KINDS = ("article", "website", "product")
HINT_NAMES = (*(f"og_{kind}" for kind in _OG_KINDS), *(name for name, _ in _LD_KINDS), "has_ld")
NUM_HINTS = len(HINT_NAMES)

_LD = b"application/ld+json"
_LD_TYPE = re.compile(r'"@type"\s*:\s*\[?\s*"(\w+)"')
_OG = b'"og:type"'
_CONTENT = re.compile(rb'\scontent="([^"]*)"')
MAX_LD_BYTES = 200_000  # of a page: longer ones are lists of products, whose types are seen


def page_hints(canonical: bytes) -> npt.NDArray[np.float32]:
    """float32 (NUM_HINTS,): 1 for each hint that the page gives."""
    found = np.zeros(NUM_HINTS, np.float32)
    kind = _open_graph_type(canonical)
    for number, name in enumerate(_OG_KINDS):
        found[number] = name in kind
    types = set(_LD_TYPE.findall(_json_ld(canonical)))
    for number, (_, pattern) in enumerate(_LD_KINDS, start=len(_OG_KINDS)):
        found[number] = any(pattern.fullmatch(name) for name in types)
    found[-1] = bool(types)
    return found


def _open_graph_type(canonical: bytes) -> str:
    at = canonical.find(_OG)
    if at < 0:
        return ""
    tag = canonical[canonical.rfind(b"<", 0, at) : canonical.find(b">", at)]
    content = _CONTENT.search(tag)
    return content[1].decode("utf-8", "replace").lower() if content else ""


def _json_ld(canonical: bytes) -> str:
    """The page's JSON-LD scripts, one after the other."""
    scripts, size = [], 0
    at = canonical.find(_LD)
    while at >= 0 and size < MAX_LD_BYTES:
        end = canonical.find(b"</script", at)
        scripts.append(canonical[at : end if end >= 0 else None][:MAX_LD_BYTES])
        size += len(scripts[-1])
        at = canonical.find(_LD, at + max(len(scripts[-1]), 1))
    return b"\n".join(scripts).decode("utf-8", "replace")
