# make demo: the main job on a machine with nothing but Python. make test: every test.
# make browser: what the tests of the page in a browser need (Debian).
# make lint: style and types. make docs: the pages. make test-slow: the long proofs.
# PYTHON: the interpreter. TORCH: the PyTorch to install, as tools/environment.py says; "none": do without.
PYTHON ?= python3
TORCH ?=
BIN := .venv/bin

.PHONY: demo test test-slow lint docs browser clean

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

# What the tests of the page in a browser need, and are skipped without: Chromium, Node and onnxruntime-web.
browser: tools/web/node_modules/.package-lock.json
	command -v chromium > /dev/null || { apt-get -qq update && apt-get -qq install --no-install-recommends chromium; }

tools/web/node_modules/.package-lock.json: tools/web/package-lock.json
	command -v npm > /dev/null || { apt-get -qq update && apt-get -qq install --no-install-recommends npm; }
	npm ci --prefix tools/web --no-audit --no-fund --silent
	touch $@

.venv/ready: setup.cfg constraints.txt pyproject.toml tools/environment.py
	$(PYTHON) tools/environment.py --torch '$(TORCH)'
	touch $@

clean:
	rm -rf .venv demo build docs/_build *.egg-info
