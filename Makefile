# Every target sets itself up: virtual environment, compiled core, install. The second time is quick.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
COVEY_DATA ?= ../shared/data
export COVEY_DATA
CORE_SOURCES := $(wildcard libcovey/src/*.[ch] libcovey/include/*.h) src/covey/core/_build.py setup.py

.PHONY: help demo test check bench core-test bits qemu format clean
help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# Debian's own python3 comes in parts: what is missing is said before anything is half made.
PYTHON_PARTS := import ensurepip, pathlib, sysconfig; pathlib.Path(sysconfig.get_path("include"), "Python.h").stat()

$(VENV)/.created:
	@$(PYTHON) -c '$(PYTHON_PARTS)' 2>/dev/null || \
	    { echo "$(PYTHON) lacks venv or its C headers: apt-get install python3-venv python3-dev" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip 'setuptools>=77' 'cffi>=2.0,<3'
	touch $@

# The user's install. The core is compiled first and in place, so that an edited C file is one quick rebuild.
$(VENV)/.core: $(VENV)/.created $(CORE_SOURCES)
	$(BIN)/python setup.py --quiet build_ext --inplace
	touch $@

$(VENV)/.installed: $(VENV)/.created $(VENV)/.core pyproject.toml
	COVEY_CORE_IN_PLACE=1 $(BIN)/pip install --quiet --no-build-isolation --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.installed
	COVEY_CORE_IN_PLACE=1 $(BIN)/pip install --quiet --no-build-isolation --editable '.[dev]'
	touch $@

demo: $(VENV)/.installed ## train a threat detector across a fleet and write a report
	$(BIN)/python examples/demo.py

test: $(VENV)/.dev core-test ## all tests
	$(BIN)/python -m pytest -n 2

core-test: ## the C tests, with address and undefined-behaviour sanitizers
	$(MAKE) --no-print-directory -C libcovey test

check: $(VENV)/.dev ## lint, types, import floors, documentation
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/house tests/docs

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

qemu: ## same bits and budgets on Cortex-M under QEMU (Debian: gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm)
	$(MAKE) --no-print-directory -C libcovey qemu

bits: ## same bits from every compiler, optimisation level and kernel at hand
	$(MAKE) --no-print-directory -C libcovey bits

bench: $(VENV)/.installed ## speed and memory, side by side with other frameworks
	$(BIN)/python benchmarks/run.py

clean:
	rm -rf $(VENV) build dist src/*.egg-info src/covey/core/_core*.so libcovey/build
