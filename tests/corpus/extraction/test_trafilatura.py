from __future__ import annotations

from corpus.extraction.trafilatura import main_text
from tests.warcs import PARAGRAPH, page


def test_comments_of_readers_are_left_out():
    comments = f"<div id='comments'><ul><li>Nice! {PARAGRAPH}</li></ul></div>".encode()
    html = page().replace(b"</article>", b"</article>" + comments).decode()
    assert "Nice!" in html
    assert main_text(html) == main_text(page().decode())


def test_tables_and_lists_are_kept():
    table = "<table><tr><th>River</th><th>Length</th></tr><tr><td>Ouse</td><td>84</td></tr></table>"
    html = page().decode().replace("</article>", f"{table}<ul><li>One item</li></ul></article>")
    text = main_text(html)
    assert text is not None
    assert "Ouse" in text
    assert "One item" in text


def test_a_page_without_text_gives_none():
    assert main_text("<html><body></body></html>") is None
    assert main_text("") is None


def test_paragraphs_lists_and_code_keep_their_lines():
    more = (
        "<pre><code>def wade(river):\n    if river.is_slow:\n        return 1\n</code></pre>"
        "<ul><li>One item<ul><li>Within it</li></ul></li><li>Two items</li></ul>"
    )
    text = main_text(page().decode().replace("</article>", f"{more}</article>"))
    assert text is not None
    assert text.count("\nPart 0.") == 4
    assert "\ndef wade(river):\n    if river.is_slow:\n        return 1\n" in text
    assert "\n- One item\n  - Within it\n- Two items" in text
