"""Memory is asked before it is taken: by every format, by what the system and its groups leave."""

import gzip
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from graphfuse.data import memory
from graphfuse.data.read import read_table
from graphfuse.errors import InputError

FORMATS = ("csv", "csv.gz", "npz", "npy", "parquet", "h5ad", "h5mu")


def lay(path, patients=120, columns=500, seed=0):
    """A table of normal numbers in the format that the path's ending says."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(patients, columns)).round(4)
    frame = pd.DataFrame(values).add_prefix("g")
    frame.index = pd.Index([f"P{number}" for number in range(patients)], name="patient")
    ending = path.name.split(".", 1)[1]
    if ending.startswith("csv"):
        frame.to_csv(path)
    elif ending == "parquet":
        frame.to_parquet(path)
    elif ending == "npy":
        np.save(path, values)
        path.with_name(f"{path.stem}.ids.txt").write_text("\n".join(frame.index))
    elif ending == "npz":
        names = np.array(frame.columns, dtype=str)
        np.savez_compressed(path, values=values, ids=frame.index.to_numpy(str), columns=names)
    else:
        _annotated(frame, path, ending)
    return path


def _annotated(frame, path, ending):
    import anndata
    import mudata

    data = anndata.AnnData(frame)
    if ending == "h5ad":
        data.write_h5ad(path, compression="gzip")
    else:
        mudata.MuData({"rna": data}).write(path)


@pytest.mark.parametrize("ending", FORMATS)
def test_every_format_is_refused_where_it_does_not_fit(tmp_path, monkeypatch, ending):
    path = lay(tmp_path / f"rna.{ending}")
    assert read_table(path).shape == (120, 500)
    monkeypatch.setenv(memory.LIMIT, "1e-4")  # a hundred kilobytes for 60,000 numbers
    with pytest.raises(InputError, match=r"rna.*takes? .*MB.*free"):
        read_table(path)


@pytest.mark.parametrize("ending", ["parquet", "h5ad"])
def test_naming_columns_is_the_cure_that_the_message_says(tmp_path, monkeypatch, ending):
    path = lay(tmp_path / f"rna.{ending}")
    whole = read_table(path)
    monkeypatch.setenv(memory.LIMIT, "1e-4")
    with pytest.raises(InputError, match=r"Name columns = \[…\]"):
        read_table(path)
    pd.testing.assert_frame_equal(read_table(path, columns=["g7", "g3"]), whole[["g7", "g3"]])


def test_what_would_fit_is_said_and_fits(tmp_path, monkeypatch):
    """Twice the memory of half the columns: the numbers in the message are those of the file."""
    path = lay(tmp_path / "rna.npy", 100, 1000)
    monkeypatch.setenv(memory.LIMIT, "8e-4")  # of 2 × 100 × 1,000 × 8 = 1.6e6 bytes
    with pytest.raises(InputError, match=r"100 × 1,000 .* 500 of its columns or 50 of its rows"):
        read_table(path)
    assert read_table(lay(tmp_path / "half.npy", 100, 499)).shape == (100, 499)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_small_file_that_unpacks_to_a_gigabyte_is_read_within_bounds(tmp_path):
    """1 MB of csv.gz with 300 MB of address space left: one message, no MemoryError, no kill."""
    path = tmp_path / "bomb.csv.gz"
    row = b"P%d" + b",0" * 5000 + b"\n"
    with gzip.open(path, "wb", 1) as file:
        file.write(b"patient," + b",".join(b"g%d" % number for number in range(5000)) + b"\n")
        block = b"".join(row % number for number in range(1000))
        for _ in range(100):
            file.write(block)
    assert path.stat().st_size < 6e6
    said = _run(
        """
        import resource, sys
        from graphfuse.data.read import read_table
        from graphfuse.errors import InputError

        taken = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + 300_000_000,) * 2)
        try:
            read_table(sys.argv[1])
        except InputError as error:
            print(error)
        lines = open("/proc/self/status").read().splitlines()
        print("peak", next(line.split()[1] for line in lines if line.startswith("VmHWM")))
        """,
        path,
    )
    message, peak = said.strip().rsplit("peak", 1)
    assert "bomb.csv.gz: its 1.0 GB of text, unpacked from" in message, said
    assert int(peak) < 700_000, said  # KB, of which 300,000 were left


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("ending", FORMATS)
def test_what_could_be_read_is_not_refused(tmp_path, ending):
    """The estimate is a lower bound: with as much free as reading truly took, a table is read."""
    path = lay(tmp_path / f"rna.{ending}", 200, 5000)
    lay(tmp_path / f"first.{ending}")
    said = _run(
        """
        import os, sys
        from graphfuse.data.read import read_table

        def peak():
            lines = open("/proc/self/status").read().splitlines()
            return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

        read_table(sys.argv[2])  # imports what it needs
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")  # the peak starts anew
        before = peak()
        read_table(sys.argv[1])
        took = peak() - before
        os.environ["GRAPHFUSE_MEMORY_GB"] = str(took / 1e9)
        read_table(sys.argv[1])
        os.environ["GRAPHFUSE_MEMORY_GB"] = str(took / 1e9 / 12)
        try:
            read_table(sys.argv[1])
        except Exception as error:
            print(type(error).__name__)
        """,
        path,
        tmp_path / f"first.{ending}",
    )
    assert said.strip() == "InputError"


def _run(code, *arguments):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code), *map(str, arguments)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# ----------------------------------------------------------------------------------- what there is


@pytest.mark.parametrize("said", ["0", "-1", "nan", "inf", "much"])
def test_a_limit_that_is_none_is_refused(monkeypatch, said):
    monkeypatch.setenv(memory.LIMIT, said)
    with pytest.raises(InputError, match="such as 8"):
        memory.available()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_system_says_what_is_free(monkeypatch):
    monkeypatch.delenv(memory.LIMIT, raising=False)
    total = 1024 * int(Path("/proc/meminfo").read_text().split()[1])
    assert 1e7 < memory.available() <= total


@pytest.mark.skipif(sys.platform != "linux", reason="control groups are Linux's")
def test_control_groups_of_version_2(tmp_path):
    """The tightest of a group and those around it; files kept for it count as free."""
    mine = tmp_path / "cgroup"
    mine.write_text("0::/job/step\n")
    for folder, limit in (("", "max"), ("job", "1000"), ("job/step", "max")):
        place = tmp_path / "fs" / folder
        place.mkdir(parents=True, exist_ok=True)
        (place / "memory.max").write_text(f"{limit}\n")
        (place / "memory.current").write_text("700\n")
        (place / "memory.stat").write_text("anon 500\ninactive_file 150\n")
    assert memory._control_groups(mine, tmp_path / "fs") == 450
    (tmp_path / "fs/job/step/memory.max").write_text("720\n")
    assert memory._control_groups(mine, tmp_path / "fs") == 170


@pytest.mark.skipif(sys.platform != "linux", reason="control groups are Linux's")
def test_control_groups_of_version_1_in_a_container(tmp_path):
    """The group's own name is that outside; the container sees itself at the top."""
    mine = tmp_path / "cgroup"
    mine.write_text("5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n")
    place = tmp_path / "fs" / "memory"
    place.mkdir(parents=True)
    (place / "memory.limit_in_bytes").write_text("2000\n")
    (place / "memory.usage_in_bytes").write_text("1500\n")
    assert memory._control_groups(mine, tmp_path / "fs") == 500
    (place / "memory.limit_in_bytes").write_text("9223372036854771712\n")  # none
    assert memory._control_groups(mine, tmp_path / "fs") is None
