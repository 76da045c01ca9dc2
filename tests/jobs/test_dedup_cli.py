"""`winnow dedup`: the pair, the cluster and the curve, of real tables and tiny texts."""

from __future__ import annotations

import gzip
import json
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from corpus.identity import doc_id_of_place
from corpus.storage import Store
from corpus.urls import url_key
from jobs.cli import cli
from jobs.dedup_cli import dedup
from jobs.dedup_cli.estimate import _size, _time
from tests.tables import write_table

RECIPE = """
name = "tiny"
seed = 1
[sources.web]
kind = "warc"
files = []
[dedup]
ngram_size = 1
threshold = 0.5
num_bands = 8
num_rows = 1
"""
# Word sets: a~b 4 of 5 (0.8), b~c 4 of 6 (0.667), a~c 3 of 6 (0.5, not a candidate); z is alone.
TEXTS = ("p q r s", "p q r s t", "q r s t u", "nobody [red]else[/red]")
SCORES = (0.9, 0.5, 0.7, 0.1)
IDS = [doc_id_of_place("web", "file", i) for i in range(4)]
A, B, C, Z = (key.hex() for key in IDS)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["dedup", *arguments])


@pytest.fixture(scope="module")
def given(tmp_path_factory) -> tuple[str, ...]:
    """A root in two parts, as the stage dedup leaves it, and the recipe."""
    folder = tmp_path_factory.mktemp("dedup")
    recipe = folder / "tiny.toml"
    recipe.write_text(RECIPE, "utf-8")
    store = Store(str(folder / "root"))
    documents = [
        {"doc_id": key, "source": "web", "keep": True, "text": text, "num_characters": len(text),
         "url": f"https://x.org/{i}", "url_key": url_key(f"https://x.org/{i}"),
         "title": f"[bold]Title\x1b[31m {i}[/nosuch]"}
        for i, (key, text) in enumerate(zip(IDS, TEXTS, strict=True))
    ]  # fmt: skip
    quality = [
        {"doc_id": key, "keep": True, "score": score}
        for key, score in zip(IDS, SCORES, strict=True)
    ]
    kept = {A: A, B: A, C: C, Z: Z}
    first = min(IDS[:3])
    verdicts = [
        {"doc_id": key, "keep": kept[key.hex()] == key.hex(), "split": "train",
         "reason": None if kept[key.hex()] == key.hex() else "near_duplicate",
         "cluster_id": key if key == IDS[3] else first,
         "kept_doc_id": bytes.fromhex(kept[key.hex()])}
        for key in IDS
    ]  # fmt: skip
    screen = [{"doc_id": key, "keep": True, "num_words": 4, "edits": [], "language": "en",
               "language_confidence": 1.0} for key in IDS]  # fmt: skip
    for name, rows in (("documents", documents), ("screen", screen), ("quality", quality),
                       ("dedup", verdicts)):  # fmt: skip
        write_table(store, name, [rows[:2], rows[2:]])
    write_table(store, "copies", [[], []])
    write_table(store, "pairs", [[pair(0, 1, 0.8), pair(1, 2, 4 / 6), pair(0, 3, 0.0)], []])
    places = ((0, 0), (0, 1), (1, 0))
    clusters = [
        {"doc_id": key, "part": part, "row": row, "cluster_id": first,
         "kept_doc_id": bytes.fromhex(kept[key.hex()]),
         "reason": "near_duplicate" if key.hex() == B else None}
        for key, (part, row) in zip(IDS, places, strict=False)
    ]  # fmt: skip
    write_table(store, "clusters", [sorted(clusters, key=lambda row: row["doc_id"])])
    return "--root", store.root, "--recipe", str(recipe)


def pair(left: int, right: int, similarity: float) -> dict[str, object]:
    low, high = sorted((IDS[left], IDS[right]))
    return {"doc_id_a": low, "doc_id_b": high, "num_shared_bands": 3, "anchored": False,
            "jaccard": similarity, "verified": similarity >= 0.5}  # fmt: skip


def test_every_command_has_an_example():
    for command in (dedup, *dedup.commands.values()):
        assert "Example: winnow dedup" in (command.help or "")


def test_a_pair_is_explained_with_what_the_run_says_of_it(given):
    row = json.loads(run("explain", A, "https://x.org/1", *given, "--json").output)
    assert row["documents"] == [A, B]
    assert row["jaccard"] == 4 / 5
    assert row["containment"] == [1, 4 / 5]
    assert row["shared"] == ["p", "q", "r", "s"]
    assert row["chance"] == pytest.approx(1 - 0.2**8)
    assert row["is_duplicate"]
    assert row["pair"]["num_shared_bands"] == 3
    assert [verdict["keep"] for verdict in row["verdicts"]] == [True, False]
    shown = run("explain", A, B, *given)
    assert shown.exit_code == 0
    for said in ("Jaccard 0.8000, threshold 0.5: duplicates", "proposed by 3 bands",
                 f"{B}: near_duplicate of {A}"):  # fmt: skip
        assert said in shown.output
    assert re.search(r"agree in \d\d of 96 hashes; below \d\d a pair is not", shown.output)


def test_a_pair_that_was_not_proposed_is_told_so(given):
    shown = run("explain", A, C, *given)
    assert "Jaccard 0.5000, threshold 0.5: duplicates" in shown.output
    assert "the run: not compared" in shown.output


def test_two_files_are_compared_without_a_run(given, tmp_path):
    for name, text in (("a.txt", "[red]one[/red] two"), ("b.txt", "red one two")):
        (tmp_path / name).write_text(text, "utf-8")
    paths = [str(tmp_path / name) for name in ("a.txt", "b.txt")]
    shown = run("explain", "--files", *paths, "--recipe", "gpt3", "--root", str(tmp_path / "none"))
    assert shown.exit_code == 0
    assert "Jaccard 1.0000, threshold 0.8: duplicates" in shown.output
    assert "the run" not in shown.output
    row = json.loads(run("explain", "--files", *paths, *given, "--json", "--shingles", "1").output)
    assert row["shared"] == ["red"]
    assert "pair" not in row


def test_text_is_shown_as_it_is_and_obeyed_by_no_terminal(given):
    shown = run("cluster", A, *given)
    assert "[bold]Title [31m 0[/nosuch]" in shown.output
    assert "\x1b" not in shown.output


def test_a_cluster_has_its_members_best_first_and_what_links_them(given):
    found = json.loads(run("cluster", B, *given, "--json").output)
    members = found["members"]
    assert found["document"] == B
    assert [row["doc_id"] for row in members] == [A, C, B]  # by score
    assert [row["kept"] for row in members] == [True, True, False]
    assert [row["linked_by"] for row in members] == [B, B, A]
    assert [row["link_jaccard"] for row in members] == pytest.approx([0.8, 4 / 6, 0.8])
    assert members[2]["kept_doc_id"] == A
    assert members[2]["kept_jaccard"] == pytest.approx(0.8)
    shown = run("cluster", B, *given)
    assert "3 in its cluster, 2 kept; keep = best" in shown.output
    assert f"near_duplicate: Jaccard 0.8000 with {A}" in shown.output


def test_the_policy_asked_for_orders_a_cluster(given):
    found = json.loads(run("cluster", B, *given, "--json", "--set", "dedup.keep=longest").output)
    assert [row["doc_id"] for row in found["members"]] == [C, B, A]  # 9 characters twice, by score


def test_a_document_without_a_copy_is_in_no_cluster(given):
    assert "in no cluster" in run("cluster", Z, *given).output
    assert json.loads(run("cluster", Z, *given, "--json").output)["members"] == []


def test_a_curve_marks_the_threshold(given):
    shown = run("curve", *given)
    assert shown.output.startswith("tiny: 8 bands of 1, shingles of 1 words, threshold 0.5\n")
    (line,) = (line for line in shown.output.splitlines() if line.endswith("<- threshold"))
    assert line.startswith("  0.50  0.996094  ####")  # 1 - 0.5^8
    everyone = json.loads(run("curve", "--all", "--json").output)
    assert {row["name"] for row in everyone} >= {"gpt3", "fineweb", "refinedweb", "gopher"}
    assert all(row["curve"][-1] == [1.0, 1.0] and row["num_bands"] > 0 for row in everyone)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("explain", A, "https://nowhere.org/"), "InputError: https://nowhere.org/: no document"),
        (("cluster", "00" * 16), "no document of"),
        (("explain", "--files", "/no/a.txt", "/no/b.txt"), "expected a text file in UTF-8"),
    ],
)
def test_what_cannot_be_explained_is_said_in_a_line(given, arguments, error):
    shown = run(*arguments, *given)
    assert shown.exit_code == 1
    assert error in shown.output


def test_a_root_where_nothing_was_run_is_told_so(tmp_path):
    shown = run("curve", "--root", str(tmp_path))
    assert shown.exit_code == 1
    assert "nothing was run here yet" in shown.output


TEXT = " ".join(f"word{i}" for i in range(60))


@pytest.fixture
def files(tmp_path) -> dict[str, str]:
    """A text in three files: as it is, in another case, and with a word more."""
    lines = [{"text": "nothing like it"}, {"text": TEXT}, {"no": "text"}]
    jsonl, txt, parquet = (str(tmp_path / name) for name in ("a.jsonl.gz", "b.txt", "c.parquet"))
    with gzip.open(jsonl, "wt") as out:
        out.write("".join(json.dumps(line) + "\n" for line in lines) + "{broken\n")
    (tmp_path / "b.txt").write_text(TEXT.upper(), "utf-8")
    pq.write_table(pa.table({"text": [None, TEXT + " more", "and another"]}), parquet)
    return {"jsonl": jsonl, "txt": txt, "parquet": parquet}


def test_files_of_any_kind_are_scanned_together(files):
    shown = run("scan", *files.values(), "--json")
    assert shown.exit_code == 0
    found = [json.loads(line) for line in shown.stdout.splitlines()]
    assert [(row["file"], row["line"]) for row in found] == [
        (files["jsonl"], 2), (files["txt"], 1),
    ]  # fmt: skip
    assert {(row["kept_file"], row["kept_line"]) for row in found} == {(files["parquet"], 2)}
    assert [row["is_copy"] for row in found] == [False, False]
    assert [row["jaccard"] for row in found] == pytest.approx([56 / 57] * 2)
    assert shown.stderr == "5 texts, 3 stay, 2 go, 1 malformed_line, 2 no_text\n"


def test_what_is_scanned_is_told_in_words_and_by_the_recipes_settings(files):
    shown = run("scan", files["jsonl"], files["txt"])
    assert shown.stdout == f"{files['txt']}:1  exact copy of  {files['jsonl']}:2\n"
    shown = run("scan", files["jsonl"], files["parquet"], "--set", "dedup.threshold=0.99")
    assert shown.stdout == ""


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "x.parquet").write_text("no table")
    pq.write_table(pa.table({"body": ["x"]}), tmp_path / "y.parquet")
    for name in ("x.parquet", "y.parquet"):
        shown = run("scan", str(tmp_path / name))
        assert shown.exit_code == 1
        assert "expected a Parquet file with a column text" in shown.output


def test_an_estimate_tells_what_a_run_will_take(given):
    found = json.loads(run("estimate", *given, "--cores", "7", "--json").output)
    assert (found["num_documents"], found["num_cores"]) == (4, 7)
    assert found["candidate_pairs"] >= 2
    shown = run("estimate", *given)
    assert shown.output.startswith("from 2 of 2 parts: 4 documents, ")
    assert "band keys                  32" in shown.output


@pytest.mark.parametrize(
    ("value", "said"), [(12, "12 bytes"), (1234, "1.2 kB"), (5.4e15, "5.4 PB")]
)
def test_sizes_are_said_as_people_read_them(value, said):
    assert _size(value) == said


@pytest.mark.parametrize(("hours", "said"), [(0.01, "36 s"), (0.5, "30.0 min"), (30, "30.0 h")])
def test_times_are_said_as_people_read_them(hours, said):
    assert _time(hours) == said
