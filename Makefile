# make demo            a gateway, five agencies and a hundred declarations on this machine; Ctrl-C ends it
# make demo ARGS=--once    the same, ends by itself: 0 only if every case reached its expected outcome
# make test            all tests
# make check           lint, format, types, import law
# make perf            measure against floors and peers, on this machine; ARGS="--only codecs --quick", ARGS=--help
# make perf-check      fail when what was measured last has left perf/budgets.toml
PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
SOURCES := datamodel adapters gateway tests perf docs hatch_build.py
NATIVE := $(wildcard datamodel/native/*.p*) hatch_build.py

.PHONY: demo test check perf perf-check clean

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run-installed: pyproject.toml $(NATIVE) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.dev-installed: pyproject.toml $(NATIVE) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,dev,perf]'
	@touch $@ $(VENV)/.run-installed

$(VENV)/.perf-installed: pyproject.toml $(NATIVE) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[perf]'
	@touch $@ $(VENV)/.run-installed

demo: $(VENV)/.run-installed
	$(BIN)/guichet demo $(ARGS)

test: $(VENV)/.dev-installed
	$(BIN)/python -m pytest -n auto --dist loadfile $(ARGS)

check: $(VENV)/.dev-installed
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy --strict
	$(BIN)/python -m pytest -q tests/test_import_law.py

perf: $(VENV)/.perf-installed
	$(BIN)/python -m perf $(ARGS)

perf-check: $(VENV)/.run-installed
	$(BIN)/python -m perf.check

clean:
	rm -rf $(VENV) perf/.venvs perf/.work dist demo-data .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
