"""What a run says of how it was made."""

from __future__ import annotations

import inspect
import subprocess
import sys

import numpy as np
import pytest

from graphfuse.evaluate import provenance
from graphfuse.evaluate.provenance import peak_memory


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process inherits the figure")
def test_the_peak_is_of_this_process_not_of_the_one_that_started_it():
    """The function alone is asked there: importing its module would take that process seconds."""
    ballast = np.ones(75_000_000)  # 0.6 GB, resident
    asked = [
        "import sys",
        "from graphfuse.data.memory import largest_resident",
        inspect.getsource(peak_memory),
        "ballast = b'1' * 60_000_000",
        "print(peak_memory())",
    ]
    asking = [sys.executable, "-c", "\n".join(asked)]
    answer = subprocess.run(asking, capture_output=True, text=True, check=True).stdout
    assert 0.05 < float(answer) < ballast.nbytes / 1e9 <= peak_memory()


def test_elsewhere_the_peak_is_what_the_system_counts(monkeypatch):
    from_status = peak_memory()
    monkeypatch.setattr(provenance, "largest_resident", lambda: 0.0)
    assert peak_memory() == pytest.approx(from_status, rel=0.5)
