"""Downloads: redirects told and bounded, nothing endless, nothing that only this machine can
reach."""

import http.server
import logging
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest

from graphfuse.data.fetch import limits
from graphfuse.data.fetch.download import download, forbidden, is_public
from graphfuse.errors import FetchError, InputError


class Answers(http.server.BaseHTTPRequestHandler):
    """Answers by path: redirects, lies, and what has no end."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        self.close_connection = True
        getattr(self, urlsplit(self.path).path.strip("/").split("/")[0])()

    def headed(self, code, **fields):
        self.send_response(code)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def good(self):
        self.headed(200, Content_Length="5")
        self.wfile.write(b"a,b\n1")

    def unsized(self):
        self.headed(200)
        self.wfile.write(b"a,b\n1")

    def longer(self):
        self.headed(200, Content_Length="3")
        self.wfile.write(b"a,b\n1")

    def shorter(self):
        self.headed(200, Content_Length="9")
        self.wfile.write(b"a,b\n1")

    def huge(self):
        self.headed(200, Content_Length=str(10**13))

    def nonsense(self):
        self.headed(200, Content_Length="-7")
        self.wfile.write(b"a,b\n1")

    def endless(self):
        self.headed(200)
        self.forever(bytes(100_000), 0)

    def chunks(self):
        self.headed(200, Transfer_Encoding="chunked")
        self.forever(b"10000\r\n" + bytes(0x10000) + b"\r\n", 0)

    def drip(self):
        self.headed(200)
        self.forever(b"x", 0.05)

    def silent(self):
        time.sleep(3)

    def heading(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        self.forever(b"X", 0.05)

    def rubbish(self):
        self.wfile.write(b"220 smtp.example ESMTP\r\n")

    def forever(self, piece, pause):
        end = time.monotonic() + 20
        try:
            while time.monotonic() < end:
                self.wfile.write(piece)
                self.wfile.flush()
                time.sleep(pause)
        except OSError:
            pass

    def hop(self):
        left = int(self.path.split("/")[2].partition("?")[0])
        to = f"/hop/{left - 1}?key=SECRET" if left else "/good?key=SECRET"
        self.headed(302, Location=to, Content_Length="0")

    def to(self):
        self.headed(302, Location=self.path.split("/", 2)[2], Content_Length="0")


@pytest.fixture(scope="module")
def server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def refused(url, folder):
    began = time.monotonic()
    with pytest.raises(FetchError) as caught:
        download(url, folder)
    assert time.monotonic() - began < 10
    return str(caught.value)


@pytest.mark.parametrize("path", ["good", "unsized", "nonsense"])
def test_an_answer_with_or_without_its_length_is_written(server, tmp_path, path):
    assert download(f"{server}/{path}", tmp_path).read_bytes() == b"a,b\n1"


def test_redirects_are_told_without_what_may_be_a_key_and_counted(server, tmp_path, caplog):
    caplog.set_level(logging.INFO, "graphfuse")
    assert download(f"{server}/hop/3?key=SECRET", tmp_path).read_bytes() == b"a,b\n1"
    assert f"{server}/hop/3 redirects to {server}/hop/2" in caplog.text
    assert f"{server}/hop/0 redirects to {server}/good" in caplog.text
    assert "SECRET" not in caplog.text
    said = refused(f"{server}/hop/9", tmp_path)
    assert "more than 5 redirects" in said and "give the final address" in said


@pytest.mark.parametrize(
    "place", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://x", "data:,x"]
)
def test_only_the_web_is_redirected_to(server, tmp_path, place):
    said = refused(f"{server}/to/{place}", tmp_path)
    assert "not" in said and not [path for path in tmp_path.iterdir() if path.read_bytes()]


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("https://8.8.8.8/x", "http://8.8.8.8/x", "encryption"),
        ("https://8.8.8.8/x", "file:///etc/passwd", "no web address"),
        ("http://8.8.8.8/x", "http://127.0.0.1/x", "private"),
        ("http://8.8.8.8/x", "http://localhost/x", "private"),
        ("http://8.8.8.8/x", "http://[::1]/x", "private"),
        ("http://8.8.8.8/x", "http://[::ffff:10.0.0.1]/x", "private"),
        ("http://8.8.8.8/x", "http://169.254.169.254/latest", "private"),
        ("http://8.8.8.8/x", "http://192.168.1.1/x", "private"),
        ("http://8.8.8.8/x", "http://2130706433/x", "private"),  # 127.0.0.1 as one number
        ("http://8.8.8.8/x", "http://0x7f.1/x", "private"),
        ("http://8.8.8.8/x", "https://1.1.1.1/x", ""),
        ("http://10.0.0.1/x", "http://127.0.0.1/x", ""),
    ],
)
def test_where_a_redirect_may_lead(old, new, why):
    assert why in forbidden(urlsplit(old), urlsplit(new))
    assert bool(why) == bool(forbidden(urlsplit(old), urlsplit(new)))


def test_a_name_that_stands_for_this_machine_is_private(monkeypatch):
    def resolved(host, *args, **how):
        addresses = ["8.8.8.8", "10.1.2.3"] if host == "rebound.example" else [host]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 0)) for ip in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    assert not is_public("rebound.example")
    assert forbidden(urlsplit("http://8.8.8.8"), urlsplit("http://rebound.example"))


def test_an_answer_shorter_than_it_says_is_no_file(server, tmp_path):
    assert "ended after 5 of 9 bytes" in refused(f"{server}/shorter", tmp_path)
    assert download(f"{server}/longer", tmp_path).read_bytes() == b"a,b"  # its sha256 is wrong


def test_what_is_larger_than_allowed_is_not_read_to_its_end(server, tmp_path, monkeypatch):
    said = refused(f"{server}/huge", tmp_path)
    assert "larger than is fetched: the most is 20 GB" in said and "GRAPHFUSE_MOST_GB" in said
    monkeypatch.setenv("GRAPHFUSE_MOST_GB", "0.002")
    for path in ("endless", "chunks"):
        assert "the most is 0.002 GB" in refused(f"{server}/{path}", tmp_path)
        assert (tmp_path / path).stat().st_size < 5e6
    monkeypatch.setenv("GRAPHFUSE_MOST_GB", "plenty")
    with pytest.raises(InputError, match="GRAPHFUSE_MOST_GB=plenty: expected a number"):
        download(f"{server}/good", tmp_path)


@pytest.mark.parametrize("path", ["drip", "silent", "heading"])
def test_what_does_not_come_ends(server, tmp_path, monkeypatch, path):
    monkeypatch.setattr(limits, "STALL_SECONDS", 0.6)
    said = refused(f"{server}/{path}", tmp_path)
    assert "stalls (fewer than 60,000 bytes in 0.6 seconds)" in said or "timed out" in said


def test_what_is_no_web_server_is_said(server, tmp_path):
    assert "could not download it" in refused(f"{server}/rubbish", tmp_path)
    assert "could not download it" in refused("http://127.0.0.1:9/x", tmp_path)
    for url in ("http://[::1", "http://127.0.0.1:99999999/x", "http:///x", "http://a b/c"):
        assert "could not download it" in refused(url, tmp_path)
