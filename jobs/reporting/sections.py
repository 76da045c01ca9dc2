"""A section of a page: a heading, a sentence or two on what it shows, and the body."""

from __future__ import annotations


def section(name: str, title: str, lead: str, body: str) -> str:
    """The section of this id; the parts are HTML."""
    return f"""
<section id="{name}">
<h2>{title}</h2>
<p class="lead">{lead}</p>
{body}
</section>
"""
