"""Archives: how much and how many they may hold, and what lifts that."""

import gzip
import io
import tarfile
import tracemalloc
import zipfile
from contextlib import nullcontext

import pytest

from graphfuse.data.fetch import limits
from graphfuse.data.fetch.unpack import unpack
from graphfuse.errors import FetchError

KINDS = ("zip", "tar", "tar.gz", "tar.bz2", "tar.xz")


def made(folder, kind, members):
    """An archive of (name, content) pairs, a name as often as it stands there."""
    path = folder / f"a.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
            for name, content in members:
                bundle.writestr(name, content)
        return path
    with tarfile.open(path, "w" + (":" + kind[4:] if kind[4:] else "")) as bundle:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            bundle.addfile(member, io.BytesIO(content))
    return path


def refused(archive, into, root=""):
    with pytest.raises(FetchError) as caught:
        unpack(archive, into, root)
    return str(caught.value)


@pytest.fixture
def into(tmp_path):
    folder = tmp_path / "into"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_more_entries_than_allowed_are_not_unpacked_unless_that_is_lifted(
    tmp_path, into, monkeypatch, kind
):
    archive = made(tmp_path, kind, [(f"{i}.csv", b"1") for i in range(30)])
    monkeypatch.setattr(limits, "MOST_FILES", 29)
    said = refused(archive, into)
    assert "too many entries" in said
    assert "the most is 29; if it is meant, set GRAPHFUSE_MOST_FILES to more" in said
    monkeypatch.setenv("GRAPHFUSE_MOST_FILES", "30")
    unpack(archive, tmp_path / "all")
    assert len(list((tmp_path / "all").iterdir())) == 30


@pytest.mark.parametrize("kind", KINDS)
def test_more_bytes_than_allowed_are_not_unpacked_unless_that_is_lifted(
    tmp_path, into, monkeypatch, kind
):
    archive = made(tmp_path, kind, [("x.csv", bytes(2_000_000)), ("y.csv", b"1")])
    monkeypatch.setattr(limits, "MOST_GB", 0.001)
    said = refused(archive, into, "")
    assert "the most is 0.001 GB; if it is meant, set GRAPHFUSE_MOST_GB to more" in said
    monkeypatch.setenv("GRAPHFUSE_MOST_GB", "0.1")
    unpack(archive, tmp_path / "all")
    assert (tmp_path / "all" / "x.csv").stat().st_size == 2_000_000


def test_a_list_of_millions_of_files_is_not_read(tmp_path, into):
    """What a zip of 10 million entries has at its end: a list that is held in memory whole."""
    archive = made(tmp_path, "zip", [("x.csv", b"1")])
    content = archive.read_bytes()
    at = content.rindex(b"PK\x05\x06")
    start = int.from_bytes(content[at + 16 : at + 20], "little")
    size = 460_000_000
    with open(archive, "wb") as file:
        file.write(content[:start])
        file.truncate(start + size)  # a hole on the disk
        file.seek(start + size)
        end = bytearray(content[at:])
        end[12:16] = size.to_bytes(4, "little")
        file.write(end)
    tracemalloc.start()
    assert "list of files or a header of more than 64 MB" in refused(archive, into)
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()


def test_a_header_of_a_gigabyte_is_not_read(tmp_path, into):
    archive = tmp_path / "a.tar.gz"
    header = tarfile.TarInfo("./PaxHeaders/x")
    header.type, header.size = tarfile.XHDTYPE, 200 * 2**20
    with gzip.open(archive, "wb", compresslevel=1) as file:
        file.write(header.tobuf())
        for _ in range(200):
            file.write(bytes(2**20))
    tracemalloc.start()
    assert "a header of more than 64 MB" in refused(archive, into)
    assert tracemalloc.get_traced_memory()[1] < 40e6
    tracemalloc.stop()


def test_what_is_skipped_counts_too(tmp_path, into, monkeypatch):
    monkeypatch.setattr(limits, "MOST_GB", 0.001)
    archive = made(tmp_path, "tar.gz", [("other/x.csv", bytes(2_000_000)), ("d/y.csv", b"1")])
    assert "more than is sane" in refused(archive, into, "d")


@pytest.mark.parametrize("kind", ["zip", "tar"])
@pytest.mark.parametrize("name", ["x" * 300, "é" * 200, "/".join(["a"] * 600)])
def test_names_that_no_folder_holds_are_refused(tmp_path, into, kind, name):
    assert "too long" in refused(made(tmp_path, kind, [(name, b"1")]), into)


@pytest.mark.parametrize("names", [("x", "x"), ("x", "x/y"), ("x/y", "x")])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_name_twice_is_refused(tmp_path, into, kind, names):
    with pytest.warns() if kind == "zip" and len(set(names)) == 1 else nullcontext():
        archive = made(tmp_path, kind, [(name, b"1") for name in names])
    assert "twice, or as a file and as a folder" in refused(archive, into)


@pytest.mark.parametrize("kind", KINDS)
def test_every_cut_and_rubbish_is_damage(tmp_path, into, kind):
    archive = made(tmp_path, kind, [("x.csv", bytes(range(256)) * 40)])
    whole = archive.read_bytes()
    for content in (
        whole[: len(whole) // 2],
        whole[:5],
        b"rubbish",
        b"",
        whole[:40] + b"\xff" * 99,
    ):
        archive.write_bytes(content)
        assert "is damaged or no archive" in refused(archive, into) or "no files" in refused(
            archive, into
        )
