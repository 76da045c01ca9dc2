"""Members come back as they were put, also after a kill in the middle of one."""

from __future__ import annotations

from contextlib import closing

from corpus.commoncrawl.spool import Spool

MEMBERS = {7: b"first\n12 3\n", 1_000: b"", 99: bytes(range(256)) * 10}


def filled(path):
    with closing(Spool(path)) as spool:
        for offset, data in MEMBERS.items():
            spool.put(offset, data)


def check(path, kept: dict[int, bytes]):
    with closing(Spool(path)) as spool:
        for offset, data in MEMBERS.items():
            assert spool.get(offset, len(data)) == kept.get(offset)


def test_members_are_kept(tmp_path):
    filled(tmp_path / "new" / "f.members")
    check(tmp_path / "new" / "f.members", MEMBERS)


def test_the_same_place_with_another_length_is_another_member(tmp_path):
    filled(tmp_path / "f")
    with closing(Spool(tmp_path / "f")) as spool:
        assert spool.get(7, 5) is None


def test_every_cut_costs_the_members_behind_it_and_what_is_put_then_stands(tmp_path):
    path = tmp_path / "f"
    filled(path)
    whole = path.read_bytes()
    ends = [len(b"7 11\n") + 11]
    ends.append(ends[0] + len(b"1000 0\n"))
    for cut in (0, 3, 5, ends[0] - 1, ends[0], ends[0] + 3, ends[1], ends[1] + 5, len(whole) - 1):
        path.write_bytes(whole[:cut])
        kept = {o: d for (o, d), end in zip(MEMBERS.items(), [*ends, len(whole)], strict=True)
                if end <= cut}
        check(path, kept)
        with closing(Spool(path)) as spool:
            spool.put(99, MEMBERS[99])
        check(path, kept | {99: MEMBERS[99]})
