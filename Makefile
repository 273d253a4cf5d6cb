# All that a machine with Python >= 3.11 and its venv module needs: `make demo`, `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# One thread for each test worker, one worker for each core.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(os.cpu_count() or 1)')
ONE_THREAD := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1

.PHONY: help demo demo-quick test test-all check docs format clean

help:
	@echo "make demo        install, then everything once: clips, training, videos, scores"
	@echo "make demo-quick  the same, shorter"
	@echo "make test        install, then the whole test suite"
	@echo "make test-all    the same with the long reference cases"
	@echo "make check       style, types and tests, as .ci/run does"
	@echo "make docs        the documentation, into docs/build/index.html"
	@echo "make format      bring the code into shape"

$(VENV)/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name it: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable ".[dev,docs]" --constraint constraints.txt
	touch $@

demo: $(VENV)/installed
	$(BIN)/moee demo

demo-quick: $(VENV)/installed
	$(BIN)/moee demo --quick

test: $(VENV)/installed
	$(ONE_THREAD) $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal -m 'not mediapipe'
	# MediaPipe's native code has crashed in a process that had loaded everything else: it gets one of its own.
	$(ONE_THREAD) $(BIN)/python -m pytest -m mediapipe

test-all:
	MOEE_ALL_CASES=1 $(MAKE) test

check: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(MAKE) test

docs: $(VENV)/installed
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going --nitpicky -d docs/build/.doctrees docs docs/build
	@echo "open docs/build/index.html"

format: $(VENV)/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build *.egg-info
