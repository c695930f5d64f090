# make demo: the main job on a machine with nothing but Python. make test: every test.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-slow clean

demo: .venv/ready
	$(BIN)/paddle-tsm demo

# A process a processor, each with one thread: the tensors of the tests are too small for more.
test: .venv/ready
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto

test-slow: .venv/ready
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto -m slow

.venv/ready: setup.cfg constraints.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off -c constraints.txt -e '.[torch,dev]'
	touch $@

clean:
	rm -rf .venv demo build *.egg-info
