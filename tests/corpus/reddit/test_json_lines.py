"""The kernel takes only what json.loads takes, and finds the values where they are."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest

from corpus.reddit.json_lines import ABSENT, chosen, index_line, is_utf8, walk
from corpus.simd import PADDING

NAMES = [b"id", b"url", b"url_overridden_by_dest", b"score", b"is_self", b"over_18"]
KEYS = chosen(NAMES)


def read(line: bytes) -> dict[str, bytes] | None:
    """First bytes of the chosen keys' values, or None where the line is unsure."""
    data = np.frombuffer(line + PADDING, np.uint8)
    tokens = np.zeros(len(line) + 8, np.int32)
    starts, ends = (np.zeros(len(NAMES), np.int64) for _ in range(2))
    end, num_tokens, sound = index_line(data, 0, len(line), tokens)
    assert end == (line.index(b"\n") if b"\n" in line else len(line))
    if not (sound and walk(data, tokens, num_tokens, KEYS, starts, ends)):
        return None
    return {
        name.decode(): line[start : stop + (line[start : start + 1] == b'"')]
        for name, start, stop in zip(NAMES, starts.tolist(), ends.tolist(), strict=True)
        if start != ABSENT
    }


PLAIN = [
    b"{}", b' { } \r', b'{"a":1}', b'{"a":-0.5e+10,"b":[],"c":{},"d":[1,[2,{"e":null}]]}',
    b'{"a":"' + b"x" * 200 + b'","b":"\\\\","c":"\\"","d":"\\u00e9\\/\\n"}',
    b'{"a":"' + b"\\\\" * 70 + b'","id":"7"}', b'{"a":"' + b"x" * 57 + b'\\"","id":"7"}',
    '{"a":"é€😀","id":"ü"}'.encode(), b'{"a":true,"b":false,"c":null}', b'{"a" : [ 1 , 2 ] }',
    b'{"a":"x"}\nnot of this line', b'{"' + b"k" * 63 + b'":1}', b'{"":1}', b'{"a":12345678,"b":0}',
    b'{"a":-123456789012345678.25E-3}', b'{"x":{"' + b"k" * 99 + b'":"","\\n":0}}',
]  # fmt: skip
UNSURE = [
    b"", b" ", b"[]", b"1", b'"a"', b"{", b"}", b'{"a"}', b'{"a":}', b'{"a":1,}', b'{,"a":1}',
    b'{"a":1 "b":2}', b'{"a":1}{', b'{"a":1}}', b'{"a":01}', b'{"a":1.}', b'{"a":.5}', b'{"a":-}',
    b'{"a":1e}', b'{"a":+1}', b'{"a":tru}', b'{"a":truex}', b'{"a":nul', b'{"a":NaN}', b'{"a":[1}',
    b'{"a":{]}', b'{"a":[1,]}', b'{"a":"x}', b'{"a":"\\x"}', b'{"a":"\\u12g4"}', b'{"a":"\t"}',
    b'{"a":"\x00"}', b'{"a":"\xff"}', b'{"a":"\xed\xa0\x80"}', b'{"a":"\xc0\x80"}', b'\x00{}',
    b'{"a":\xc3\xa9}', b'{a:1}', b"{'a':1}", b'{"a":1}\x0b', b'{"a":"' + b"x" * 60 + b"\\",
    b'{"id":1,"id":2}', b'{"\\u0069d":1}', b"[" * 70 + b"]" * 70, b'{"a":' + b"1" * 65 + b"}",
    b'\xef\xbb\xbf{}', b'{"a":"\xe2\x82"}', b'{"a":"x\xf0\x9f\x98"}', b'{"a":[1 2]}', b'{1:2}',
    b'{"a":' * 70 + b"1" + b"}" * 70, b'{"' + b"k" * 64 + b'":1}', b'{"a":"x"1}', b'{"a":1"x"}',
    b'{"a":"x""y"}', b'{"a":"x" "y"}', b'{"a" "b":1}', b'{"a"x:1}', b'{"a"', b'{"a":"x"',
    b'{"a":"x",', b'{"a":[{"b":nulL}]}', b'{"a":truefalse}', b'{"a":falsE,"b":1}',
    b'{"a":12345678x}', b'{"a":["x"}',
]  # fmt: skip


@pytest.mark.parametrize("line", PLAIN)
def test_plain_objects_are_taken(line):
    assert read(line) is not None
    json.loads(line.split(b"\n")[0])


@pytest.mark.parametrize("line", UNSURE)
def test_anything_else_is_unsure(line):
    assert read(line) is None


def test_values_are_found_at_the_top_alone():
    line = (
        b'{"x":{"id":"inner","score":1},"id":"7","l":[{"url":2}],"is_self":false,"score":-12.0,'
        b'"url_overridden_by_dest":null,"url":"http:\\/\\/a.b","idx":3,"over_18":[ ]}'
    )
    assert read(line) == {
        "id": b'"7"', "score": b"-12.0", "is_self": b"false", "url_overridden_by_dest": b"null",
        "url": b'"http:\\/\\/a.b"', "over_18": b"[ ",
    }  # fmt: skip


def test_blanks_may_stand_around_strings():
    line = b'{ "id" \t: "7" \r\t, "score" :3 ,"url": "" , "is_self"  :  true }'
    assert read(line) == {"id": b'"7"', "score": b"3", "url": b'""', "is_self": b"true"}


def test_keys_that_begin_or_end_as_a_chosen_one_are_none():
    names = [
        "ur", "urls", "url_overridden_by_desT", "url_overridden_by_des", "url_Overridden_by_dest",
        "url_overridden_by_dest_", "Score", "ids", "",
    ]  # fmt: skip
    assert read(json.dumps(dict.fromkeys(names, 1)).encode()) == {}


def test_any_sixteen_keys_are_found():
    names = [f"key{'_' * (i % 5)}{i}".encode() for i in range(16)]
    keys = chosen(names)
    line = json.dumps({name.decode(): i for i, name in enumerate(names)}).encode()
    data, tokens = np.frombuffer(line + PADDING, np.uint8), np.zeros(len(line) + 8, np.int32)
    starts, ends = (np.zeros(len(names), np.int64) for _ in range(2))
    _, num_tokens, sound = index_line(data, 0, len(line), tokens)
    assert sound
    assert walk(data, tokens, num_tokens, keys, starts, ends)
    values = [int(line[start:end]) for start, end in zip(starts, ends, strict=True)]
    assert values == list(range(16))


@pytest.mark.parametrize("shift", range(130))
def test_a_line_may_lie_anywhere_in_its_blocks(shift):
    line = b'{"p":"' + b"x" * shift + b'\\"\\\\","id":"q\\"","score":3}'
    assert read(line) == {"id": b'"q\\""', "score": b"3"}


def test_what_the_kernel_takes_json_takes_with_the_same_values():
    chance = random.Random(5)
    rows = [
        {
            "id": "a1",
            "url": "http://x.y/é?q=1",
            "score": 3,
            "t": 'say "hi" \\ \n',
            "is_self": False,
        },
        {"l": [1, 2.5, {"d": [None, True]}], "over_18": "no", "url": "ü" * 40, "score": -7.25},
    ]
    lines = [json.dumps(row, ensure_ascii=ascii).encode() for row in rows for ascii in (0, 1)]
    num_taken = 0
    for _ in range(20_000):
        line = bytearray(chance.choice(lines))
        for _ in range(chance.randint(1, 3)):
            place = chance.randrange(len(line))
            if chance.random() < 0.5:
                line[place] = chance.choice(b'"\\{}[]:,0e.- tn\x80\xc3\x01')
            elif chance.random() < 0.5:
                del line[place]
            else:
                line.insert(place, line[chance.randrange(len(line))])
        found = read(bytes(line))
        if found is None:
            continue
        num_taken += 1
        expected = json.loads(bytes(line))
        assert set(found) == set(expected) & {name.decode() for name in NAMES}
        for name, raw in found.items():
            value = expected[name]
            if isinstance(value, dict | list):
                assert raw[:1] in (b"{", b"[")
            else:
                assert json.loads(raw) == value
    assert num_taken > 2_000


def test_utf8_is_told_as_python_tells_it():
    chance = random.Random(7)
    for _ in range(20_000):
        text = bytes(
            chance.choice(b"a\x7f\x80\x8f\x90\x9f\xa0\xbf\xc1\xc2\xdf\xe0\xed\xef\xf0\xf4\xf5")
            for _ in range(chance.randint(0, 6))
        ) + chance.choice([b"", b"abcdefghij", "é€😀".encode()])
        data = np.frombuffer(text + PADDING, np.uint8)
        try:
            text.decode()
            expected = True
        except UnicodeDecodeError:
            expected = False
        assert is_utf8(data, 0, len(text)) == expected, text
