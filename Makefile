# make demo: the main job on a machine with nothing but Python. make test: every test.
# PYTHON: the interpreter. TORCH: the PyTorch to install, as tools/environment.py says; "none": do without.
PYTHON ?= python3
TORCH ?=
BIN := .venv/bin

.PHONY: demo test test-slow clean

demo: .venv/ready
	$(BIN)/paddle-tsm demo $(if $(filter none,$(TORCH)),--without-torch)

# A process a processor, each with one thread: the tensors of the tests are too small for more.
test: .venv/ready
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto

test-slow: .venv/ready
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto -m slow

.venv/ready: setup.cfg constraints.txt pyproject.toml tools/environment.py
	$(PYTHON) tools/environment.py --torch '$(TORCH)'
	touch $@

clean:
	rm -rf .venv demo build *.egg-info
