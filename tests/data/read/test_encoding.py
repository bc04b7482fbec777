"""One text whatever it was written in; a text cut short is never taken for another encoding."""

import gzip
import logging

import pytest

from graphfuse.data.read.encoding import utf8_content
from graphfuse.errors import InputError

TEXT = "id;größe\nÄ1;5\nÖ2;7\n"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
)
@pytest.mark.parametrize("ending", ["csv", "csv.gz"])
def test_every_encoding_gives_the_same_text(tmp_path, encoding, ending):
    path = tmp_path / f"{encoding}.{ending}"
    raw = TEXT.encode(encoding)
    path.write_bytes(gzip.compress(raw, mtime=0) if ending.endswith("gz") else raw)
    assert utf8_content(path).decode() == TEXT


def test_what_is_packed_is_seen_in_the_file_not_in_its_name(tmp_path):
    packed, plain = tmp_path / "packed.txt", tmp_path / "plain.gz"
    packed.write_bytes(gzip.compress(TEXT.encode()))
    plain.write_bytes(TEXT.encode())
    assert utf8_content(packed).decode() == utf8_content(plain).decode() == TEXT


def test_another_encoding_is_told(tmp_path, caplog):
    path = tmp_path / "told.csv"
    path.write_bytes("id,x\nA,5 – 7 µg…\n".encode("cp1252"))
    with caplog.at_level(logging.WARNING):
        assert utf8_content(path).decode().endswith("5 – 7 µg…\n")
    assert "read as Windows-1252" in caplog.text


@pytest.mark.parametrize(
    "raw, said",
    [
        (TEXT.encode("utf-16")[:-1], "cut short"),
        ("id,x\nA,ß\nB,ü".encode()[:-1], "cut short"),
        (b"\xef\xbb\xbfid,x\nA,\xff\n", "not readable as UTF-8"),
        ("id,x\nA,ß\nB,ü\nC,".encode() + b"\xe4\n", "1 character of 3"),
        (b"id,x\nA,\0\n", "null bytes"),
        ("id,x\nA,\0\n".encode("utf-16"), "null bytes"),
    ],
)
def test_what_is_damaged_is_refused(tmp_path, raw, said):
    path = tmp_path / "t.csv"
    path.write_bytes(raw)
    with pytest.raises(InputError, match=said):
        utf8_content(path)
