"""URL rules: Wikipedia leaves what came from the web, blocked addresses leave everything."""

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.blocklists import read_block_lists
from corpus.sources import Source
from filters import url
from filters.url import UrlSettings
from filters.verdict import first_fault

SOURCES = {
    "crawl": Source(kind="warc", files=()),
    "webtext": Source(kind="reddit", files=()),
    "wikipedia": Source(kind="text", files=()),
}


def reason(address, source="webtext", lists=url.NO_LISTS, **changes):
    faults = url.judge([address], [source], UrlSettings(**changes), SOURCES, lists)
    return first_fault(1, faults)[0]


@pytest.fixture
def listed(tmp_path):
    """Lists of these lines: listed(addresses="a.example", words="casino")."""

    def lists(**kinds):
        for kind, text in kinds.items():
            (tmp_path / kind).write_text(text, encoding="utf-8")
        return read_block_lists(**{kind: [str(tmp_path / kind)] for kind in kinds})[0]

    return lists


@pytest.mark.parametrize(
    "address",
    [
        "https://en.wikipedia.org/wiki/A",
        "http://EN.m.Wikipedia.org:80/wiki/A",
        "https://wikipedia.org",
    ],
)
def test_wikipedia_and_its_languages_leave(address):
    assert reason(address) == url.WIKIPEDIA_PAGE
    assert reason(address, "crawl") == url.WIKIPEDIA_PAGE


@pytest.mark.parametrize(
    "address",
    [
        "https://notwikipedia.org/",
        "https://wikipedia.org.example.com/",
        "https://example.com/wikipedia.org",
        "no address",
        None,
    ],
)
def test_what_only_names_wikipedia_passes(address):
    assert reason(address) is None


def test_a_text_source_keeps_its_wikipedia_pages():
    assert reason("https://en.wikipedia.org/wiki/A", "wikipedia") is None


def test_the_rule_can_be_off_for_the_recipe_or_for_a_source():
    address = "https://en.wikipedia.org/wiki/A"
    assert reason(address, remove_wikipedia=False) is None
    assert reason(address, keep_wikipedia_of=("webtext",)) is None
    assert reason(address, "crawl", keep_wikipedia_of=("webtext",)) == url.WIKIPEDIA_PAGE


def test_a_blocked_domain_takes_its_subdomains_along():
    blocked = {"blocked_domains": ("example.com", "a.example.org")}
    assert reason("https://www.example.com/x", **blocked) == url.BLOCKED_DOMAIN
    assert reason("https://example.com", "wikipedia", **blocked) == url.BLOCKED_DOMAIN
    assert reason("https://example.org/a.example.org", **blocked) is None
    assert reason("https://myexample.com/", **blocked) is None


def test_a_list_and_the_recipe_block_together(listed):
    lists = listed(addresses="a.example\nb.example/x\n")
    blocked = {"blocked_domains": ("c.example",), "lists": lists}
    assert reason("https://www.a.example/", **blocked) == url.BLOCKED_DOMAIN
    assert reason("https://c.example/", "wikipedia", **blocked) == url.BLOCKED_DOMAIN
    assert reason("https://b.example/x/y", "wikipedia", **blocked) == url.BLOCKED_ADDRESS
    assert reason("https://b.example/xy", **blocked) is None
    assert reason("https://www.aa.example/", **blocked) is None


def test_an_address_in_another_spelling_is_the_same(listed):
    lists = listed(addresses="Bücher.example\nb.example/~user\n")
    assert reason("http://WWW.B%C3%BCcher.example:80/", lists=lists) is None  # no host
    assert reason("http://www.bücher.example:80/x", lists=lists) == url.BLOCKED_DOMAIN
    assert reason("http://b.example/%7Euser?utm_source=x", lists=lists) == url.BLOCKED_ADDRESS


def test_a_top_level_domain_takes_all_below_it():
    blocked = {"blocked_top_level_domains": ("xxx", "xn--p1ai")}
    assert reason("https://example.xxx/", **blocked) == url.BLOCKED_TOP_LEVEL
    assert reason("https://пример.рф/", **blocked) == url.BLOCKED_TOP_LEVEL
    assert reason("https://xxx.example/xxx", **blocked) is None
    assert reason("https://example.xxxx/", **blocked) is None


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://example.com/casino", url.BLOCKED_WORD),
        ("https://casino.example/", url.BLOCKED_WORD),
        ("https://example.com/?q=My+CASINO_2", url.BLOCKED_WORD),
        ("https://example.com/%63asino", url.BLOCKED_WORD),
        ("https://example.com/%D0%BA%D0%B0%D0%B7%D0%B8%D0%BD%D0%BE", url.BLOCKED_WORD),
        ("https://example.com/casinos", None),
        ("https://casinoexample.com/", None),
        ("casino", None),
    ],
)
def test_a_strict_word_blocks_where_it_stands_alone(listed, address, expected):
    assert reason(address, lists=listed(words="casino\nказино\n")) == expected  # noqa: RUF001


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://blocked-site.example/", url.BLOCKED_SUBWORD),
        ("https://example.com/MyBlocked_Sites", url.BLOCKED_SUBWORD),
        ("https://example.com/blocked/site", url.BLOCKED_SUBWORD),
        ("https://example.com/blocked.s.ite", url.BLOCKED_SUBWORD),
        ("https://example.com/blocked-1-site", None),
        ("https://example.com/a+b", None),
    ],
)
def test_a_subword_blocks_wherever_it_stands(listed, address, expected):
    assert reason(address, lists=listed(subwords="blocked.site\nhttps\na+b.\n")) == expected


def test_soft_words_block_only_together(listed):
    lists = listed(soft_words="bonus\npoker\nslots\n")
    assert reason("https://poker.example/bonus", lists=lists) == url.SOFT_WORDS
    assert reason("https://poker.example/poker/POKER", lists=lists) is None
    assert reason("https://poker.example/bonuses", lists=lists) is None
    assert reason("https://poker.example/bonus", lists=lists, min_soft_words=3) is None
    assert (
        reason("https://poker.example/bonus?slots", lists=lists, min_soft_words=3) == url.SOFT_WORDS
    )
    assert reason("https://poker.example/", lists=lists, min_soft_words=1) == url.SOFT_WORDS


WORDS = st.sampled_from(["casino", "poker", "bonus", "a", "b2", "éa"])
ADDRESSES = st.lists(st.tuples(WORDS, st.sampled_from("/-_.?+"))).map(
    lambda pairs: "https://x.example/" + "".join(word + sign for word, sign in pairs)
)


@given(st.lists(ADDRESSES, min_size=1, max_size=6))
def test_many_addresses_are_judged_as_one_by_one(tmp_path_factory, addresses):
    folder = tmp_path_factory.mktemp("lists")
    (folder / "words").write_text("casino\n")
    (folder / "soft").write_text("poker\nbonus\nb2\n")
    lists, _ = read_block_lists(words=[str(folder / "words")], soft_words=[str(folder / "soft")])
    expected = []
    for address in addresses:
        words = set(
            address.replace("_", "-").translate(dict.fromkeys(map(ord, "/-.?+"), " ")).split()
        )
        soft = len(words & {"poker", "bonus", "b2"}) >= 2
        expected.append(url.BLOCKED_WORD if "casino" in words else url.SOFT_WORDS if soft else None)
    faults = url.judge(addresses, ["crawl"] * len(addresses), UrlSettings(), SOURCES, lists)
    assert first_fault(len(addresses), faults) == expected


def test_no_addresses_have_no_faults(listed):
    lists = listed(addresses="a.example", words="casino", subwords="casino", soft_words="poker")
    faults = list(url.judge([], [], UrlSettings(), SOURCES, lists))
    assert len(faults) == 5
    assert all(len(drops) == 0 for _, drops in faults)
    faults = url.judge([None, ""], ["crawl"] * 2, UrlSettings(), SOURCES, lists)
    assert first_fault(2, faults) == [None, None]


@pytest.mark.parametrize(
    "domain",
    ["https://example.com", "Example.com", "example.com/x", ".com", "com", "bücher.example"],
)
def test_what_is_no_domain_is_refused(domain):
    with pytest.raises(ValueError, match="no domain in lower case"):
        UrlSettings(blocked_domains=(domain,))


def test_what_is_no_label_or_number_is_refused():
    for label in (".xxx", "co.uk", "XXX", "рф", ""):
        with pytest.raises(ValueError, match="no label in lower case"):
            UrlSettings(blocked_top_level_domains=(label,))
    with pytest.raises(ValueError, match="min_soft_words is 0, expected 1 or more"):
        UrlSettings(min_soft_words=0)


def test_the_settings_name_all_their_lists():
    named = UrlSettings(
        block_lists=("a",), word_lists=("b",), subword_lists=("c",), soft_word_lists=("d",)
    )
    assert named.list_patterns() == ("a", "b", "c", "d")


def test_real_addresses_pass_words_that_name_nothing_in_them(real_data: Path, listed):
    with gzip.open(real_data / "text" / "web_gold.jsonl.gz", "rt", encoding="utf-8") as lines:
        addresses = [json.loads(line)["url"] for line in lines]
    lists = listed(words="zzyzx\n", soft_words="news\nblog\narticle\n")
    faults = url.judge(addresses, ["crawl"] * len(addresses), UrlSettings(), SOURCES, lists)
    found = first_fault(len(addresses), faults)
    assert url.BLOCKED_WORD not in found
    assert 0 < found.count(url.SOFT_WORDS) < len(addresses) / 4
