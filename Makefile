# Everything here builds .venv first where it is missing; Python 3.11 and make are all that is needed.
PYTHON ?= python3.11
BIN = .venv/bin
BASE = .venv/.base
DEV = .venv/.dev

.PHONY: demo test lint bench

demo: $(BASE)
	$(BIN)/fitroom demo -o fitroom-demo.png

# two workers whose threads wait for each other's take longer than two of one thread
test: $(DEV)
	OMP_NUM_THREADS=1 $(BIN)/pytest -q --numprocesses 2 --dist worksteal

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: $(BASE)
	$(BIN)/fitroom benchmark

.venv/bin/python:
	$(PYTHON) -m venv .venv

$(BASE): pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/pip install -q -c constraints.txt -e .
	touch $@

$(DEV): pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/pip install -q -c constraints.txt -e '.[dev]'
	touch $(BASE) $@
