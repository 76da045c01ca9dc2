import json
import sys
from importlib import import_module
from pathlib import Path

import pytest

from tests.benchmarks.__main__ import write
from tests.benchmarks.frame import GROUPS, PASSES, PEERS, Pass, Peer, Row, in_turn, requirements


def row(group: str, *, name: str = "a / b", ours: float = 3.0) -> Row:
    return Row(group=group, name=name, ours=ours, peer=2.0, unit="MB/s", target=1.5)


@pytest.mark.parametrize("group", GROUPS)
def test_every_group_has_a_module_that_gives_rows_and_says_what_it_compares(group: str) -> None:
    if group == "trainer":
        pytest.importorskip("torch")
    module = import_module(f"tests.benchmarks.{group}")
    assert callable(module.rows)
    assert len(module.__doc__) > 100


def test_a_row_is_met_where_ours_is_the_target_times_the_peers() -> None:
    assert row("links").to_json() == {
        "group": "links", "name": "a / b", "ours": 3.0, "peer": 2.0, "unit": "MB/s",
        "target": 1.5, "ratio": 1.5, "met": True,
    }  # fmt: skip
    assert not row("links", ours=2.99).met


def test_groups_that_did_not_run_keep_their_rows(tmp_path: Path) -> None:
    path = tmp_path / "build" / "bench.json"
    write([row("tokens"), row("links", name="old")], path)
    write([row("links", name="new"), row("links", name="newer")], path)
    rows = json.loads(path.read_text())["rows"]
    assert [(r["group"], r["name"]) for r in rows] == [
        ("links", "new"), ("links", "newer"), ("tokens", "a / b"),
    ]  # fmt: skip


def test_the_median_of_passes_in_turn_counts_and_the_first_of_each_does_not() -> None:
    seconds = iter([99.0, 1.0, 4.0, 2.0])
    turns: list[str] = []

    def peer() -> Pass:
        turns.append("peer")
        return Pass(next(seconds), "theirs")

    found = in_turn(10.0, lambda: turns.append("ours"), peer)
    assert found.peer == 5.0
    assert found.peer_result == "theirs"
    assert turns == ["ours", "peer"] * (PASSES + 1)


def test_a_peer_does_a_pass_at_each_call_and_ends_with_its_input(tmp_path: Path) -> None:
    script = tmp_path / "double.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(PEERS)!r})\n"
        "from passes import serve\n"
        "serve(lambda: 2 * int(sys.argv[1]))\n"
    )
    with Peer(script, "21", python=Path(sys.executable)) as peer:
        assert [peer().result, peer().result] == [42, 42]
        assert peer().seconds >= 0


def test_every_peer_is_pinned() -> None:
    assert all("==" in line for line in requirements())
