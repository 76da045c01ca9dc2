from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.extraction import ExtractSettings, clean_line, clean_text, repair


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("a\r\nb\rc\nd", "a\nb\nc\nd"),
        ("a\vb\fc\x85d\u2028e\u2029f\x1cg", "a\nb\nc\nd\ne\nf\ng"),
        ("e\u0301te\u0301", "été"),
        ("nul\0 bell\x07 c1\x9f del\x7f bom\ufeff non\uffff", "nul bell c1 del bom non"),
        ("lone \ud83d surrogate", "lone  surrogate"),
        ("  a  \n\tb\t \n", "a\n\tb"),
        ("a\n \n\n\n\nb", "a\n\nb"),
        ("tab\tstays, so do blanks   within", "tab\tstays, so do blanks   within"),
        ("", ""),
        ("\ufeff \n", ""),
    ],
)
def test_text_takes_one_form(text, clean):
    assert clean_text(text) == clean


@given(st.text(alphabet=st.characters(codec=None), max_size=60))
def test_clean_text_is_valid_and_stays_as_it_is(text):
    clean = clean_text(text)
    clean.encode("utf-8")
    assert clean_text(clean) == clean


def test_a_line_has_no_line_ends():
    assert clean_line(" A\n  title\0 ") == "A title"
    assert clean_line(" \n") is None
    assert clean_line(None) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_bytes": 0},
        {"max_seconds": 0},
        {"max_seconds": 200.0},
        {"max_memory": 1 << 20},
        {"engine": "none"},
        {"compare": "none"},
        {"engine": "resiliparse", "compare": "resiliparse"},
    ],
)
def test_settings_refuse_what_is_out_of_range(wrong):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, ExtractSettings)


def test_repair_undoes_a_wrong_decoding_and_gives_nfc():
    assert repair("The cafÃ© isnâ€™t open") == "The café isn't open"
    assert repair("e\u0301te\u0301") == "été"
    assert repair("Übergrößenträger") == "Übergrößenträger"
