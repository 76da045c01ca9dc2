"""Language: the bundled model, a sample of the whole document, and the recipe's languages."""

import socket

import pytest

from filters import language
from filters.language import LanguageSettings, detect, sample
from filters.verdict import first_fault

DEFAULT = LanguageSettings()
ENGLISH = "The ship left the harbour in the morning and nobody knew when it would come back. "
GERMAN = "Das Schiff verließ am Morgen den Hafen und niemand wusste, wann es zurückkommen würde. "
RUSSIAN = "Корабль вышел из гавани утром, и никто не знал, когда он вернётся. "
CHINESE = "这艘船早上离开了港口\uff0c没有人知道它什么时候会回来。"


def reason(text, **changes):
    chosen = LanguageSettings(**changes)
    return first_fault(1, language.judge(detect([text], chosen), chosen))[0]


@pytest.mark.parametrize(
    ("text", "code"), [(ENGLISH, "en"), (GERMAN, "de"), (RUSSIAN, "ru"), (CHINESE, "zh")]
)
def test_each_language_is_known(text, code):
    found = detect([text], DEFAULT)
    assert found.codes == [code]
    assert found.confidences[0] > 0.8
    assert reason(text) == (None if code == "en" else language.OTHER_LANGUAGE)
    assert reason(text, kept=("de", "ru", "zh", "en")) is None


def test_the_recipe_may_keep_all_languages():
    assert reason(GERMAN, kept=()) is None
    assert reason("12", kept=()) is None


def test_a_text_without_a_letter_has_no_language():
    for text in ("", None, "12 + 3 = 15", "\n"):
        assert detect([text], DEFAULT).codes == ["und"]
        assert reason(text) == language.OTHER_LANGUAGE


def test_an_english_menu_above_a_german_page_does_not_decide():
    page = "Home About Contact Login Terms Privacy\n" + GERMAN * 100
    assert detect([page], DEFAULT).codes == ["de"]


def test_a_doubtful_answer_is_a_reason_of_its_own():
    mixed = (ENGLISH + GERMAN + CHINESE) * 3
    assert reason(mixed, kept=("en", "de", "zh"), min_confidence=1.0) == language.UNCERTAIN_LANGUAGE
    assert reason(mixed, kept=("en", "de", "zh"), min_confidence=0.0) is None


def test_a_short_text_is_its_own_sample_on_one_line():
    assert sample("a\nb \t c", DEFAULT) == "a b c"


def test_a_sample_reaches_from_the_first_to_the_last_character():
    chosen = LanguageSettings(sample_characters=6, num_samples=3)
    assert sample("abcdefghijklmnop", chosen) == "ab hi op"
    assert sample("abcdefghijklmnop", LanguageSettings(sample_characters=3, num_samples=1)) == "abc"


def test_the_model_needs_no_network(monkeypatch):
    def refuse(*arguments, **named):
        raise AssertionError("the network was asked")

    language._detector.cache_clear()
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert detect([ENGLISH], DEFAULT).codes == ["en"]


def test_what_is_no_probability_or_sample_is_refused():
    with pytest.raises(ValueError, match=r"min_confidence is 2, expected 0\.\.1"):
        LanguageSettings(min_confidence=2)
    with pytest.raises(ValueError, match="num_samples <= sample_characters"):
        LanguageSettings(sample_characters=4)
