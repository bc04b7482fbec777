"""Downloads one file: with limits of size and time, and only redirects that are safe."""

from __future__ import annotations

import http.client
import ipaddress
import logging
import socket
import threading
import time
import urllib.request
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from graphfuse.data.fetch import limits
from graphfuse.errors import FetchError

log = logging.getLogger(__name__)

_CHUNK = 1 << 20
_WEB = ("http", "https")


def download(url: str, folder: Path) -> Path:
    """Downloads an http(s) address into a folder, with notices of progress and of redirects.

    Parameters
    ----------
    url
        The address.
    folder
        Where the file is written, under its name in the address.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    FetchError
        For other kinds of addresses, redirects that are not followed, answers that are longer than
        allowed or than announced, cut short, or too slow.
    """
    try:
        address = urlsplit(url)
    except ValueError as error:
        raise FetchError(f"could not download it ({error}); correct url") from None
    scheme = address.scheme
    if scheme not in _WEB:
        raise FetchError(
            f"only http and https addresses are fetched, not {scheme or 'none'}://; use path "
            "instead"
        )
    name = Path(unquote(address.path)).name
    path = folder / (name if name.strip(".") else "download")
    transfer = _Transfer(url, path, limits.most_bytes())
    transfer.start()
    try:
        _wait_for(transfer)
    finally:
        transfer.is_wanted = False
    error = transfer.error
    if isinstance(error, FetchError):
        raise error
    if error is not None:
        reason = getattr(error, "reason", None) or error
        raise FetchError(f"could not download it ({reason or type(error).__name__})") from None
    return path


def _wait_for(transfer: _Transfer) -> None:
    """Waits for the end of a transfer. Raises `FetchError` where it is too slow."""
    since, before = time.monotonic(), 0
    while transfer.is_alive():
        transfer.join(min(1.0, limits.STALL_SECONDS / 10))
        if time.monotonic() - since < limits.STALL_SECONDS:
            continue
        if transfer.is_alive() and transfer.done - before < limits.STALL_BYTES:
            raise FetchError(
                f"it stalls (fewer than {limits.STALL_BYTES:,} bytes in "
                f"{limits.STALL_SECONDS:g} seconds); try again later"
            )
        since, before = time.monotonic(), transfer.done


class _Transfer(threading.Thread):
    """A download in a thread of its own, which can be abandoned where it does not end: a name that
    is not resolved, a header or body that arrives byte by byte."""

    def __init__(self, url: str, path: Path, most: int):
        super().__init__(daemon=True)
        self.url, self.path, self.most = url, path, most
        self.done = 0  # bytes
        self.error: Exception | None = None
        self.is_wanted = True

    def run(self) -> None:
        opener = urllib.request.build_opener(_Redirects())
        try:
            with opener.open(self.url, timeout=limits.STALL_SECONDS) as answer:
                self._copy(answer)
        except (OSError, ValueError, http.client.HTTPException, FetchError) as error:
            self.error = error  # URLError and timeouts are OSErrors

    def _copy(self, answer: http.client.HTTPResponse) -> None:
        """Copies the answer to the file and logs every tenth of it."""
        total, tenths = answer.length, 0
        _check_size(total or 0, self.most)
        with open(self.path, "wb") as file:
            while self.is_wanted and (chunk := answer.read1(_CHUNK)):
                file.write(chunk)
                self.done += len(chunk)
                _check_size(self.done, self.most)
                if total and self.done * 10 // total > tenths:
                    tenths = self.done * 10 // total
                    log.info("%s: %d %% of %.1f MB", self.path.name, tenths * 10, total / 1e6)
        if self.is_wanted and total is not None and self.done != total:
            raise FetchError(f"it ended after {self.done:,} of {total:,} bytes; try again")


def _check_size(size: int, most: int) -> None:
    """Raises `FetchError` where a download is larger than allowed."""
    if size > most:
        cure = limits.lifted(limits.GB_SETTING, f"{most / limits.GB:g} GB")
        raise FetchError(f"it is larger than is fetched: {cure}")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a few redirects and logs them, but none that could lead to an address which only this
    machine can reach."""

    def __init__(self):
        self.followed = 0

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        old, new = urlsplit(req.full_url), urlsplit(newurl)
        redirect = f"{_shown(old)} redirects to {_shown(new)}"
        why = forbidden(old, new)
        self.followed += 1
        if self.followed > limits.REDIRECTS:
            why = f"more than {limits.REDIRECTS} redirects"
        if why:
            raise FetchError(
                f"{redirect}, which is not followed: {why}; give the final address as url"
            )
        log.info("%s", redirect)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def forbidden(old: SplitResult, new: SplitResult) -> str:
    """Why a redirect from one address to another is not followed; '' where it is."""
    if new.scheme not in _WEB:
        return f"{new.scheme}:// is no web address"
    if old.scheme == "https" and new.scheme == "http":
        return "it gives up encryption"
    if is_public(old.hostname or "") and not is_public(new.hostname or ""):
        return "it leads from a public address to a private one"
    return ""


def is_public(host: str) -> bool:
    """Whether every address of a host is one of the public internet.

    A name that cannot be resolved here, as behind a proxy, counts as public.
    """
    try:
        entries = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return host.lower() != "localhost"
    addresses = [str(entry[4][0]).partition("%")[0] for entry in entries]
    return all(ipaddress.ip_address(address).is_global for address in addresses)


def _shown(url: SplitResult) -> str:
    """An address without its query, which may hold a key, and without user and password."""
    port = f":{url.port}" if url.port else ""
    return f"{url.scheme}://{url.hostname or ''}{port}{url.path}"
