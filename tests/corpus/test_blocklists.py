"""Files of block lists: folders, archives, compressed ones, and those of which nothing is read."""

import gzip
import io
import os
import tarfile

import pyarrow as pa
import pytest

from corpus.blocklists import NO_LISTS, list_files, mark_files, read_block_lists
from corpus.domain_sets import as_set, hash_addresses, hash_domains
from corpus.errors import InputError
from corpus.words import split_words


def hashed_domains(*domains):
    return as_set(hash_domains(domains)).tolist()


def hashed_words(*words):
    return sorted(split_words(pa.array(words)).hashes.tolist())


@pytest.fixture
def write(tmp_path):
    """Write a file below the test's folder; returns its path."""

    def one(name, data):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return str(path)

    return one


def archive_of(**files):
    """A tar archive of these files under a folder, as the Toulouse lists are packed."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"adult/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()


def test_files_of_several_formats_make_one_set(write):
    files = [
        write("plain.txt", "a.example\n# remark\nb.example\n"),
        write("hosts", "127.0.0.1 localhost\n0.0.0.0 b.example\n"),
        write("easy.txt.gz", gzip.compress(b"||c.example^\n@@||d.example^\nx.example/a\n")),
    ]
    lists, counts = read_block_lists(addresses=files)
    assert lists.domains.tolist() == hashed_domains("a.example", "b.example", "c.example")
    assert lists.addresses.tolist() == hash_addresses(["http://x.example/a"]).tolist()
    assert counts == {
        files[0]: {"domains": 2, "comments": 1},
        files[1]: {"domains": 1, "no_domain": 1},
        files[2]: {"domains": 1, "addresses": 1, "exception": 1},
    }


def test_a_toulouse_category_is_read_from_folder_and_archive(write, tmp_path):
    write("adult/domains", "a.example\n")
    write("adult/urls", "b.example/x\n")
    write("adult/usage", "no.example\n")
    write("games/domains.gz", gzip.compress(b"c.example\n"))
    packed = write(
        "adult.tar.gz", archive_of(domains="a.example\n", urls="b.example/x\n", usage="no\n")
    )
    folder, _ = read_block_lists(addresses=[str(tmp_path / "adult")])
    archive, counts = read_block_lists(addresses=[packed])
    for lists in (folder, archive):
        assert lists.domains.tolist() == hashed_domains("a.example")
        assert lists.addresses.tolist() == hash_addresses(["http://b.example/x"]).tolist()
    assert counts == {packed: {"domains": 1, "addresses": 1}}
    both, _ = read_block_lists(addresses=[str(tmp_path)])
    assert both.domains.tolist() == hashed_domains("a.example", "c.example")


def test_words_are_read_in_the_normal_form_of_texts(write):
    words = write("words", "# remark\nCasino\n\ncasino\nÉTÉ\ntwo words\n!!\n")
    subwords = write("subwords.gz", gzip.compress("Blocked-Site\nab\nété\n".encode()))
    soft = write("soft", "bonus\n")
    lists, counts = read_block_lists(words=[words], subwords=[subwords], soft_words=[soft])
    assert lists.words.tolist() == hashed_words("casino", "été")
    assert lists.subwords == ("blockedsite", "été")
    assert lists.soft_words.tolist() == hashed_words("bonus")
    assert counts == {
        words: {"words": 3, "comments": 1, "several_words": 1, "too_short": 1},
        subwords: {"words": 2, "too_short": 1},
        soft: {"words": 1},
    }


def test_no_list_blocks_nothing():
    lists, counts = read_block_lists()
    assert counts == {}
    for found, expected in zip(lists, NO_LISTS, strict=True):
        assert len(found) == len(expected) == 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"list: no domain and no address in it; got no line; expected plain domains"),
        (b"<html>\n<body>\n# x\n", r"got 2 no_domain, 1 comments; expected"),
        (b"\x1f\x8b\x08\0cut", r"list: cannot be read: .*; expected text, gzip or tar; fetch"),
        (gzip.compress(b"a.example\n" * 999)[:-9], r"cannot be read: Compressed file ended"),
        (archive_of(expressions="x"), r"list: an archive without `domains` or `urls`"),
        (archive_of(domains="a.example\n" * 9999)[:-30], r"list: cannot be read"),
        (b"x" * 257 + b"ustar" + b"x" * 300, r"list: cannot be read"),
    ],
)
def test_a_list_of_which_nothing_is_read_stops(write, data, message):
    path = write("list", data)
    with pytest.raises(InputError, match=message):
        read_block_lists(addresses=[path])


def test_a_word_list_without_a_word_stops(write):
    path = write("words", "two words\n")
    with pytest.raises(
        InputError, match=r"words: no word in it; got 1 several_words; expected one"
    ):
        read_block_lists(soft_words=[path])


def test_a_missing_file_or_an_empty_folder_stops(tmp_path):
    with pytest.raises(InputError, match=r"block lists: .*absent matches no file"):
        list_files([str(tmp_path / "absent")])
    with pytest.raises(InputError, match=r"a folder without a file `domains` or `urls`"):
        list_files([str(tmp_path)])


def test_a_mark_changes_with_the_file(write):
    path = write("list", "a.example\n")
    before = mark_files([path])
    assert mark_files([path]) == before
    os.utime(path, ns=(0, 1))
    assert mark_files([path]) != before
    assert mark_files([path])[0].num_bytes == 10


def test_patterns_name_files_in_order(write):
    first, second = write("b.txt", "b.example"), write("c.txt", "c.example")
    folder = os.path.dirname(first)  # noqa: PTH120 - a string as recipes have it
    assert list_files([f"{folder}/*.txt"]) == [first, second]
