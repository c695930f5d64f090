# make demo: the main job on a machine with nothing but Python. make test: every test.
# make lint: style and types. make docs: the pages. make test-slow: the long proofs.
# PYTHON: the interpreter. TORCH: the PyTorch to install, as tools/environment.py says; "none": do without.
PYTHON ?= python3
TORCH ?=
BIN := .venv/bin

.PHONY: demo test test-slow lint docs clean

demo: .venv/ready
	$(BIN)/paddle-tsm demo $(if $(filter none,$(TORCH)),--without-torch)

# A process a processor, each with one thread: the tensors of the tests are too small for more.
test: .venv/ready
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto

test-slow: .venv/ready
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto -m slow

# ruff over every file; mypy over every file but the tests (pyproject.toml, [tool.mypy]).
lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The pages are in docs/_build/html; a warning is an error.
docs: .venv/ready
	$(BIN)/python -m sphinx -W --keep-going -q -E -b html -d docs/_build/trees docs docs/_build/html

.venv/ready: setup.cfg constraints.txt pyproject.toml tools/environment.py
	$(PYTHON) tools/environment.py --torch '$(TORCH)'
	touch $@

clean:
	rm -rf .venv demo build docs/_build *.egg-info
