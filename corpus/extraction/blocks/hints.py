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

_LD = "application/ld+json"
_LD_TYPE = re.compile(r'"@type"\s*:\s*\[?\s*"(\w+)"')
_OG = "og:type"
_CONTENT = re.compile(r"""\scontent\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))""", re.I)
MAX_OG = 4  # places looked at: the name may stand in a script before the tag
MAX_LD_CHARACTERS = 200_000  # of a page: longer ones are lists of products, whose types are seen


def page_hints(html: str) -> npt.NDArray[np.float32]:
    """float32 (NUM_HINTS,): 1 for each hint that the page gives."""
    found = np.zeros(NUM_HINTS, np.float32)
    kind = _open_graph_type(html)
    for number, name in enumerate(_OG_KINDS):
        found[number] = name in kind
    types = set(_LD_TYPE.findall(_json_ld(html)))
    for number, (_, pattern) in enumerate(_LD_KINDS, start=len(_OG_KINDS)):
        found[number] = any(pattern.fullmatch(name) for name in types)
    found[-1] = bool(types)
    return found


def _open_graph_type(html: str) -> str:
    at = -1
    for _ in range(MAX_OG):
        at = html.find(_OG, at + 1)
        if at < 0:
            break
        content = _CONTENT.search(html, html.rfind("<", 0, at), max(html.find(">", at), at))
        if content is not None:
            return "".join(content.groups("")).lower()
    return ""


def _json_ld(html: str) -> str:
    """The page's JSON-LD scripts, one after the other."""
    scripts, size = [], 0
    at = html.find(_LD)
    while at >= 0 and size < MAX_LD_CHARACTERS:
        end = html.find("</script", at)
        scripts.append(html[at : end if end >= 0 else None][:MAX_LD_CHARACTERS])
        size += len(scripts[-1])
        at = html.find(_LD, at + max(len(scripts[-1]), 1))
    return "\n".join(scripts)
