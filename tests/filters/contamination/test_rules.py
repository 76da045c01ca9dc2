"""The rules of others: each against a plain rendering of its own code or text."""

from __future__ import annotations

import random

import pytest

from corpus.words import normalise
from filters.contamination import PUBLISHED, ContaminationSettings, Rule
from filters.contamination.cuts import CUT_INTO_TOO_MANY_PIECES, NOTHING_LEFT, WHOLE
from tests.filters.contamination.test_cuts import ITEM, filler, pieces_of, remove

OTHERS = [f"other{n}" for n in range(24)]


def megatrons(text: str, ngrams: set[str], *, reach: int = 200, least: int = 200) -> list[str]:
    """What `free_ngram` of Megatron-LM's filter_ngrams.py leaves, for N-grams of one size."""
    size = len(next(iter(ngrams)).split())
    waiting, free = [text], []
    while waiting:
        text = waiting.pop(0)
        spans = words_of(text)
        for i in range(len(spans) - size + 1):
            run = spans[i : i + size]
            if " ".join(word for word, _, _ in run) not in ngrams:
                continue
            at = run[0][1] - reach
            while at > 0 and text[at] not in ".!?":
                at -= 1
            first = text[: at + 1] if at > 0 else ""
            at = run[-1][2] + reach  # theirs goes by the length of the normalised N-gram
            while at < len(text) and text[at] not in ".!?":
                at += 1
            free += [first] * (len(first) > least)
            waiting += [text[at + 1 :]] * (len(text[at + 1 :]) > least)
            break
        else:
            free.append(text)
    return free


def words_of(text: str) -> list[tuple[str, int, int]]:
    found, start = [], None
    for at, letter in enumerate(text + " "):
        if letter.isalnum() and start is None:
            start = at
        if not letter.isalnum() and start is not None:
            found.append((text[start:at].lower(), start, at))
            start = None
    return found


def sentences(draws: random.Random, num_words: int) -> str:
    """Words with signs here and there."""
    signs = [" "] * 12 + [". ", "! ", "? ", "\n", ", "]
    return "".join(f"w{draws.randrange(10_000)}{draws.choice(signs)}" for _ in range(num_words))


@pytest.mark.parametrize("seed", range(40))
def test_mt_nlgs_cuts_are_megatrons(seed):
    draws = random.Random(seed)
    gram = " ".join(ITEM.split()[:13])
    quotes = draws.choice([1, 2, 3, 8])
    parts = [sentences(draws, draws.randrange(5, 150)) + gram + " " for _ in range(quotes)]
    document = "".join(parts) + sentences(draws, draws.randrange(5, 150))
    (verdict,), _, _, _ = remove([document], [gram], [13], PUBLISHED["mt_nlg"])
    left = [document[a:z] for a, z in pieces_of(verdict)]
    assert left == megatrons(document, {gram})
    assert verdict["reason"] == (None if left else NOTHING_LEFT)


def test_a_document_that_mt_nlg_splits_into_more_than_ten_goes():
    gram = " ".join(ITEM.split()[:13])
    parts = [
        ". ".join(filler(k, 1000 * n + k) for k in (250, 600, 251)) + gram + " " for n in range(11)
    ]
    (verdict,), _, _, _ = remove(["".join(parts)], [gram], [13], PUBLISHED["mt_nlg"])
    assert verdict["reason"] == CUT_INTO_TOO_MANY_PIECES


def test_in_ten_documents_an_ngram_is_boilerplate_to_mt_nlg():
    for num_documents, num_matches in ((9, 1), (10, 0)):
        documents = [filler(900, 300 * n) + ITEM for n in range(num_documents)]
        verdicts, _, _, _ = remove(documents, [ITEM], [13], PUBLISHED["mt_nlg"])
        assert {v["num_matches"] for v in verdicts} == {num_matches}


def test_datatrove_drops_a_document_for_one_ngram_and_no_other():
    gram = " ".join(ITEM.split()[:12])
    documents = [filler(3000) + gram, filler(3000) + " ".join(ITEM.split()[:11])]
    verdicts, hits, _, _ = remove(documents, [ITEM], [12], PUBLISHED["datatrove"])
    assert [v["reason"] for v in verdicts] == [WHOLE["document"], None]
    assert [pieces_of(v) for v in verdicts] == [[], [(0, len(documents[1]))]]
    assert len(hits) == 1


def test_datatrove_and_gopher_know_no_boilerplate():
    for name in ("datatrove", "gopher"):
        documents = [ITEM + " " + filler(30, 40 * n) for n in range(30)]
        rule = PUBLISHED[name]
        verdicts, _, _, _ = remove(documents, [ITEM], [rule.max_ngram_size], rule)
        assert {v["num_matches"] for v in verdicts} == {1}


def ngrams_of(text: str, size: int) -> set[tuple[str, ...]]:
    words = normalise(text).split()
    return {tuple(words[i : i + size]) for i in range(len(words) - size + 1)}


def mixed_documents(items: list[str], seed: int) -> list[str]:
    """Documents of stretches of items and of other words."""
    draws = random.Random(seed)
    documents = []
    for _ in range(60):
        parts = []
        for _ in range(draws.randrange(1, 5)):
            words = draws.choice(items).split()
            first = draws.randrange(len(words))
            parts.append(" ".join(words[first : first + draws.randrange(1, 60)]))
            parts.append(" ".join(draws.choices(OTHERS, k=draws.choice([0, 0, 3, 20]))))
        documents.append(" ".join(parts))
    return documents


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_similar_documents_are_those_of_plain_jaccard(share):
    items = [" ".join(f"i{n}w{k % 37}" for k in range(60)) for n in range(4)]
    documents = [*items, *mixed_documents(items, 1)]
    rule = Rule(5, 5, max_documents=10_000, removal="similar", min_share=share)
    verdicts, _, _, _ = remove(documents, items, [5] * 4, rule)
    goes = [
        any(
            len(ngrams_of(d, 5) & ngrams_of(i, 5)) >= share * len(ngrams_of(d, 5) | ngrams_of(i, 5))
            for i in items
        )
        for d in documents
    ]
    assert [v["reason"] for v in verdicts] == [WHOLE["similar"] if one else None for one in goes]
    assert 4 <= sum(goes) < len(documents)


@pytest.mark.parametrize(("share", "least"), [(0.2, 1), (0.5, 2), (0.5, 40), (1.0, 1)])
def test_containing_documents_are_those_of_plain_sets(share, least):
    items = [" ".join(f"i{n}w{k % 37}" for k in range(60)) for n in range(4)]
    items.append(" ".join(f"s{k}" for k in range(5)))  # one N-gram alone
    documents = [*items, *mixed_documents(items, 2)]
    rule = Rule(5, 5, max_documents=12, removal="contained", min_share=share, min_ngrams=least)
    verdicts, _, _, _ = remove(documents, items, [5] * 5, rule)
    frequency: dict[tuple[str, ...], int] = {}
    for document in documents:
        for gram in ngrams_of(document, 5):
            frequency[gram] = frequency.get(gram, 0) + 1
    listed = [{g for g in ngrams_of(i, 5) if frequency.get(g, 0) <= 12} for i in items]
    assert any(len(own) < len(ngrams_of(i, 5)) for own, i in zip(listed, items, strict=True))
    goes = []
    for document in documents:
        shared = [len(own & ngrams_of(document, 5)) for own in listed]
        enough = [n and n >= share * len(own) and n >= min(least, len(own))
                  for n, own in zip(shared, listed, strict=True)]
        goes.append(any(enough))
    assert [v["keep"] for v in verdicts] == [not one for one in goes]
    assert 0 < sum(goes) < len(documents)


def test_a_short_item_in_a_long_document_is_contained_and_not_similar():
    # Jaccard cannot see a test item inside a long document.
    document = filler(5000) + ITEM
    for removal, keeps in (("similar", True), ("contained", False)):
        rule = Rule(13, 13, removal=removal)
        (verdict,), _, _, _ = remove([document], [ITEM], [13], rule)
        assert verdict["keep"] == keeps


def test_a_published_rule_replaces_what_the_settings_spell():
    given = {"max_documents": 3, "window_characters": 7}
    assert ContaminationSettings(**given).rule == Rule(**given)
    for name, rule in PUBLISHED.items():
        assert ContaminationSettings(published=name, **given).rule == rule
    assert ContaminationSettings().rule == PUBLISHED["gpt3"]
