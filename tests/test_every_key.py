"""Every key of a recipe that its README names goes through the shell once with a value other than
its default: check, train, rank, predict, report."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from graphfuse.cli import app
from graphfuse.data.synth import planted
from graphfuse.schema import LayerSpec, Recipe

README = Path(__file__).parents[1] / "graphs" / "README.md"
BASE = (
    'name = "one"\n[net]\nwidth = 4\n[train]\nepochs = 2\nseeds = 1\n[gene]\nnetwork = "net.csv"\n'
)
MANIFEST = """name = "clinic"
[outcome.subtype]
kind = "class"
file = "about.csv"
column = "subtype"
[modality.rna]
file = "rna.csv"
kind = "omics"
entity = "gene"
[modality.meth]
file = "meth.csv"
kind = "omics"
entity = "gene"
"""
NETWORK = 'encode = { default = "table", gene = "network" }'
TYPED = '[signalling]\nkinds = { tran = "rna", meth = "meth" }\ninteract = "tran"'
# "[section] key" → the lines of a recipe that give it another value, and what that value needs.
KEYS = {
    "[patient] similarity": '[patient]\nsimilarity = "gower"',
    "[patient] space": '[patient]\nspace = "raw"',
    "[patient] rule": '[patient]\nrule = "mutual"',
    "[patient] neighbours": "[patient]\nneighbours = 3",
    "[patient] radius": '[patient]\nrule = "radius"\nradius = 0.9',
    "[patient] weight": '[patient]\nweight = "similarity"',
    "[patient] layers": '[patient]\nlayers = ["rna", "snf"]',
    "[patient] control": '[patient]\ncontrol = "rewired"',
    "[patient] gate": '[patient]\ngate = 0.5\n[net]\nstart = "none"',
    "[patient.layer.genome]": '[patient.layer.genome]\nof = ["rna", "meth"]\ncombine = "snf"',
    "[patient.layer.genome] compared": (
        '[patient.layer.genome]\nof = ["rna", "meth"]\ncombine = "join"\nsimilarity = "euclidean"\n'
        'space = "raw"\nrule = "mutual"\nneighbours = 4\nweight = "similarity"'
    ),
    "[patient.layer.genome] radius": (
        '[patient.layer.genome]\nof = ["rna", "meth"]\nrule = "radius"\nradius = 0.9'
    ),
    "[patient.layer.family]": '[patient.layer.family]\nedges = "family.csv"',
    "[gene] network": f'[gene]\nnetwork = "net.csv"\n[net]\n{NETWORK}',
    "[gene] min_score": f"[gene]\nmin_score = 0.5\n[net]\n{NETWORK}",
    "[gene] aliases": f'[gene]\naliases = "names.csv"\n[net]\n{NETWORK}',
    "[gene] required": f"[gene]\nrequired = true\n[net]\n{NETWORK}",
    "[gene] control": f'[gene]\ncontrol = "random"\n[net]\n{NETWORK}',
    "[concepts] planes": "[concepts]\nplanes = 3\ncodes = 3\ncomponents = 4\nepochs = 2",
    "[concepts] quantile": "[concepts]\nquantile = 0.5\ncodes = 3\ncomponents = 4\nepochs = 2",
    "[concepts] edges": '[concepts]\nedges = "nearest"\nneighbours = 2\ncodes = 3\nepochs = 2',
    "[concepts] neighbours": '[concepts]\nedges = "nearest"\nneighbours = 3\ncodes = 4\nepochs = 2',
    "[concepts] codes": "[concepts]\ncodes = 3\nplanes = 3\nepochs = 2",
    "[concepts] components": "[concepts]\ncomponents = 4\ncodes = 3\nplanes = 3\nepochs = 2",
    "[concepts] baseline": '[concepts]\nbaseline = "zero"\ncodes = 3\nplanes = 3\nepochs = 2',
    "[concepts] missing": '[concepts]\nmissing = "impute"\ncodes = 3\nplanes = 3\nepochs = 2',
    "[signalling] kinds": TYPED,
    "[signalling] kinds = auto": '[signalling]\nkinds = "auto"\nlinks = []\ninteract = "tran"',
    "[signalling] links": f'{TYPED}\nlinks = [["meth", "tran"]]',
    "[signalling] interact": TYPED,
    "[signalling] identity": f'{TYPED}\nidentity = "none"',
    "[signalling] table": f'{TYPED}\nidentity = "table"\ntable = "vectors.csv"',
    "[signalling] direction": f'{TYPED}\ndirection = "forward"',
    "[signalling] pathways": f'{TYPED}\npathways = "sets.gmt"',
    "[signalling] genes": f"{TYPED}\ngenes = 9",
    "[pathways] sets": '[pathways]\nsets = "sets.gmt"',
    "[pathways] least": '[pathways]\nsets = "sets.gmt"\nleast = 2',
    "[pathways] most": '[pathways]\nsets = "sets.gmt"\nmost = 2',
    "[pathways] control": '[pathways]\nsets = "sets.gmt"\ncontrol = "random"',
    "[net] encode": '[net]\nencode = "mlp"',
    "[net] propagate": '[net]\npropagate = "gcn"',
    "[net] fuse": '[net]\nfuse = "late"',
    "[net] head": '[net]\nhead = "class"',
    "[net] start": '[net]\nstart = "none"',
    "[net] width": "[net]\nwidth = 8",
    "[net] rounds": "[net]\nrounds = 2",
    "[net] bridge": '[net]\nbridge = "linear"',
    "[train] epochs": "[train]\nepochs = 3",
    "[train] stop": '[train]\nstop = "last"',
    "[train] seeds": "[train]\nseeds = 2",
    "[train] learning_rate": "[train]\nlearning_rate = [1e-3, 1e-2]",
    "[train] weight_decay": "[train]\nweight_decay = [1e-3, 1e-2]",
    "[train] dropout": "[train]\ndropout = 0.0",
    "[train] modality_dropout": "[train]\nmodality_dropout = 0.3",
    "[train] memory_gb": "[train]\nmemory_gb = 1.0",
    "[train] amp": "[train]\namp = true",
    "[train] compile": "[train]\ncompile = false",  # a minute for each shape of bank
    "[prepare] steps": '[prepare]\nsteps = ["impute", "select", "scale"]',
    "[select] top": "[select]\ntop = 9",
    "[select] scale": '[select]\nscale = "range"',
    "[search] fuse": '[search]\nfuse = ["concat"]\nencode = []\npropagate = []',
    "[search] encode": '[search]\nfuse = []\nencode = ["mlp"]\npropagate = []',
    "[search] propagate": '[search]\nfuse = []\nencode = []\npropagate = ["gcn"]',
}
FEW = ("[patient.layer.family]", "[patient] layers", "[gene] aliases", "[net] fuse")


def documented() -> set[str]:
    """The keys that the tables and examples of the README name, as '[section] key'."""
    text = README.read_text(encoding="utf-8")
    found, section = set(re.findall(r"^(\[patient\.layer\.\w+\])", text, re.MULTILINE)), ""
    for table in re.findall(r"^\| key \|.*\n\|.*\n((?:\|.*\n)+)", text, re.MULTILINE):
        for row in table.splitlines():
            cell = row.split("|")[1].strip().strip("`").replace("`", "")
            named = re.match(r"\[(\w+)\] (.*)", cell)
            section, keys = (named[1], named[2]) if named else (section, cell)
            found |= {f"[{section}] {key.strip()}" for key in keys.split(",")}
    return found


def test_every_documented_key_is_in_the_table():
    assert len(documented()) > 40 and documented() <= set(KEYS)


def test_every_key_that_is_read_is_in_the_table():
    whole = Recipe.model_validate(
        {"name": "all", "concepts": {}, "signalling": {}, "pathways": {"sets": "s"}, "search": {}}
    )
    rows = [tomllib.loads(lines) for lines in KEYS.values()]
    for name, section in whole:
        given = set().union(*(row.get(name, {}) for row in rows))
        assert isinstance(section, str) or set(type(section).model_fields) <= given, name
    layers = [layer for row in rows for layer in row.get("patient", {}).get("layer", {}).values()]
    assert set(LayerSpec.model_fields) <= set().union(*layers)


def merged(lines: str) -> str:
    """A recipe: the base, with the keys of these lines over it."""
    whole, more = tomllib.loads(BASE), tomllib.loads(lines)
    for section, keys in more.items():
        whole[section] = {**whole.get(section, {}), **keys}
    return "\n".join(written(whole))


def written(table: dict, place: str = "") -> list[str]:
    """A table as TOML."""
    plain = {key: value for key, value in table.items() if not isinstance(value, dict)}
    lines = [f"{key} = {value_of(value)}" for key, value in plain.items()]
    for key, value in table.items():
        if isinstance(value, dict):
            name = f"{place}.{key}" if place else key
            lines += [f"[{name}]", *written(value, name)]
    return lines


def value_of(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(value_of, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else repr(value)


@pytest.fixture
def clinic(tmp_path, monkeypatch):
    """A working folder with every file that a key may name."""
    monkeypatch.chdir(tmp_path)
    truth = planted(40, {"rna": 14, "meth": 12}, carriers=4, effect=2.0, seed=5)
    outcome, ids = truth.cohort.outcome(), list(truth.cohort.patients)
    for modality in truth.cohort.modalities.values():
        modality.table.to_csv(f"{modality.name}.csv")
    labels = [outcome.classes[code] for code in outcome.values]
    pd.DataFrame({"subtype": labels}, ids).to_csv("about.csv")
    truth.network.to_csv("net.csv", index=False)
    pd.DataFrame({"source": ids, "target": ids[1:] + ids[:1]}).to_csv("family.csv", index=False)
    vectors = pd.DataFrame(
        {"x": [0.5, 1.0, 2.0], "y": [3.0, 1.0, 2.0]}, ["G0001", "G0002", "G0005"]
    )
    vectors.to_csv("vectors.csv", index_label="gene")
    Path("names.csv").write_text("name,symbol\nOLD1,G0001\n")
    sets = [[f"G{i:04d}" for i in range(k, k + 6)] for k in (1, 3, 5)]
    lines = ["\t".join([f"set {k}", "", *genes]) for k, genes in enumerate(sets)]
    Path("sets.gmt").write_text("\n".join(lines) + "\n")
    Path("clinic.toml").write_text(MANIFEST)
    return tmp_path


def through_the_shell(key: str, folder: Path, monkeypatch) -> None:
    (folder / "one.toml").write_text(merged(KEYS[key]))
    asked = ["train", "clinic.toml", "-r", "one.toml", "--cv", "2x1", "--no-ledger", "-o", "run"]
    first = ["check", "clinic.toml", "-r", "one.toml", "--cv", "2x1"]
    last = ["predict", "run", "clinic.toml", "-o", "calls.csv"]
    for number, call in enumerate([first, asked, ["rank", "run"], last]):
        if number > 1:
            (folder / "elsewhere").mkdir(exist_ok=True)
            monkeypatch.chdir(folder / "elsewhere")
            call = [str(folder / each) if each in ("run", "clinic.toml") else each for each in call]
        done = CliRunner().invoke(app, call)
        assert done.exit_code == 0, f"{key}: {call[0]}: {done.output} {done.exception!r}"
    assert len(pd.read_csv("calls.csv")) == 40
    assert (folder / "run" / "report.html").stat().st_size > 1000
    assert (folder / "run" / "rankings" / "nodes.csv").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("key", FEW)
def test_some_keys_go_through_the_shell(key, clinic, monkeypatch):
    through_the_shell(key, clinic, monkeypatch)


@pytest.mark.nightly
@pytest.mark.parametrize("key", [key for key in KEYS if key not in FEW])
def test_every_other_key_goes_through_the_shell(key, clinic, monkeypatch):
    through_the_shell(key, clinic, monkeypatch)
