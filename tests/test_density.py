"""How densely the package is written: how much one statement, one function and one file ask of a
reader. Measured the same way, PyG's `nn` has 11.7 nodes a statement and scikit-learn's
`linear_model` 13.0."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

import graphfuse

PACKAGE = Path(graphfuse.__file__).parent
SOURCES = {
    path.relative_to(PACKAGE.parent).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted(PACKAGE.rglob("*.py"))
}
TREES = {name: ast.parse(text) for name, text in SOURCES.items()}

STATEMENT_MEAN = 12.5
STATEMENT_95TH = 27
LARGE_FUNCTION = 250
LARGE_SHARE = 0.06
LARGEST_FUNCTION = 450
COLUMNS = 100
LINES = 350


def size(node: ast.AST) -> int:
    """Number of syntax nodes of which `node` is made, itself among them."""
    return 1 + sum(size(child) for child in ast.iter_child_nodes(node))


def is_simple_statement(node: ast.AST) -> bool:
    """Whether `node` is a statement that holds no other statements; docstrings don't count, and
    neither do `break` and `continue`."""
    compound = hasattr(node, "body") or isinstance(node, ast.Match)
    if not isinstance(node, ast.stmt) or compound or isinstance(node, ast.Break | ast.Continue):
        return False
    return not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def sizes(kind) -> list[tuple[int, str]]:
    """(nodes, `file:line`) of every node of the package that `kind` accepts, largest first."""
    measured = [
        (size(node), f"{name}:{node.lineno}")
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if kind(node)
    ]
    return sorted(measured, reverse=True)


@pytest.fixture(scope="module")
def statements() -> list[tuple[int, str]]:
    return sizes(is_simple_statement)


@pytest.fixture(scope="module")
def functions() -> list[tuple[int, str]]:
    return sizes(lambda node: isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def listing(measured: list[tuple[int, str]]) -> str:
    """The largest of `measured`, one a line, for the message of a test that fails."""
    return "\n".join(f"{nodes:5d} {where}" for nodes, where in measured[:25])


def test_what_is_measured():
    code = '''
def mean(values):
    """Not counted."""
    if values:
        total = sum(values)
        return total / len(values)
    raise ValueError
'''
    tree = ast.parse(code)
    simple = [node for node in ast.walk(tree) if is_simple_statement(node)]
    # total = sum(values): Assign, Name, Store, Call, Name, Load, Name, Load
    assert sorted(size(node) for node in simple) == [3, 8, 10]
    assert size(tree.body[0]) == len(list(ast.walk(tree.body[0])))


def test_statements_are_small_on_average(statements):
    assert np.mean([nodes for nodes, _ in statements]) <= STATEMENT_MEAN, listing(statements)


def test_few_statements_are_large(statements):
    largest_allowed = np.percentile([nodes for nodes, _ in statements], 95)
    assert largest_allowed <= STATEMENT_95TH, listing(statements)


def test_few_functions_are_large(functions):
    large = [each for each in functions if each[0] > LARGE_FUNCTION]
    assert len(large) <= LARGE_SHARE * len(functions), listing(large)


def test_no_function_is_very_large(functions):
    very_large = [each for each in functions if each[0] > LARGEST_FUNCTION]
    assert not very_large, listing(very_large)


def test_no_line_is_wide():
    wide = [
        f"{name}:{number}"
        for name, text in SOURCES.items()
        for number, line in enumerate(text.splitlines(), 1)
        if len(line) > COLUMNS
    ]
    assert not wide


def test_no_file_is_long():
    lengths = {name: len(text.splitlines()) for name, text in SOURCES.items()}
    assert not [name for name, lines in lengths.items() if lines > LINES]
