"""The house rules, read off the source: which way imports go, how long things get, what is never
written."""

import ast
import os
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

import graphfuse
from graphfuse.task.registry import kinds, metrics_of, trained_kinds

PACKAGE = Path(graphfuse.__file__).parent
FILES = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in FILES.items()}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)

# What each floor may import of the package; a floor may always import itself.
BELOW = {
    "errors": set(),
    "files": {"errors"},
    "text": {"errors"},
    "statistics": set(),
    "nn": {"errors", "files"},
    "__init__": set(),
}
BELOW["task"] = {"errors", "files", "text", "statistics"}
BELOW["schema"] = BELOW["task"] | {"task"}
BELOW["data"] = BELOW["schema"] | {"schema"}
BELOW["graph"] = BELOW["data"] | {"data"}
BELOW["learn"] = BELOW["graph"] | {"graph", "nn"}
BELOW["subtypes"] = (BELOW["learn"] | {"learn"}) - {"nn"}
BELOW["evaluate"] = BELOW["learn"] | {"learn"}
BELOW["explain"] = BELOW["evaluate"] | {"evaluate"}
BELOW["report"] = (BELOW["explain"] | {"explain", "subtypes"}) - {"nn"}
BELOW["api"] = BELOW["report"] | {"report", "nn"}
BELOW["cli"] = BELOW["api"] | {"api", "__init__"}


def floor(module):
    """The floor of `graphfuse.data.read` is `data`; of `graphfuse` itself, `__init__`."""
    return (module.split(".") + ["__init__"])[1]


def imports(name):
    """(module, whether it is loaded with the file, line) of every import; `from graphfuse import
    api` is `graphfuse.api`."""
    package = ["graphfuse", *Path(name).parent.parts]
    found = []

    def walk(node, at_load):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                found.extend((alias.name, at_load, child.lineno) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                home = child.module or ""
                if child.level:
                    home = ".".join(
                        [*package[: len(package) - child.level + 1], *filter(None, [child.module])]
                    )
                bare = home == "graphfuse"
                found.extend(
                    (f"{home}.{a.name}" if bare else home, at_load, child.lineno)
                    for a in child.names
                )
            later = isinstance(child, FUNCTIONS) or (
                isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
            )
            walk(child, at_load and not later)

    walk(TREES[name], True)
    return found


def offences(names, bad):
    """`file:line module` of every import for which `bad(top, module, at_load)`."""
    return [
        f"{name}:{line} {module}"
        for name in names
        for module, at_load, line in imports(name)
        if bad(module.split(".")[0], module, at_load)
    ]


def within(folder):
    found = [name for name in FILES if name.startswith(f"{folder}/")]
    assert found, f"graphfuse/{folder} has no files"
    return found


def test_the_walk_sees_imports_of_every_kind(monkeypatch):
    source = """
import torch.nn as nn
from . import other
from ..errors import InputError
from graphfuse import api
if TYPE_CHECKING:
    import networkx
class A:
    import scipy
    def f(self):
        from pandas import DataFrame
"""
    monkeypatch.setitem(TREES, "data/made.py", ast.parse(source))
    assert [(m, load) for m, load, _ in imports("data/made.py")] == [
        ("torch.nn", True),
        ("graphfuse.data", True),
        ("graphfuse.errors", True),
        ("graphfuse.api", True),
        ("networkx", False),
        ("scipy", True),
        ("pandas", False),
    ]


@pytest.mark.parametrize("name", FILES)
def test_arrows_only_go_up_the_house(name):
    own = floor("graphfuse." + name.removesuffix(".py").replace("/", "."))
    assert own in BELOW, (
        f"graphfuse/{name}: the floor {own!r} is not in the design; add it to BELOW if it "
        "should stand"
    )
    wrong = [
        f"graphfuse/{name}:{line} imports {module}"
        for module, _, line in imports(name)
        if module.split(".")[0] == "graphfuse" and floor(module) not in BELOW[own] | {own}
    ]
    assert not wrong, "\n".join(wrong)


def modules_needed(name):
    """The modules of the package that a file imports when it is loaded or for its types; `from
    package import module` is the module."""
    found = set()

    def walk(node):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                found.update(alias.name for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                found.add(child.module)
                found.update(f"{child.module}.{alias.name}" for alias in child.names)
            if not isinstance(child, FUNCTIONS):
                walk(child)

    walk(TREES[name])
    return found


def test_no_circle_of_imports():
    """Within a floor too: no file needs itself, neither to load nor for a type."""
    module_of = {
        ("graphfuse." + n.removesuffix(".py").replace("/", ".")).removesuffix(".__init__"): n
        for n in FILES
    }
    left = {m: modules_needed(n) & set(module_of) - {m} for m, n in module_of.items()}
    while free := [m for m, wants in left.items() if not wants & set(left)]:
        for m in free:
            del left[m]
    assert not left, f"a circle among {sorted(left)}"


def test_nn_knows_torch_and_itself_only():
    allowed = {"torch", "torch_geometric", "graphfuse"} | sys.stdlib_module_names
    assert not offences(within("nn"), lambda top, module, at_load: top not in allowed)


def test_data_never_sees_torch_and_tasks_load_it_only_where_nets_learn():
    torches = ("torch", "torch_geometric", "torchvision")
    assert not offences(within("data"), lambda top, module, at_load: top in torches)
    assert not offences(within("task"), lambda top, module, at_load: top in torches and at_load)


def test_what_is_slow_to_load_is_loaded_where_it_is_used():
    heavy = {"torch", "torch_geometric", "networkx", "anndata", "mudata", "scanpy"}
    names = [
        n
        for n in FILES
        if n.split("/")[0] in ("graph", "data", "report", "api.py", "cli", "__init__.py", "schema")
    ]
    assert not offences(names, lambda top, module, at_load: at_load and top in heavy)
    everywhere = {"torch_geometric", "networkx", "anndata", "mudata", "scanpy"}
    assert not offences(FILES, lambda top, module, at_load: at_load and top in everywhere)


# -------------------------------------------------------------------------------------------- sizes


def bodies():
    """(lines of the body without its docstring, where) of every function."""
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                body = node.body[1:] if ast.get_docstring(node) is not None else node.body
                yield (
                    (body[-1].end_lineno - body[0].lineno + 1 if body else 0),
                    f"graphfuse/{name}:{node.lineno} {node.name}",
                )


def test_functions_are_short():
    found = sorted(bodies(), reverse=True)
    assert len(found) > 100
    assert not [where for lines, where in found if lines > 60]
    assert statistics.median(lines for lines, _ in found) < 10


def test_no_drawer_for_everything():
    drawers = {"utils", "util", "helpers", "misc", "common"}
    assert not [name for name in FILES if drawers & set(Path(name).with_suffix("").parts)]


# ---------------------------------------------------------------------------- what is never written


def nodes(kind):
    return [
        (f"graphfuse/{name}:{node.lineno}", node)
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if type(node) is kind
    ]


def strings(spared):
    """(where, text) of every string outside these files, docstrings apart."""
    return [
        (where, node.value)
        for where, node in nodes(ast.Constant)
        if isinstance(node.value, str) and not where.startswith(spared) and "\n" not in node.value
    ]


def test_metrics_are_named_by_tasks_alone():
    names = {name for kind in trained_kinds() for name in metrics_of(kind).names}
    assert len(names) > 7
    assert not [where for where, text in strings("graphfuse/task/") if text in names]


def asks_for_a_kind(tree):
    """Lines of a syntax tree that compare with a kind of outcome, or branch on it: on its name, on
    its class, or on whether there are classes."""
    names = set(kinds())
    classes = {kind.__name__ for kind in kinds().values()}
    modules = {kind.__module__ for kind in kinds().values()}

    def constants(node):
        return {each.value for each in ast.walk(node) if isinstance(each, ast.Constant)}

    def branches(node):
        if isinstance(node, ast.If | ast.IfExp | ast.While):
            return [node.test]
        if isinstance(node, ast.comprehension):
            return node.ifs
        if isinstance(node, ast.BoolOp):
            return node.values
        return [node.operand] if isinstance(node, ast.UnaryOp) else []

    def asks(node):
        if isinstance(node, ast.Compare):
            return "kind" in ast.unparse(node) and bool(constants(node) & names)
        if isinstance(node, ast.MatchValue):
            return bool(constants(node) & names)
        if isinstance(node, ast.Dict):
            keys = {key.value for key in node.keys if isinstance(key, ast.Constant)}
            return len(keys & names) > 1
        if isinstance(node, ast.ImportFrom):
            return node.module in modules
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("isinstance", "issubclass"):
            return any(isinstance(n, ast.Name) and n.id in classes for n in ast.walk(node))
        return any(isinstance(n, ast.Attribute) and n.attr == "classes" for n in branches(node))

    return sorted({getattr(n, "lineno", 0) for n in ast.walk(tree) if asks(n)})


def test_the_walk_sees_every_way_to_ask_for_a_kind_of_outcome():
    code = """\
if outcome.kind == "class": pass
if self.kind in ("number", "survival"): pass
match outcome.kind:
    case "survival": pass
ways = {"class": 1, "number": 2}
from graphfuse.task.survival import Survival
if isinstance(task, Survival): pass
if outcome.classes: pass
found = 1 if not outcome.classes else 2
if modality.kind == "ehr" or shape in ("number", "infinite"): pass
{"kind": "number", "name": 1}
"""
    assert asks_for_a_kind(ast.parse(code)) == [1, 2, 4, 5, 6, 7, 8, 9]


def test_only_tasks_ask_for_the_kind_of_an_outcome():
    places = [
        f"graphfuse/{name}:{line}"
        for name, tree in TREES.items()
        if not name.startswith("task/")
        for line in asks_for_a_kind(tree)
    ]
    assert not places, "\n".join(places)


def test_names_of_models_are_put_together_in_one_place():
    prefixes = tuple(f"{kind}:" for kind in ("single", "only", "without", "pattern", "gene"))
    texts = strings("graphfuse/schema/run_model_name.py")
    found = [where for where, text in texts if text in prefixes]
    assert not found


def test_no_assert():
    assert not [where for where, _ in nodes(ast.Assert)]


def test_no_print():
    assert not [
        where
        for where, call in nodes(ast.Call)
        if ast.unparse(call.func) in ("print", "pprint", "breakpoint")
    ]


def test_nothing_is_raised_as_not_implemented():
    assert not [
        where
        for where, node in nodes(ast.Raise)
        if node.exc and "NotImplemented" in ast.unparse(node.exc)
    ]


def test_no_pickle():
    forbidden = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal"}
    assert not offences(FILES, lambda top, module, at_load: top in forbidden)
    of_joblib = [node for _, node in nodes(ast.ImportFrom) if node.module == "joblib"]
    assert {name.name for node in of_joblib for name in node.names} <= {"cpu_count"}
    assert "joblib" not in {name.name for _, node in nodes(ast.Import) for name in node.names}
    calls = {"torch.load", "torch.save", "pd.read_pickle", "pandas.read_pickle"}
    wrong = [where for where, call in nodes(ast.Call) if ast.unparse(call.func) in calls]
    for where, call in nodes(ast.Call):
        if ast.unparse(call.func).endswith(".to_pickle"):
            wrong.append(where)
        if any(k.arg == "allow_pickle" and ast.unparse(k.value) != "False" for k in call.keywords):
            wrong.append(where)
    assert not wrong


def test_no_seed_and_no_logging_set_at_import():
    """A library leaves the caller's generators and log handlers alone; the shell's entry may set up
    logging."""
    calls = {
        "np.random.seed",
        "numpy.random.seed",
        "random.seed",
        "torch.use_deterministic_algorithms",
    }
    assert not [where for where, call in nodes(ast.Call) if ast.unparse(call.func) in calls]
    setting = [
        where for where, call in nodes(ast.Call) if ast.unparse(call.func).endswith("basicConfig")
    ]
    assert all(where.startswith("graphfuse/cli/") for where in setting)


@pytest.mark.parametrize("name", FILES)
def test_what_is_public_says_what_it_is(name):
    tree = TREES[name]
    silent = [] if ast.get_docstring(tree) else ["the module"]
    for node in tree.body:
        public = isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_")
        if public and not ast.get_docstring(node):
            silent.append(f"{node.name} (line {node.lineno})")
    assert not silent, f"graphfuse/{name}: no docstring: {', '.join(silent)}"


# ---------------------------------------------------------------------------------- a fresh process


def fresh(code):
    """What `code` prints in a new interpreter."""
    path = os.pathsep.join(filter(None, [str(PACKAGE.parent), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


HEAVY = (
    "print(*sorted({'torch', 'torch_geometric', 'pandas', 'scanpy', 'sklearn', 'scipy', "
    "'anndata'} & set(sys.modules)))"
)


def test_the_package_loads_nothing():
    assert not fresh(f"import sys, graphfuse; {HEAVY}")


def test_help_needs_no_torch():
    code = f"""
import sys
from graphfuse.cli import main
sys.argv = ["graphfuse", "--help"]
try:
    main()
except SystemExit as stop:
    sys.stdout.flush()
    print("code", stop.code)
{HEAVY}
"""
    words = fresh(code)
    end = words.index("code")
    assert words[end + 1] == "0"
    assert {"Usage:", "train", "predict", "rank"} <= set(words[:end])
    assert not {"torch", "torch_geometric", "scanpy", "anndata"} & set(words[end + 2 :])


def test_every_name_the_package_offers_is_there():
    verbs = {"load", "build", "train", "rank", "predict"}
    assert {"Cohort", "Recipe", "FusionModel", *verbs} <= set(graphfuse.__all__)
    assert all(hasattr(graphfuse, name) for name in graphfuse.__all__)
    errors = {name for name in graphfuse.__all__ if name.endswith("Error")}
    assert len(set(graphfuse.__all__) - errors) <= 20
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        graphfuse.nonsense  # noqa: B018
