"""Pages that show one rule of the engine each, and a strategy that writes any."""

# ruff: noqa: RUF001 - punctuation of other scripts is meant
from __future__ import annotations

from hypothesis import strategies as st

PAGES = {
    "nothing": "",
    "no_text": "<html><body><div class=x><img src=a></div></body></html>",
    "no_letters": "<p>--- *** ...</p><p>a</p>",
    "text_without_tags": "Only words, no tags.",
    "inline_and_block": "<div>One <b>bold</b> <i>word</i><div>Two</div>three<p>four</p></div>five",
    "words_across_inline_tags": "<p>un<b>believ</b>able <a href=x>li</a>nk</p>",
    "unknown_tags": "<foo-bar>One<baz>two</baz>three</foo-bar><P>four",
    "breaks": "<p>One<br>two<br> <br/>three<br><br><br>four<br></p><br>five",
    "break_after_a_space": "<p>One <br> two</p><p><b>a<br></b>b<i><br></i>c</p>",
    "void_block_tags": "<p>One</p>two<hr>three<img>four<wbr>five<embed>six",
    "pre": "<pre>\n\n  def f():\n\treturn 1  \n\n</pre><p>  two\n words  </p>",
    "pre_with_tags": "<pre><code>a  <b>b</b>\n</code>  <span> c</span></pre>",
    "entities": "<p>A &amp; B &lt;c&gt; &quot;d&quot; &copy; &amp;nbsp; &amp;amp; R&D & E</p>",
    "no_break_spaces": "<p>&nbsp; a&nbsp;b &nbsp;&#8199;\u2003c\u200bd\u202fe&nbsp;<p>&nbsp;</p>",
    "script": "<p>One</p><script>var a = '</div><p>no</p>' && 1 < 2;</script><p>two</p>",
    "script_in_script": (
        "<script><!-- document.write('<script src=x></script>') //--></script><p>One</p>"
        "<script><!-- <SCRIPT\n></script> <scripts> </script><p>two</p><script><!-- <script> -->"
        "</script><p>three</p><script> <script> </script><p>four"
        "<script><!--> <script> </script><p>five"
    ),
    "instructions": "<?xml version='1.0'?><p>One<?php if (a) { echo 1; } ?>two</p>three<? a ?>",
    "old_void_tags": "<body><bgsound src=x><p>One<basefont size=2>two</p>three<keygen>four",
    "style": "<style>p > a { color: red } /* </p> */</style><p>One",
    "comments": "<p>One<!-- a > b <p> -- no -->two</p><!doctype x><!--><p>three<!-- -->",
    "skipped": (
        "<p>One</p><template><p>no</p></template><svg><title>no</title><a>no</a><path d=M0 /></svg>"
        "two<select><option>no</select><textarea>no</textarea><iframe><p>no</p></iframe>"
        "<object>no<p>no</p></object><video>no</video><canvas>no</canvas><p>three"
    ),
    "raw": "<xmp><b>no</b></xmp><noembed><p>no</noembed><p>One</p><plaintext><p>no</p>",
    "title": "<head><title>It's the Title &amp; more</title></head><body><title>no</title><p>One",
    "titles": "<head><title> - </title><title>First</title><title>no</title></head><p>One",
    "long_title": "<title>" + " ".join(f"w{n}" for n in range(300)) + "</title><p>One",
    "hidden": (
        "<div hidden>a<p>b</p></div><div style='color:red; Display : None'>c</div><p>d</p>"
        "<p style=visibility:hidden>e</p><p aria-hidden=true>f</p><p aria-hidden=false>g</p>"
        "<p style='display:inline'>h</p><p style='ddisplay:none'>i</p>"
    ),
    "names": (
        "<div class='article-body articleBody post_2024 col-md-6 h2o -x- --'>a</div>"
        "<div id=mainContent1 role=main itemprop=articleBody itemtype='http://schema.org/Article'>"
        "b</div><p class='a&amp;b&quot;c &lt;d&gt; \u00fcber-\u6f22\u5b57 XMLHttp' data-class=no>c"
        "</p><a href='/tag/two-words?a=b&amp;page=2' class=''>d</a><link href=/no><p href=/no>e"
    ),
    "many_names": f"<p class='{' '.join('abc'[: n % 3 + 1] + '-' + 'i' * n for n in range(60))}'>a",
    "links": "<p>One <a href=/>two</a> <a>three</a></p><a><p>four</p>five</a><p><a></a>six",
    "bold": "<p><b>One <strong>two</strong> three</b> four <strong>five</strong>",
    "lists": "<ul><li>One<ul><li>two</li><li>three</li></ul></li><li>four</ul><dl><dt>a<dd>b</dl>",
    "tables": "<table><tr><th>a<th>b<tr><td>c<table><tr><td>d</table><td>e</table>",
    "han": "<title>日本語の題名</title><p>日本語の文章、例です。２０２４年！<p>漢字abc漢 字",
    "hangul_and_marks": "<p>한국어 문장입니다. 々〆〇「引用」【注】～</p><p>。、</p>",
    "other_scripts": "<p>Это текст. Ελληνικά; عربي، ไทย</p><p>naïve Ünï½ ªµº «x» \ufeffy</p>",
    "counts": "<p>HTML is 100% Fun! isn't it? don\u2019t, a|b@c/d>e#f={g} 'Tis dogs' a.b:c;d</p>",
    "copies": "<p>read more about it</p><div><p>Read more: about it!</p></div><p>read more</p>",
    "deep": "<div>" * 5_000 + "One" + "</div>" * 2_500 + "two",
    "deep_inline": "<i>" * 600 + "One<p>two",
}  # fmt: skip

TEXTS = (
    "Hello", " World.", "\n", "\t  ", "it's ", "2024", "&nbsp;", "R&D &lt;b&gt;", "漢字、かな。",
    "é", "X", ", and; so: on", "|@/", "—", "’", "한국", "１２", "ﬁ", "\u200b", "-", "<!-- > -->",
    "lower UPPER",
)  # fmt: skip
TAGS = (
    "p", "div", "li", "ul", "td", "tr", "table", "h1", "h3", "a", "span", "b", "strong", "em",
    "article", "main", "nav", "header", "footer", "form", "pre", "code", "section", "blockquote",
    "dl", "dd", "button", "label", "noscript", "title", "template", "object", "foo-bar", "center",
    "textarea", "select", "option", "iframe", "xmp", "video", "ruby", "rt", "font", "figure",
)  # fmt: skip
LEAVES = (
    "<br>", "<hr>", "<img alt=x>", "<wbr>", "<input>", "<svg><text>no</text></svg>",
    "<script>'</p>'</script>", "<style>p>a{}</style>",
)  # fmt: skip
ATTRIBUTES = (
    "", " class=article-body", ' class="navItem nav-2"', " id=mainContent", " hidden",
    ' style="display: none"', " aria-hidden=true", " role=main", ' href="/a/b-c?d=1&e"', " x=y>",
)  # fmt: skip


def _element(tag: str, attribute: str, inner: list[str]) -> str:
    return f"<{tag}{attribute}>{''.join(inner)}</{tag}>"


pages = st.recursive(
    st.sampled_from(TEXTS) | st.sampled_from(LEAVES),
    lambda inner: st.builds(
        _element, st.sampled_from(TAGS), st.sampled_from(ATTRIBUTES), st.lists(inner, max_size=5)
    ),
    max_leaves=60,
).flatmap(
    lambda body: st.sampled_from(("", "<title>Hello World, a title</title>")).map(
        lambda head: head + body
    )
)
"""HTML of nested tags with attributes and text."""
