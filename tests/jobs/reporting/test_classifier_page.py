"""The classifier's section: every figure of the card, and what is missing said in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jobs.reporting.classifier_page import classifier_section
from jobs.reporting.facts import ClassifierFacts
from tests.jobs.reporting.conftest import evil, made_card, made_classifier
from tests.jobs.reporting.test_page import Elements


def said(facts: ClassifierFacts) -> str:
    return " ".join(Elements(classifier_section(facts)).text.split())


def test_the_section_says_what_the_card_says():
    text = said(made_classifier("plain"))
    for part in (
        "160 positives and 160 negatives, measured on 40 and 60 of other domains",
        "AUC 0.8421 0.7000 to 0.9000", "Brier score, equal priors 0.2000 too few domains",
        "calibration error 0.0310", "7 near-duplicates of a negative", "3 with benchmark text",
        "2 held-out documents with a twin that was learnt from",
        "The rule: P(keep) = (2 - s)^-4.25.", "alpha 4.25 ( 3.00 to 6.00 )".replace("( ", "("),
        "0.30-0.35 100 20 20.00 % 0.1300 to 0.2900 21.00 %", "10 0.5000 0.8100 taken",
        "plain, other +1.25", "plain, other -1.50", "Held-out AUC +0.0400. Cosine of the weights "
        "0.970.", "plain 5 6 0.400 0.500 0.113 0.200", "20 of 100",
    ):  # fmt: skip
        assert part.replace(" )", ")") in text


def test_hostile_words_domains_and_roots_stay_text():
    hostile = Elements(classifier_section(made_classifier(evil(9))))
    plain = Elements(classifier_section(made_classifier("plain")))
    assert hostile.open == []
    assert [tag for tag, _ in hostile.found] == [tag for tag, _ in plain.found]


def test_a_run_without_a_classifier_says_why():
    card = {"trained": False, "why": "no source of the recipe is <judged>"}
    section = classifier_section(ClassifierFacts(card=card, rule={"keep": "all"}))
    assert "No classifier: no source of the recipe is &lt;judged&gt;." in section
    assert classifier_section(None) == ""


@pytest.mark.parametrize(
    ("rule", "law"),
    [
        ({"keep": "proportional"}, "P(keep) = s."),
        ({"keep": "all"}, "all stay."),
        ({"keep": "threshold", "threshold": 0.5}, "scores from 0.5000 up stay."),
        ({"keep": "top_fraction", "threshold": 0.75}, "the best stay: scores from 0.7500 up."),
    ],
)
def test_every_rule_is_told(rule, law):
    assert f"The rule: {law}" in said(replace(made_classifier("x"), rule=rule))


def test_a_fit_at_an_end_of_its_range_is_marked():
    card = made_card("x")
    card["held_out"]["alpha"] |= {"at_bound": "high", "interval": None}
    text = said(replace(made_classifier("x"), card=card))
    assert "(too few domains)" in text
    assert "It is the high end of the range." in text


def test_fasttext_has_no_sweep_and_no_words():
    card = {k: v for k, v in made_card("x").items() if k not in ("words", "regularisation")}
    section = classifier_section(replace(made_classifier("x"), card=card | {"sweep": []}))
    assert "Penalty" not in section
    assert "tell most" not in section
    assert Elements(section).open == []
