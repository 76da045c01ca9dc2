"""`winnow contamination` over a finished stage: every command, in tables and in JSON."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import click.testing
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.stats

from corpus.benchmarks import BenchmarkSettings
from corpus.datasets import open_dataset
from corpus.identity import doc_id_of_place
from corpus.storage import Store
from filters.bloom import BloomFilter
from filters.contamination import ContaminationSettings
from jobs import contamination
from jobs.cli import cli
from jobs.contamination_cli.items import headline
from jobs.contamination_cli.overlap import Corpus, _probed
from jobs.contamination_cli.text import excerpt, lines_of, side_by_side, terminal
from jobs.options import RUN_RECORD
from jobs.parts import Job
from tests.jobs.test_cli import libraries
from tests.jobs.test_contamination import ANSWER, DOCUMENTS, QUESTION, make_job
from tests.world import winnow

pytestmark = pytest.mark.spark

ESCAPE = "\x1b[31m"
PART = " ".join(ANSWER.split()[:13])


def make(session, root: Path, *, items: list[dict], other: str, most: int = 10) -> Job:
    files = root / "benchmarks"
    files.mkdir(parents=True)
    (files / "moon.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    (files / "other.txt").write_text(other)
    fields = {"question": ("q",), "answer": ("a",)}
    settings = ContaminationSettings(
        benchmarks={
            "moon": BenchmarkSettings(files=(str(files / "moon.jsonl"),), fields=fields),
            "other": BenchmarkSettings(files=(str(files / "other.txt"),)),
        },
        max_documents=most,
    )
    job = make_job(session, root / "root", settings, [2, 4])
    contamination.run(job)
    return job


@pytest.fixture(scope="module")
def root(session, tmp_path_factory) -> str:
    items = [
        {"q": QUESTION, "a": ANSWER}, {"q": "not in any document " * 4, "a": "too short"},
        {"q": f"{ESCAPE}half of it is {PART}, and of the rest there is no word", "a": "short"},
    ]  # fmt: skip
    folder = tmp_path_factory.mktemp("cli")
    return str(make(session, folder, items=items, other="short\n").store.root)


def run(*arguments: str, root: str) -> str:
    done = click.testing.CliRunner().invoke(cli, ["contamination", *arguments, "--root", root])
    assert done.exit_code == 0, done.output
    assert ESCAPE not in done.output
    return done.output


def refused(*arguments: str, root: str) -> str:
    done = click.testing.CliRunner().invoke(cli, ["contamination", *arguments, "--root", root])
    assert done.exit_code == 1
    return done.output


def cells(line: str) -> list[str]:
    return [cell for cell in line.split("  ") if cell.strip()]


def test_the_summary_has_a_row_for_each_benchmark_and_the_documents(root):
    lines = run("summary", root=root).splitlines()
    assert lines[1].split() == [
        "moon", "13", "3", "2", "66.67%", "1", "1", "0", "0", *lines[1].split()[9:],
    ]  # fmt: skip
    assert lines[2].split()[:4] == ["other", "8", "1", "0"]
    assert lines[3].startswith("5 documents: 2 cut, 1 dropped (nothing_left 1); ")
    found = json.loads(run("summary", "--json", root=root))
    assert [row["benchmark"] for row in found["benchmarks"]] == ["moon", "other"]
    assert found["documents"]["reasons"] == {"nothing_left": 1}
    assert found["certified_rate"] <= 1e-8


def test_items_are_listed_by_share_and_filtered(root):
    lines = run("items", "moon", root=root).splitlines()
    assert [cells(line)[0] for line in lines[1:]] == ["moon:0", "moon:2", "moon:1"]
    assert cells(lines[1])[1:3] == ["answer,question", "  near_whole".strip()]
    assert lines[1].endswith("100%")
    for arguments, ids in (
        (("--how", "quote"), ["2"]), (("--how", "clean"), ["1"]), (("--how", "dirty"), ["0", "2"]),
        (("--how", "too_short"), []), (("--field", "answer"), ["0"]), (("--limit", "1"), ["0"]),
        (("--sort", "id"), ["0", "1", "2"]),
    ):  # fmt: skip
        rows = run("items", "moon", *arguments, "--json", root=root).splitlines()
        assert [json.loads(row)["item_id"] for row in rows] == ids
    assert "expected one of moon, other" in refused("items", "none", root=root)


def test_an_item_is_shown_beside_the_documents_that_have_it(root):
    output = run("show", "moon:0", root=root)
    assert "near_whole, 6 of 6 13-grams in 3 documents" in output
    assert f"{DOCUMENTS[1][0]}" in output
    words = " ".join(" ".join(line.split(" | ")[-1] for line in output.splitlines()).split())
    assert f"[[{QUESTION.upper()}!]]" in words
    left = " ".join(" ".join(line.split(" | ")[0] for line in output.splitlines()).split())
    assert f"[[{QUESTION}]]" in left
    assert "and 2 documents more" in run("show", "moon:0", "--documents", "1", root=root)
    assert run("show", "moon:1", root=root).startswith("moon:1: clean")
    found = json.loads(run("show", "moon:0", "--json", root=root))
    assert found["texts"] == {"question": QUESTION, "answer": ANSWER}
    assert [hit["match"] for hit in found["documents"]] == [QUESTION.upper(), ANSWER, ANSWER]


def test_documents_come_by_their_longest_match(root):
    longest, *others = (doc_id_of_place("test", "file", n).hex() for n in (1, 2, 3))
    output = run("show", "moon:0", root=root)
    shown = sorted([longest, *others], key=output.index)
    assert shown == [longest, *sorted(others)]  # matches of 4, 2 and 2 N-grams
    assert sorted(others) != others  # as they lie in the corpus


def test_an_item_whose_ngrams_are_named_for_another_says_so(session, tmp_path):
    items = [{"q": QUESTION, "a": ANSWER}, {"q": "not in any document " * 4, "a": ANSWER}]
    root = str(make(session, tmp_path, items=items, other="short\n", most=1).store.root)
    output = run("show", "moon:1", root=root)
    assert output.startswith("moon:1: template, 2 of 6 13-grams which are too frequent")
    assert "in 0 documents" not in output
    assert f"    {ANSWER}" in output


def test_a_part_of_an_item_is_marked_alone(root):
    output = run("show", "moon:2", root=root)
    left = " ".join(" ".join(line.split(" | ")[0] for line in output.splitlines()).split())
    assert f"half of it is [[{PART},]] and of the rest" in left


def test_an_item_that_is_not_there_or_not_one_alone_is_refused(root):
    said = refused("show", "0", root=root)
    assert "2 benchmarks have it; expected one of moon:0, other:0" in said
    assert "not in" in refused("show", "moon:77", root=root)
    assert run("show", "2", root=root).startswith("moon:2: quote")


def test_a_document_is_shown_with_its_matches_and_pieces(root):
    name = doc_id_of_place("test", "file", 1).hex()
    output = run("doc", name, root=root)
    assert "1 matches" in output
    assert "stay in 2 pieces" in output
    assert "moon:0 question, 4 N-grams, the first in 1 documents" in output
    found = json.loads(run("doc", name, "--json", root=root))
    assert [(hit["item_id"], hit["field"]) for hit in found["hits"]] == [("0", "question")]
    dropped = doc_id_of_place("test", "file", 3).hex()
    assert "goes: nothing_left" in run("doc", dropped, root=root)
    unseen = doc_id_of_place("test", "file", 4).hex()
    assert "did not see it" in refused("doc", unseen, root=root)


def test_ngrams_are_listed_by_frequency(root):
    lines = run("ngrams", "--removed", "--limit", "2", root=root).splitlines()
    assert cells(lines[1])[-1].strip() == PART
    assert lines[1].split()[:2] == ["2", "2"]
    assert run("ngrams", "--exempt", "--json", root=root) == ""
    rows = [json.loads(row) for row in run("ngrams", "--json", root=root).splitlines()]
    assert [row["num_documents"] for row in rows] == [2, 2, 1, 1, 1, 1]


def test_two_runs_differ_in_the_items_that_changed(session, root, tmp_path):
    items = [{"q": "now something else altogether " * 5, "a": ANSWER}]
    after = str(make(session, tmp_path, items=items, other="short\n").store.root)
    command = ["contamination", "diff", root, after]
    lines = click.testing.CliRunner().invoke(cli, command).output.splitlines()
    assert lines == [
        "moon: clean -> absent: 1, near_whole -> quote: 1, quote -> absent: 1",
        "  moon:0  near_whole -> quote", "  moon:1  clean -> absent", "  moon:2  quote -> absent",
        "1 items are the same in both, 3 differ",
    ]  # fmt: skip
    same = click.testing.CliRunner().invoke(cli, [*command[:3], root, "--json"]).output
    assert json.loads(same) == []


def test_clean_items_are_exported_as_an_evaluation_takes_them(root, tmp_path):
    said = run("export", str(tmp_path / "out"), "--as", "moon=moon_task", root=root)
    assert "2 clean and 2 dirty items" in said
    assert json.loads((tmp_path / "out" / "clean.json").read_text()) == {
        "moon_task": [1], "other": [0],
    }  # fmt: skip
    assert json.loads((tmp_path / "out" / "dirty.json").read_text())["moon_task"] == [0, 2]
    rows = [json.loads(row) for row in (tmp_path / "out" / "items.jsonl").open()]
    assert rows[2] == {
        "index": 2, "tasks": ["moon_task"], "benchmark": "moon", "item_id": "2", "dirty": True,
        "how": "quote",
    }  # fmt: skip


def test_scores_are_compared_by_clean_and_dirty(root, tmp_path):
    scores = tmp_path / "samples.jsonl"
    lines = [{"doc_id": 0, "acc": 1.0}, {"item_id": "1", "acc": 0.0}, {"doc_id": 2, "acc": 1.0}]
    scores.write_text("".join(json.dumps(line) + "\n" for line in lines))
    lines_of_one = json.dumps(lines[1])
    given = ("export", str(tmp_path / "out"), "--scores", f"moon={scores}")
    lines = run(*given, root=root).splitlines()
    assert lines[2].split()[0] == "moon"
    assert "0.667 [" in lines[2]
    assert lines[2].endswith("-100.0%")
    found = json.loads(run(*given, "--json", root=root))["moon"]
    assert (found["clean"]["number"], found["dirty"]["value"]) == (1, 1.0)
    scores.write_text(lines_of_one)
    found = json.loads(run(*given, "--json", root=root), parse_constant=pytest.fail)["moon"]
    assert found["dirty"] == {"number": 0, "value": None, "low": None, "high": None}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 1: JSONDecodeError"),
        ('{"doc_id": 3, "acc": 1}', "doc_id (0 to 2)"),
        ('\n\n{"doc_id": 3, "acc": 1}', "line 3: "),
        ('{"doc_id": 1}', "an object with acc"),
        ('{"doc_id": 1, "acc": 1}\n{"item_id": "1", "acc": 1}', "line 2: item 1 has a score"),
    ],
)
def test_a_score_of_no_item_is_refused(root, tmp_path, line, message):
    scores = tmp_path / "samples.jsonl"
    scores.write_text(line)
    said = refused("export", str(tmp_path / "out"), "--scores", f"moon={scores}", root=root)
    assert message in said


def scanned(tmp_path: Path, *files: str) -> tuple[int, str]:
    """Exit code and output, of a process of its own: the command stops its Spark session."""
    quiz = tmp_path / "quiz.jsonl"
    quiz.write_text(json.dumps({"q": QUESTION}) + "\n")
    benchmark = {"files": [str(quiz)], "text": ["q"]}
    overrides = [
        f"contamination.benchmarks.quiz.{key}={json.dumps(value)}"
        for key, value in benchmark.items()
    ]
    sets = [word for override in overrides for word in ("--set", override)]
    root = str(tmp_path / "scan")
    process = winnow(
        "contamination", "scan", *files, "--recipe", "gpt3", *sets, "--root", root,
        "--master", "local[2]",
    )  # fmt: skip
    output, _ = process.communicate()
    return process.returncode, output


def test_any_files_are_scanned_and_the_other_commands_know_them(tmp_path):
    for folder, text in (("a", DOCUMENTS[1][1]), ("b", DOCUMENTS[0][1])):
        (tmp_path / folder).mkdir()
        lines = f"{json.dumps({'text': text})}\nno JSON\n"
        (tmp_path / folder / "0.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    rows = {"text": [None, QUESTION, "", "x"], "id": [0, 1, 2, 3]}
    pq.write_table(pa.table(rows), tmp_path / "c.parquet")
    (tmp_path / "d.txt").write_text(f"one text\nof two lines, and in it {QUESTION}")
    given = ("a/0.jsonl.gz", "b/0.jsonl.gz", "c.parquet", "d.txt")
    names = [str(tmp_path / name) for name in given]
    code, output = scanned(tmp_path, *names, "--json")
    assert code == 0, output
    root = str(tmp_path / "scan")
    printed = run("summary", "--json", root=root)
    assert output.endswith(printed)
    assert [row["benchmark"] for row in json.loads(printed)["benchmarks"]] == ["quiz"]
    output = run("summary", root=root)
    assert "quiz" in output
    assert "5 documents: 1 cut, 2 dropped (nothing_left 2)" in output
    found = json.loads(run("show", "quiz:0", "--json", root=root))
    assert len(found["documents"]) == 3
    documents = open_dataset(Store(root), "documents").read_all(
        ["doc_id", "warc_file", "offset", "keep", "reason"]
    ).to_pylist()
    assert [(Path(row["warc_file"]).name, row["offset"], row["reason"]) for row in documents] == [
        ("0.jsonl.gz", 1, None), ("0.jsonl.gz", 2, "malformed_line"), ("0.jsonl.gz", 1, None),
        ("0.jsonl.gz", 2, "malformed_line"), ("c.parquet", 1, "no_text"), ("c.parquet", 2, None),
        ("c.parquet", 3, "no_text"), ("c.parquet", 4, None), ("d.txt", 1, None),
    ]  # fmt: skip
    assert len({row["doc_id"] for row in documents}) == len(documents)
    assert "it holds a corpus already" in scanned(tmp_path, names[0])[1]


def test_what_cannot_be_scanned_is_told(tmp_path):
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 and no more")
    code, output = scanned(tmp_path, str(tmp_path / "bad.parquet"))
    assert code == 1
    assert "InputError" in output
    assert "bad.parquet" in output
    bad = str(tmp_path / "bad.parquet")
    nothing = ["contamination", "scan", bad, "--root", str(tmp_path / "r")]
    assert "no --recipe" in click.testing.CliRunner().invoke(cli, nothing).output
    said = click.testing.CliRunner().invoke(cli, [*nothing, "--recipe", "webtext"]).output
    assert "it names no benchmark" in said


def test_a_root_that_a_run_has_begun_is_left_as_it_is(tmp_path):
    (tmp_path / "a.txt").write_text("a text")
    store = Store(str(tmp_path / "scan"))
    store.write(b"{}", *RUN_RECORD)
    store.write(b"{}", "_stages", "fetch.json")
    code, output = scanned(tmp_path, str(tmp_path / "a.txt"))
    assert code == 1
    assert "it holds a corpus already; expected a new --root" in output
    assert store.exists("_stages", "fetch.json")


def plain_overlap(corpus: list[str], dataset: list[str]) -> tuple[int, int]:
    """8-grams of a dataset by occurrence, and those of them that a corpus holds, read plainly."""
    words = [[text.lower().split() for text in texts] for texts in (corpus, dataset)]
    held, asked = (
        [tuple(own[k : k + 8]) for own in texts for k in range(len(own) - 7)] for texts in words
    )
    return len(asked), sum(ngram in set(held) for ngram in asked)


def test_the_overlap_of_any_files_and_runs_is_that_of_a_plain_reading(root, tmp_path):
    train = ["a b c d e f g h i j", "one two three four five six seven eight nine"]
    test = ["x a b c d e f g h i", "two three four five six seven eight nine", QUESTION, "short"]
    for name, texts in (("train", train), ("test", test)):
        lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
        (tmp_path / f"{name}.jsonl").write_text(lines)
    files = (str(tmp_path / "train.jsonl"), str(tmp_path / "test.jsonl"))
    command = ["contamination", "overlap", *files, "--corpus", root]
    rows = json.loads(click.testing.CliRunner().invoke(cli, [*command, "--json"]).output)
    own = next(row for row in rows if row["corpus"] == files[0])
    assert (own["num_ngrams"], own["num_found"]) == plain_overlap(train, test)
    of_run = {row["source"]: row["num_found"] for row in rows if row["corpus"] == root}
    num_ngrams = len(QUESTION.split()) - 7
    assert of_run == {"books": num_ngrams, "web": 0, "all": num_ngrams}
    lines = click.testing.CliRunner().invoke(cli, command).output.splitlines()
    share = own["num_found"] / own["num_ngrams"]
    assert lines[1].split() == [files[0], "all", f"{share:.2%}"]
    assert lines[-1].startswith("A find is wrong with a chance of ")


def test_random_keys_bound_the_rate_beside_what_the_bits_certify(root):
    done = click.testing.CliRunner().invoke(
        cli, ["contamination", "overlap", root, "--probes", "1000"]
    )
    assert f"{root}: 0 of 1,000 random keys found" in done.output
    assert f"a chance of {1 - 0.05 ** (1 / 1000):.2e} at most, with 95 % confidence" in done.output
    command = ["contamination", "overlap", root, "--probes", "1000", "--json"]
    (row,) = json.loads(click.testing.CliRunner().invoke(cli, command).output)
    assert (row["num_probes"], row["num_found"]) == (1000, 0)
    assert 0 < row["certified_rate"] <= 1e-8 < row["upper_bound"]
    nothing = click.testing.CliRunner().invoke(cli, ["contamination", "overlap", root])
    assert (nothing.exit_code, "Missing a dataset" in nothing.output) == (2, True)


def test_the_bound_of_random_keys_is_the_exact_one_and_holds():
    filters = []
    for seed, rate in enumerate((0.01, 0.002)):
        built = BloomFilter(capacity=10_000, rate=rate)
        built.add(np.random.default_rng([seed, 1]).integers(0, 1 << 64, 10_000, np.uint64))
        filters.append((str(rate), built))
    certified = sum(built.certified_rate for _, built in filters)
    row = _probed(Corpus("x", certified, filters), 5_000_000)  # more than are looked up at once
    exact = scipy.stats.binomtest(row["num_found"], row["num_probes"])
    both_sides = exact.proportion_ci(confidence_level=0.9, method="exact")
    assert row["upper_bound"] == pytest.approx(both_sides.high, rel=1e-9)
    share = row["num_found"] / row["num_probes"]
    assert share == pytest.approx(certified, rel=0.03)
    assert share < row["upper_bound"]
    assert _probed(Corpus("x", certified, filters), 10**6) == _probed(
        Corpus("x", certified, filters), 10**6
    )


DOC = doc_id_of_place("test", "file", 1).hex()
LISTS = (
    "summary", "items moon", "items moon --json", "ngrams", "show moon:1", "doc {doc}",
    "diff {root} {root}",
)  # fmt: skip


@pytest.mark.parametrize("command", LISTS)
def test_a_list_waits_for_no_library_that_it_does_not_need(root, command):
    arguments = ["contamination", *command.format(root=root, doc=DOC).split()]
    if "diff" not in arguments:
        arguments += ["--root", root]
    found = libraries(f"cli({arguments!r}, standalone_mode=False)")
    assert found <= {"click", "cloudpickle", "numpy", "pyarrow"}  # pyarrow takes the second along


def test_a_dataset_without_one_8_gram_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("too short")
    said = click.testing.CliRunner().invoke(
        cli, ["contamination", "overlap", str(tmp_path / "a.txt"), str(tmp_path / "a.txt")]
    )
    assert "1 texts without one 8-gram" in said.output


def test_lines_are_no_wider_than_asked_and_mark_whole_runs():
    text = "one two three " + "x" * 50
    lines = lines_of(text, [(4, 13)], 20, colour=False)
    assert [line.text for line in lines] == [
        "one [[two three]]", "x" * 16, "x" * 16, f"{'x' * 16} xx",
    ]  # fmt: skip
    assert all(line.width == len(line.text) <= 20 for line in lines)
    coloured = lines_of(text, [(4, 13)], 20, colour=True)
    assert [line.width for line in coloured][:1] == [13]
    (both,) = side_by_side(lines[:1], coloured[:1], 20)
    assert both.startswith("one [[two three]]    | one ")
    assert lines_of("a\x1b[31mb\x07", (), 20, colour=False)[0].text == "a [31mb"


def test_a_narrow_terminal_loses_no_word(monkeypatch):
    monkeypatch.setenv("COLUMNS", "5")
    width, colour = terminal()
    lines = lines_of("one two three", (), (width - 3) // 2, colour=colour)
    assert " ".join(line.text for line in lines) == "one two three"


def test_what_a_terminal_would_obey_is_not_in_an_address():
    document = {"doc_id": bytes(16), "source": "web", "url": f"http://a.test/{ESCAPE}x"}
    assert headline(document) == f"{'0' * 32}  web  http://a.test/ [31mx"


def test_an_excerpt_keeps_its_place():
    text = "abcdefghij"
    shown, (start, end) = excerpt(text, (4, 6), 2)
    assert shown == "… cdefgh …"
    assert shown[start:end] == "ef"
    assert excerpt(text, (0, 10), 2) == (text, (0, 10))
