PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-all nightly lint clean

demo: .venv/installed
	$(BIN)/graphfuse run tcga-brca -o runs/tcga-brca

test: .venv/installed
	$(BIN)/python -m pytest -n auto --dist loadscope

test-all: .venv/installed
	$(BIN)/python -m pytest -n auto --dist loadscope -m "not nightly"

nightly: .venv/installed
	$(BIN)/python -m pytest -n auto -m nightly

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

clean:
	rm -rf .venv runs

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@
