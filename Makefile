# make demo: the main job on a machine with nothing but Python. make test: every test.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-slow clean

demo: .venv/ready
	$(BIN)/paddle-tsm demo

test: .venv/ready
	$(BIN)/python -m pytest

test-slow: .venv/ready
	$(BIN)/python -m pytest -m slow

.venv/ready: setup.cfg constraints.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off -c constraints.txt -e '.[torch,dev]'
	touch $@

clean:
	rm -rf .venv demo build *.egg-info
