"""Regular expressions from manifests, matched in a separate process, where a pattern that would
backtrack for years can be stopped; Python's `re` cannot be stopped in a thread."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence

from graphfuse.errors import InputError

SECONDS = 10  # for all columns of a table; a usual pattern takes 0.02 for 60,000
LONGEST = 1_000  # characters of a pattern

# Runs without this package, the site's packages or the environment; its memory is bounded where
# the system can.
_PROGRAM = f"""
import json, re, sys
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
    resource.setrlimit(resource.RLIMIT_CPU, ({SECONDS}, {SECONDS}))
except (ImportError, ValueError, OSError):
    pass
pattern, texts = json.load(sys.stdin)
try:
    compiled = re.compile(pattern)
except (re.error, RecursionError, OverflowError, MemoryError) as error:
    print(json.dumps({{"error": str(error) or type(error).__name__}}))
else:
    group = 1 if compiled.groups else 0
    found = [compiled.search(text) for text in texts]
    print(json.dumps({{"found": [match and match[group] for match in found]}}))
"""


def first_groups(pattern: str, texts: Sequence[str], key: str = "symbol") -> list[str | None]:
    """The first group of a pattern in each text, or the whole match of a pattern without groups.

    Parameters
    ----------
    pattern
        A regular expression of Python's `re`.
    texts
        The texts to search.
    key
        The key of the manifest, for messages.

    Returns
    -------
    list of str or None
        One per text; `None` where the pattern, or its group, does not match.

    Raises
    ------
    InputError
        For a pattern that is no regular expression, or that takes longer than `SECONDS`.

    Examples
    --------
    >>> first_groups("^(.+)_[0-9]+$", ["TP53_7157", "odd"])
    ['TP53', None]
    """
    where = f"{key} = {pattern[:100]!r}"
    if len(pattern) > LONGEST:
        raise InputError(f"{where} …: a pattern has at most {LONGEST:,} characters; shorten it")
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _PROGRAM],
            input=json.dumps([pattern, list(texts)]),
            capture_output=True,
            text=True,
            encoding="ascii",
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        done = None
    if done is None or done.returncode or not done.stdout:
        raise InputError(
            f"{where}: takes more than {SECONDS} seconds or all memory on these columns, as "
            "patterns with a repeat inside a repeat do, such as (a+)+; simplify it"
        )
    answer = json.loads(done.stdout)
    if "error" in answer:
        raise InputError(f"{where} is no regular expression ({answer['error']})")
    return answer["found"]
