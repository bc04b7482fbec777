"""graph.html: one safe file, the same each time, right in what it says, small whatever the
graph."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from graphfuse.data.cohort import Cohort
from graphfuse.graph.export.page.html import page, page_data, write_picture
from graphfuse.graph.neighbour_lists import Neighbours
from graphfuse.graph.patient_graph import PatientGraph

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


def block(html, tag):
    return re.search(rf"<{tag}>(.*?)</{tag.split()[0]}>", html, re.S).group(1)


def data_of(html):
    return json.loads(block(html, 'script type="application/json" id="graph"'))


def big(count, neighbours=10):
    """A cohort of `count` patients in four groups on a line, each joined to those beside."""
    rng = np.random.default_rng(0)
    ids = [f"P{i:06d}" for i in range(count)]
    labels = pd.Series(
        np.array(list("abcd"), object)[np.arange(count) * 4 // count], ids, name="group"
    )
    cohort = Cohort.from_frames(
        {"rna": pd.DataFrame(rng.normal(size=(count, 1)), ids, ["g"])}, labels
    )
    step = rng.integers(1, 200, (count, neighbours)) * rng.choice([-1, 1], (count, neighbours))
    heard = np.clip(np.arange(count)[:, None] + step, 0, count - 1)
    lists = Neighbours.from_edges(
        np.repeat(np.arange(count), neighbours), heard.ravel(), rng.random(heard.size), count, count
    )
    return PatientGraph(cohort, {"rna": lists, "family": lists}, None, {}, {})


def test_the_page_asks_nothing_of_anyone_and_runs_only_its_own_script(built):
    html, _ = page(built)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html).group(1)
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy
    for tag in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(block(html, tag).encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert not re.findall(
        r"(src|href)=|@import|url\(|fetch\(|XMLHttp|WebSocket|eval\(|innerHTML", html
    )
    assert set(re.findall(r"https?://[^\"' ]+", html)) == {"http://www.w3.org/2000/svg"}


def test_hostile_names_stay_text(built):
    name = "</title><script>alert(1)</script>"
    html, _ = page(replace(built, cohort=replace(built.cohort, name=name)))
    assert (
        html.count("<script") == 2
        and html.count("</script>") == 2
        and "<b>" not in block(html, 'script type="application/json" id="graph"')
    )
    data = data_of(html)
    assert data["title"] == name and "</script><b>&'\"é\x01" in data["patients"]["ids"]


def test_it_tells_what_the_graph_holds(built):
    data = data_of(page(built)[0])
    patients = data["patients"]
    assert patients["ids"] == list(built.cohort.patients) and len(patients["places"]) == 2 * 24
    assert [layer["name"] for layer in patients["layers"]] == ["rna", "meth", "shared"]
    for layer in patients["layers"]:
        lists = built.layers[layer["name"]]
        heard = set()
        for a, b, way in np.reshape(layer["lines"], (-1, 3)).tolist():
            heard |= ({(a, b)} if way & 1 else set()) | ({(b, a)} if way & 2 else set())
        assert heard == set(zip(lists.receivers.tolist(), lists.index.tolist(), strict=True))
        assert (
            layer["hears"] == lists.degree.tolist()
            and sum(layer["heard"]) == layer["edges"] == lists.edges
        )
    assert data["drawn"] == "all 24 patients are drawn" and data["genes"]["ids"] == [
        "A",
        "B",
        "C",
        "D",
    ]


def test_how_many_lines_join_one_class_is_counted(built):
    """Four patients, classes 0 0 1 and unknown: 0 hears 1 and 2, 2 hears 0, 3 hears 0, 1 hears
    itself."""
    from graphfuse.graph.export.page.html import _within_classes

    lists = Neighbours.from_edges([0, 0, 2, 3, 1], [1, 2, 0, 0, 1], 1.0, 4, 4)
    assert _within_classes(lists, np.array([0, 0, 1, -1])) == [
        0.3333,
        0.5556,
    ]  # by chance 2/3·2/3 + 1/3·1/3
    assert _within_classes(lists, np.full(4, -1)) is None


def test_same_graph_same_page(built, bare, tmp_path):
    write_picture(built, tmp_path / "a.html")
    assert page(built)[0] == (tmp_path / "a.html").read_text(encoding="utf-8")
    data = page_data(bare)
    assert data["genes"] is None and data["patients"]["layers"] == []


def test_a_large_graph_is_sampled_and_says_so():
    graph = big(6_000)
    html, drawn = page(graph, seed=3)
    assert re.fullmatch(
        r"1,500 of 6,000 patients are drawn: \d+ by chance \(seed 3\), in proportion to "
        r"the classes of group, and their neighbours, strongest first(; .*)?",
        drawn,
    )
    data = data_of(html)
    assert len(data["patients"]["ids"]) == 1500 and len(html) < 1_500_000
    x = np.reshape(data["patients"]["places"], (-1, 2))
    codes = np.array(data["patients"]["hues"][0]["codes"])
    middle = np.array([x[codes == c].mean(0) for c in range(4)])
    near = np.linalg.norm(x[:, None] - middle[None], axis=2).argmin(1)
    assert (near == codes).mean() > 0.6  # the line of four groups is still seen
    assert min(np.bincount(codes)) > 200


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_the_script_is_javascript(built, tmp_path):
    (tmp_path / "graph.js").write_text(block(page(built)[0], "script"), encoding="utf-8")
    done = subprocess.run(
        ["node", "--check", tmp_path / "graph.js"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="needs a browser")
def test_a_browser_runs_it(built, tmp_path):
    write_picture(built, tmp_path / "graph.html")
    flags = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path / 'profile'}",
        "--virtual-time-budget=2000",
    ]
    done = subprocess.run(
        [BROWSER, *flags, "--enable-logging=stderr", "--dump-dom",
        (tmp_path / "graph.html").as_uri()],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    said = re.sub(r"<script.*?</script>", "", done.stdout, flags=re.S)
    assert "Uncaught" not in done.stderr and "Content Security Policy" not in done.stderr
    assert all(word in said for word in ("all 24 patients are drawn.", "unknown", "meth", "shared"))
    assert said.count("<option") == 8 and said.count('class="only"') == 3
