"""Pages as news sites, forums, manuals and shops write them."""

from __future__ import annotations

NEWS = """<!DOCTYPE html><html lang=en><head><title>Town council votes to restore old mill bridge |
The Valley Post</title><meta name=description content="no"><style>nav{color:red}</style>
<script>window.ads = "<div>buy</div>";</script></head><body class="single-post"> <header
id=masthead><a href=/>The Valley Post</a><nav class=main-nav><ul><li><a href=/news>News</a>
</li><li><a href=/sport>Sport</a></li><li><a href=/weather>Weather</a></li><li><a
href=/jobs>Jobs</a> </li></ul></nav></header><div class=breadcrumbs><a href=/>Home</a> / <a
href=/news>News</a></div> <main><article class="post entry"><h1>Town council votes to restore old
mill bridge</h1> <div class=share><a href=f>Share on Facebook</a> <a href=t>Tweet</a></div> <p>The
town council voted on Tuesday night to spend four million pounds on the restoration of the old mill
bridge, which has been closed to traffic since the floods of last winter.</p> <p>Engineers told the
meeting that two of the three arches had moved by more than a hand's width, and that the river bed
below them would have to be made firm before any stone could be laid again.</p> <h2>A long
winter</h2><p>“We have waited long enough,” said Anna Miller, who keeps the bakery beside the
bridge. “Half of my customers live on the other side, and they now drive for twenty minutes.”</p>
<ul><li>Work on the river bed begins in May.</li><li>The arches follow in the autumn.</li></ul>
<p>The council expects the bridge to open again in the spring of next year, if the weather
holds.</p> </article><aside class="sidebar related"><h3>Most read</h3><ul><li><a href=/1>Ten best
walks</a></li> <li><a href=/2>Cat found after a year</a></li><li><a href=/3>Rail strike is
off</a></li></ul></aside> </main><footer class=site-footer><p>© 2024 The Valley Post. All rights
reserved.</p><ul><li> <a href=/privacy>Privacy policy</a></li><li><a href=/contact>Contact
us</a></li></ul></footer></body>"""

THREAD = """<html><head><title>Sourdough does not rise - Baking Forum</title></head><body> <div
id=top-menu><a href=/>Forum index</a> <a href=/faq>FAQ</a> <a href=/login>Log in</a></div> <div
class=thread><h1>Sourdough does not rise</h1> <div class=post><div class=author><a
href=/u/1>baker77</a> Posts: 12</div><div class=post-body> <p>I have fed my starter twice a day for
two weeks and it doubles in six hours, but my loaves stay as flat as a board. I use strong white
flour and seventy per cent water. What am I doing wrong?</p></div> </div><div class=post><div
class=author><a href=/u/2>crusty</a> Posts: 3041</div><div class=post-body> <p>That sounds as if
the dough were too cold. Mine needs about eight hours at twenty degrees before I shape it, and it
should have grown by half at least when you do. Poke it and see if it comes back.</p>
</div></div><div class=post><div class=author><a href=/u/1>baker77</a> Posts: 13</div> <div
class=post-body><p>It was the temperature indeed. I put the bowl into the oven with only the lamp
on and this morning's loaf came out beautifully. Thank you all!</p></div></div></div> <div
class=footer>Powered by SomeBoard <a href=/terms>Terms of use</a></div></body></html>"""

MANUAL = """<html><head><title>Reading files — tinyio 2.1 documentation</title></head><body> <div
class=sphinxsidebar role=navigation><h3>Table of contents</h3><ul><li><a href=#>Reading files</a>
</li><li><a href=w>Writing files</a></li><li><a href=e>Errors</a></li></ul></div> <div class=body
role=main><section id=reading><h1>Reading files</h1> <p>The function <code>read_lines</code> opens
a file and gives its lines one after the other, without their ends. The file is closed when the
last line has been read, or when the loop is left.</p><pre><code>import tinyio

for line in tinyio.read_lines("names.txt"):
    if line:
        print(line.title())
</code></pre><p>Where the file does not exist, <code>FileNotFoundError</code> is raised at once,
before the
first line is asked for. A file that is packed by gzip is unpacked on the way.</p></section></div>
<div class=footer role=contentinfo>© Copyright 2024. Created using Sphinx.</div></body></html>"""

PRODUCT = """<html><head><title>Walking boot Fell 3 - Hillwear shop</title></head><body>
<nav><ul><li><a href=/men>Men</a></li><li><a href=/women>Women</a></li><li><a
href=/sale>Sale</a></li> </ul></nav><div class=cart><a href=/cart>Your cart (0)</a></div><div
class=product itemscope itemtype=http://schema.org/Product><h1 itemprop=name>Walking boot Fell
3</h1><span class=price>€ 149 </span><button>Add to cart</button><div class=description
itemprop=description><p>The Fell 3 is a light boot for long days on stony paths. Its upper is one
piece of waxed leather, so there are few seams for water to find, and the sole can be replaced by
any cobbler when it is worn.</p><p>The tongue is sewn in on both sides up to the ankle, and the
lining is of wool, which dries overnight in a warm room.</p> </div></div><div
class=recommendations><h3>Customers also bought</h3><a href=/4>Wool socks</a> <a href=/5>Wax
tin</a><a href=/6>Gaiters</a></div><footer><a href=/returns>Returns</a></footer>"""

GERMAN = """<html lang=de><head><title>Der Fluss kehrt zurück | Talbote</title></head><body> <nav
class=navigation><ul><li><a href=/>Startseite</a></li><li><a href=/p>Politik</a></li><li> <a
href=/k>Kultur</a></li><li><a href=/a>Anmelden</a></li></ul></nav><div class=inhalt> <h1>Der Fluss
kehrt zurück</h1><p>Vor dreißig Jahren wurde der Bach im Tal in ein Rohr gelegt, weil die Straße
breiter werden sollte. Nun hat der Gemeinderat beschlossen, ihn wieder ans Licht zu holen.</p>
<p>„Das Rohr ist ohnehin am Ende“, sagt die Bürgermeisterin, „und ein neues kostet mehr als ein
neuer Bach.“ Im Sommer beginnen die Arbeiten, und im nächsten Frühjahr soll das Wasser wieder
fließen.</p> <p>Die Anwohner hoffen auf kühlere Sommer; manche fürchten aber um ihre Keller, wenn
es lange regnet. </p></div><div class=fusszeile><a href=/i>Impressum</a> <a
href=/d>Datenschutz</a></div></body></html>"""

JAPANESE = """<html lang=ja>
<head><title>古い橋の修理が始まる - 谷新聞</title></head>
<body><nav><ul><li><a href=/>ホーム</a></li>
<li><a href=/n>ニュース</a></li>
<li><a href=/s>スポーツ</a></li>
<li><a href=/l>ログイン</a></li>
</ul></nav>
<article>
<h1>古い橋の修理が始まる</h1>
<p>町議会は火曜日の夜、昨年の洪水で通行止めになっている古い橋の修理に四億円を使うことを決めた。
橋は百年以上前に石で造られたもので、町の人々に長く愛されてきた。</p>
<p>技術者の説明によると、三つのアーチのうち二つが大きく動いており、
石を積み直す前に川底を固めなければならないという。
工事は五月に始まり、来年の春に終わる予定である。</p>
<p>橋のそばでパン屋を営む女性は「お客さんの半分は向こう岸に住んでいます。
早く渡れるようになってほしい」と話した。</p>
</article><footer>© 谷新聞社 <a href=/k>お問い合わせ</a></footer></body></html>"""
