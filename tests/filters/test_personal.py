"""Personal data: what is found, and what only looks like it."""

from __future__ import annotations

import time

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.personal import PersonalSettings, find

ALL = PersonalSettings(masked=("email", "ip", "phone"))


def found(text, settings=ALL):
    return [(f.kind, text[f.start : f.end]) for f in find(pa.array([text]), settings)]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("write to jane.doe+news@mail.example.co.uk.", "jane.doe+news@mail.example.co.uk"),
        ("(mailto:info@example.org)", "info@example.org"),
        ("'sales@example.com'", "sales@example.com"),
        ("Müller <jürgen@bücher.example.de>", "jürgen@bücher.example.de"),
        ("ask me@example.com.Thanks", "me@example.com"),
        ("..a@example.com", "a@example.com"),
        ("git@github.com:x/y", "git@github.com"),
        ("a@b.com@c.com", "a@b.com"),
    ],
)
def test_an_email_address_is_found_whole(text, address):
    assert found(text)[:1] == [("email", address)]


@pytest.mark.parametrize(
    "text",
    [
        "icon@2x.png", "user@localhost", "@handle", "a @ example.com", "me@", "x@.com",
        "john.@example.com", "root@10.0.1.254", "", "@@@@", "a@b@c@",
    ],
)  # fmt: skip
def test_what_only_looks_like_an_email_address_stays(text):
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("from 8.8.8.8, and", "8.8.8.8"), ("[74.125.142.109]:993", "74.125.142.109"),
        ("at 8.8.4.4.", "8.8.4.4"),
        ("at 2607:f8b0:4005:805::200e today", "2607:f8b0:4005:805::200e"),
    ],
)  # fmt: skip
def test_a_public_ip_address_is_found(text, address):
    assert found(text) == [("ip", address)]


@pytest.mark.parametrize(
    "text",
    [
        "192.168.0.1", "127.0.0.1", "10.1.2.3", "224.0.0.5", "999.8.8.8", "8.8.8", "8.8.8.8.8",
        "18.8.8.8.1.2", "version 8.8.8.8", "v8.8.8.8", "a8.8.8.8", "std::vector::at", "12:34:56",
        "a::b", "::1", "fe80::1:2:3",
    ],
)  # fmt: skip
def test_private_addresses_versions_and_times_stay(text):
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("call (248) 796-5119 now", "(248) 796-5119"), ("call 615-252-8500", "615-252-8500"),
        ("+49 (0)40 890 85-433", "+49 (0)40 890 85-433"),
    ],
)  # fmt: skip
def test_a_telephone_number_is_found(text, number):
    assert found(text) == [("phone", number)]


@pytest.mark.parametrize(
    "text",
    ["428.30/430.44", "8589934592", "7-6 (7-5) 4-6 6-3 4-6", "1999-2005", "123-456-7890", "12 34"],
)
def test_rates_sizes_scores_and_years_stay(text):
    assert found(text) == []


def test_a_number_of_another_region_needs_its_plus_or_the_region():
    text = "call 040 890 85433"
    assert found(text) == []
    german = PersonalSettings(masked=("phone",), phone_regions=("DE",))
    assert [kind for kind, _ in found(text, german)] == ["phone"]


def test_only_what_is_asked_for_is_masked_and_nothing_by_default():
    text = "a@example.com 8.8.8.8"
    assert found(text, PersonalSettings()) == []
    assert found(text, PersonalSettings(masked=("ip",))) == [("ip", "8.8.8.8")]


def test_findings_come_by_document_with_their_mask():
    texts = pa.chunked_array([["8.8.8.8", None], ["é a@example.com 8.8.8.8"]])
    assert [tuple(f) for f in find(texts, ALL)] == [
        (0, 0, 7, "ip", ALL.ip_mask),
        (2, 2, 15, "email", ALL.email_mask),
        (2, 16, 23, "ip", ALL.ip_mask),
    ]


@pytest.mark.parametrize(
    "text", ["a@" * 50_000, "a." * 50_000 + "@b.c", "1.2." * 50_000, ":" * 99_999]
)
def test_hostile_texts_take_no_more_than_linear_time(text):
    started = time.process_time()
    find(pa.array([text]), PersonalSettings(masked=("email", "ip")))
    assert time.process_time() - started < 5


@given(st.lists(st.text(alphabet="a@.:1-+ é\n", max_size=40), max_size=4))
def test_findings_lie_in_their_text_in_order(texts):
    places = find(pa.array(texts, pa.large_string()), ALL)
    assert places == sorted(places)
    assert all(0 <= f.start < f.end <= len(texts[f.row]) for f in places)
