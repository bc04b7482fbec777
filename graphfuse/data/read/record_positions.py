"""Positions of the records and cells of a text table: one notion of a record for every reader.

A record is a line, but for line breaks between quotes (RFC 4180). Line breaks are LF, CRLF or CR.
Positions are computed for the whole table at once with numpy, so that a wide table costs little
more than reading it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

_FEED = ord("\n")
_RETURN = ord("\r")
_BLANK = ord(" ")
_QUOTE = ord('"')


@dataclass(frozen=True)
class Records:
    """The records of a table; blank lines are none.

    Parameters
    ----------
    content : bytes
        The table in UTF-8, from its heading on.
    delimiter : str
        The character between two cells.
    quoted : bool
        Whether quotes enclose cells; if not they are letters like any other.

    Examples
    --------
    >>> table = Records(b'id,note\\nP1,"two\\nlines"\\n', ",")
    >>> len(table), table.cells(1)
    (2, ['P1', 'two\\nlines'])
    """

    content: bytes
    delimiter: str
    quoted: bool = True

    def __len__(self) -> int:
        return len(self.starts)

    @cached_property
    def _codes(self) -> np.ndarray:
        """The bytes of the table, uint8."""
        return np.frombuffer(self.content, np.uint8)

    @cached_property
    def _quotes(self) -> np.ndarray:
        """Positions of quotes that may enclose cells."""
        if not self.quoted or b'"' not in self.content:
            return np.empty(0, np.intp)
        return np.flatnonzero(self._codes == _QUOTE)

    def _outside(self, positions: np.ndarray) -> np.ndarray:
        """Those of the positions that no quotes enclose."""
        if not len(self._quotes):
            return positions
        before = np.searchsorted(self._quotes, positions)
        return positions[before % 2 == 0]

    @cached_property
    def _marks(self) -> np.ndarray:
        """Positions of the delimiters between cells."""
        return self._outside(np.flatnonzero(self._codes == ord(self.delimiter)))

    @cached_property
    def _lines(self) -> tuple[np.ndarray, np.ndarray]:
        """Start and stop (without the line break) of every record and every blank line."""
        breaks = self._outside(_breaks(self._codes))
        starts = np.concatenate([[0], breaks + 1])
        stops = np.concatenate([breaks, [len(self.content)]])
        is_crlf = (stops > starts) & (stops < len(self.content))
        before_break = stops[is_crlf] - 1
        is_crlf[is_crlf] = self._codes[before_break] == _RETURN
        at_break = stops[is_crlf]
        is_crlf[is_crlf] = self._codes[at_break] == _FEED
        return starts, stops - is_crlf

    @cached_property
    def _kept(self) -> np.ndarray:
        """bool: which lines are records, not blank."""
        starts, stops = self._lines
        kept = stops > starts
        has_one_cell = self._widths_of(starts, stops) == 1
        for line in np.flatnonzero(kept & has_one_cell):
            cell = self.content[starts[line] : stops[line]]
            kept[line] = cell.strip(b" \t") != b""
        return kept

    def _widths_of(self, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
        """How many cells lie between each start and stop."""
        before_start = np.searchsorted(self._marks, starts)
        before_stop = np.searchsorted(self._marks, stops)
        return before_stop - before_start + 1

    @cached_property
    def starts(self) -> np.ndarray:
        """int `[n]`: where each record starts."""
        return self._lines[0][self._kept]

    @cached_property
    def stops(self) -> np.ndarray:
        """int `[n]`: where each record stops, before its line break."""
        return self._lines[1][self._kept]

    @cached_property
    def widths(self) -> np.ndarray:
        """int `[n]`: how many cells each record has."""
        return self._widths_of(self.starts, self.stops)

    @property
    def longest(self) -> int:
        """How many bytes the longest cell of a line without quotes and breaks can have."""
        edges = np.concatenate([self._marks, self.starts, self.stops])
        return int(np.diff(np.sort(edges)).max(initial=0))

    def cells(self, record: int, limit: int | None = None) -> list[str]:
        """The cells of one record (the first few), without quotes and the blanks around them."""
        start, stop = self.starts[record], self.stops[record]
        first, last = np.searchsorted(self._marks, [start, stop])
        begin = int(start)
        cells = []
        for end in [*self._marks[first:last].tolist(), int(stop)][:limit]:
            cells.append(_unquoted(self.content[begin:end], self.quoted))
            begin = end + 1
        return cells

    def last_cell(self, record: int) -> str:
        """The last cell of one record."""
        start, stop = self.starts[record], self.stops[record]
        mark = np.searchsorted(self._marks, stop) - 1
        begin = start if mark < 0 else max(start, self._marks[mark] + 1)
        return _unquoted(self.content[begin:stop], self.quoted)

    @property
    def open_quote(self) -> int | None:
        """Where a quote is opened and never closed."""
        return int(self._quotes[-1]) if len(self._quotes) % 2 else None

    def stray_quotes(self) -> np.ndarray:
        """Positions of quotes that open within a cell or close before its end."""
        pairs = len(self._quotes) // 2
        if not pairs:
            return self._quotes[:0]
        opening, closing = self._quotes[: 2 * pairs].reshape(pairs, 2).T
        follows = np.append(opening[1:], -1) == closing + 1  # "" within quotes
        continues = np.append(False, follows[:-1])
        starts_cell = continues | self._at_edge(opening, -1)
        ends_cell = follows | self._at_edge(closing, 1)
        stray = [opening[~starts_cell], closing[~ends_cell]]
        return np.sort(np.concatenate(stray))

    def _at_edge(self, positions: np.ndarray, step: int) -> np.ndarray:
        """bool: whether only blanks lie between the position and a cell's edge on that side."""
        edges = [ord(self.delimiter), _FEED, _RETURN]
        beside = positions + step
        while True:
            is_inside = (beside >= 0) & (beside < len(self.content))
            within = np.where(is_inside, beside, 0)
            codes = np.where(is_inside, self._codes[within], _FEED)
            is_blank = codes == _BLANK
            if not is_blank.any():
                return np.isin(codes, edges)
            beside = beside + step * is_blank

    def line_of(self, position: int) -> int:
        """The physical line, from 1, in which a position lies."""
        before = self.content[:position]
        feeds, both = before.count(b"\n"), before.count(b"\r\n")
        return feeds + before.count(b"\r") - both + 1


def head_of(content: bytes, delimiter: str, count: int) -> Records:
    """The first `count` records of a table, or all where there are fewer; the rest is not read.

    Parameters
    ----------
    content : bytes
        The table in UTF-8.
    delimiter : str
        The character between two cells.
    count : int
        How many records.

    Returns
    -------
    Records
        Whole records only.
    """
    size = 1 << 16
    while True:
        head = Records(content[:size], delimiter)
        if len(head) > count:
            whole = int(head.starts[count])  # the record after it may be cut
            return Records(content[:whole], delimiter)
        if size >= len(content):
            return head
        size *= 4


def _breaks(codes: np.ndarray) -> np.ndarray:
    """Positions where a line ends: at LF, or at CR that no LF follows."""
    feeds = np.flatnonzero(codes == _FEED)
    returns = np.flatnonzero(codes == _RETURN)
    if not len(returns):
        return feeds
    following = np.append(codes, 0)[returns + 1]
    alone = returns[following != _FEED]
    return np.sort(np.concatenate([feeds, alone]))


def _unquoted(cell: bytes, quoted: bool) -> str:
    """A cell's text, without quotes and the blanks around it."""
    text = cell.decode().strip()
    if quoted and len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1].replace('""', '"').strip()
    return text
