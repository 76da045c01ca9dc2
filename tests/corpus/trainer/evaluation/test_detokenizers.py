"""Lines are plain text again, and every line comes back or is left as it was."""

from __future__ import annotations

import pytest

from corpus.trainer.evaluation.detokenizers import DETOKENIZERS


@pytest.mark.parametrize(
    ("line", "plain"),
    [
        (" = = Career = = \n", "== Career =="),
        (" = Robert <unk> = ", "= Robert <unk> ="),
        ("a guest @-@ starring role", "a guest-starring role"),
        ("9 @,@ 500 at 12 @.@ 1 metres", "9,500 at 12.1 metres"),
        ("1 @,@ <unk> men", "1,<unk> men"),
        ('as " Craig " in " Teddy \'s Story " ; he', 'as "Craig" in "Teddy\'s Story"; he'),
        ("( 1 @.@ 5 in ) , and [ sic ] .", "(1.5 in), and [sic]."),
        ("the ships ' guns , and", "the ships' guns, and"),
        ("they don 't say $ 5 , or 50 % !", "they don't say $5, or 50%!"),
        ("in the U.S. Navy , No. 5 .", "in the U.S. Navy, No. 5."),
        ("one : two ; three ?", "one: two; three?"),
        ("2000 \u2013 2005", "2000 \u2013 2005"),
    ],
)
def test_wikitext_is_as_wikipedia_has_it(line, plain):
    rules = DETOKENIZERS["wikitext"]
    assert rules.undo(line) == (plain, True)
    assert rules.tokenized(plain).split() == line.split()


@pytest.mark.parametrize(
    ("line", "plain"),
    [
        (" no it was n't black monday ", "no it wasn't black monday"),
        ("the board 's traders ' losses", "the board's traders' losses"),
        ("they 're up $ N million or c$ N a share", "they're up $N million or c$N a share"),
        ("it can not be N N\\/N", "it cannot be N N/N"),
        ("we 've i 'm he 'd we 'll", "we've i'm he'd we'll"),
        ("<unk> & co.", "<unk> & co."),
    ],
)
def test_the_treebank_is_as_newspapers_have_it(line, plain):
    rules = DETOKENIZERS["ptb"]
    assert rules.undo(line) == (plain, True)
    assert rules.tokenized(plain).split() == line.split()


@pytest.mark.parametrize(
    ("line", "plain"),
    [
        ("`` yes , '' he said .", '"yes," he said.'),
        ("she did n't ask whose it 's", "she didn't ask whose it's"),
    ],
)
def test_lambada_is_as_novels_have_it(line, plain):
    rules = DETOKENIZERS["lambada"]
    assert rules.undo(line) == (plain, True)
    assert rules.tokenized(plain).split() == line.split()


@pytest.mark.parametrize(
    ("name", "line"),
    [("wikitext", "Plan A . It"), ("wikitext", "et al. said"), ("ptb", "he isn't here")],
)
def test_a_line_that_would_not_come_back_is_left(name, line):
    assert DETOKENIZERS[name].undo(line) == (line, False)


@pytest.mark.parametrize("name", sorted(DETOKENIZERS))
def test_a_blank_line_is_blank(name):
    assert DETOKENIZERS[name].undo("  \n") == ("", True)
