from __future__ import annotations

from corpus.extraction.resiliparse import main_text
from tests.warcs import page


def test_paragraphs_are_parted_and_code_keeps_its_indentation():
    code = "def wade(river):\n    if river.is_slow:\n        return 1\n\n    return 2\n"
    html = page().decode().replace("</article>", f"<pre><code>{code}</code></pre></article>")
    text = main_text(html)
    assert text is not None
    assert code.strip() in text
    assert text.count("\n\nPart 0.") == 4


def test_alternative_texts_of_images_are_left_out():
    image = "<p>Seen here. <img src=x alt='A view of the river from the bridge'></p>"
    html = page().decode().replace("</article>", f"{image}</article>")
    text = main_text(html)
    assert text is not None
    assert "Seen here." in text
    assert "A view" not in text


def test_a_page_without_text_gives_none():
    assert main_text("<html><body></body></html>") is None
    assert main_text("") is None
