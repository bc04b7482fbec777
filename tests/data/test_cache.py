"""The cache: private, compared with what was fetched, made again where it is damaged, swept."""

import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
import zipfile

import pytest

from graphfuse.data.fetch import cache
from graphfuse.data.fetch.cache import MARK
from graphfuse.data.fetch.fetch_files import obtain
from graphfuse.errors import FetchError
from graphfuse.schema import Source


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("GRAPHFUSE_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def archive(place):
    """An archive of two tables and the source that names it."""
    with zipfile.ZipFile(place / "a.zip", "w") as bundle:
        bundle.writestr("d/x.csv", "id,a\nP1,1.5\n")
        bundle.writestr("d/deep/y.csv", "id,b\nP1,2.5\n")
    return Source(path="a.zip", root="d")


def as_in_a_new_process():
    cache._compared.clear()


def change_one_byte(path):
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)


DAMAGES = {
    "deep/y.csv: other bytes than were fetched": change_one_byte,
    "deep/y.csv: 3 bytes in place of 12": lambda path: path.write_text("id,"),
    "deep/y.csv: is gone": lambda path: path.unlink(),
}


@pytest.mark.parametrize("said", DAMAGES)
def test_a_damaged_entry_is_named_as_that_and_made_anew(place, archive, caplog, said):
    folder = obtain([archive], beside=place)
    DAMAGES[said](folder / "deep" / "y.csv")
    as_in_a_new_process()
    again = obtain([archive], beside=place)
    assert again == folder and (again / "deep" / "y.csv").read_text() == "id,b\nP1,2.5\n"
    assert f"the cached copy of path 'a.zip' is damaged ({said})" in caplog.text
    assert cache.damage(folder) == ""


@pytest.mark.parametrize("said", DAMAGES)
def test_where_it_cannot_be_fetched_anew_that_is_one_message(place, said):
    (place / "d").mkdir()
    table = place / "d" / "x.csv"
    table.write_text("id,a\nP1,1.5\n")
    sha256 = hashlib.sha256(table.read_bytes()).hexdigest()
    source = Source(url="http://127.0.0.1:9/x.csv", sha256=sha256)  # nobody answers there
    entry = cache.entry_of(sha256, "")
    with cache.workplace() as work:
        (work / "files" / "deep").mkdir(parents=True)
        (work / "files" / "deep" / "y.csv").write_text("id,b\nP1,2.5\n")
        cache.keep(work / "files", entry, work)
    assert obtain([source], beside=place) == entry
    DAMAGES[said](entry / "deep" / "y.csv")
    as_in_a_new_process()
    with pytest.raises(FetchError) as caught:
        obtain([source], beside=place, where="m.toml")
    told = str(caught.value)
    assert told.startswith("m.toml: none of 1 sources could be had")
    assert f"the cached copy is damaged ({said}; in {entry}) and cannot be fetched again" in told


def test_bytes_are_compared_once_in_a_process_and_sizes_always(place, archive, monkeypatch):
    folder = obtain([archive], beside=place)
    as_in_a_new_process()
    obtain([archive], beside=place)
    read = []
    monkeypatch.setattr(cache, "file_sha256", lambda path: read.append(path) or "")
    obtain([archive], beside=place)
    assert read == []
    (folder / "x.csv").write_text("")
    assert cache.damage(folder) == "x.csv: 0 bytes in place of 12"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"files": 3}', '{"files": {"x.csv": {}}}', "\udc80"]
)
def test_a_damaged_list_of_files_is_a_damaged_entry(place, archive, text):
    folder = obtain([archive], beside=place)
    (folder / MARK).write_bytes(text.encode("utf-8", "surrogateescape"))
    assert "cannot be read" in cache.damage(folder)
    obtain([archive], beside=place)
    assert cache.damage(folder) == ""


def test_an_entry_of_an_older_version_is_adopted_as_it_is(place, archive):
    folder = obtain([archive], beside=place)
    (folder / MARK).write_text("complete\n")
    as_in_a_new_process()
    obtain([archive], beside=place)
    assert set(json.loads((folder / MARK).read_text())["files"]) == {"x.csv", "deep/y.csv"}
    change_one_byte(folder / "x.csv")
    as_in_a_new_process()
    assert cache.damage(folder) == "x.csv: other bytes than were fetched"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
def test_the_cache_is_private(place, archive):
    folder = obtain([archive], beside=place)
    for each in (place / "cache", folder.parent, folder):
        assert stat.S_IMODE(each.stat().st_mode) == 0o700, each


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_what_a_killed_process_left_is_swept_by_the_next(place, archive):
    program = (
        "from graphfuse.data.fetch.cache import workplace\n"
        "with workplace() as place:\n"
        "    (place / 'download').write_text('half')\n"
        "    print('ready', flush=True)\n"
        "    import time; time.sleep(60)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "ready\n"
    (left,) = (place / "cache").glob("*fetching*")
    obtain([archive], beside=place)
    assert (left / "download").is_file()  # its process lives
    child.send_signal(signal.SIGKILL)
    child.wait()
    with cache.workplace():
        pass
    assert not list((place / "cache").glob("*fetching*"))
