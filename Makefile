# Two commands do all of their own set-up on a machine with Python 3.11+ and make:
#   make demo    a verdict on real data made from this machine
#   make test    everything that must hold

# The first Python that is new enough; `make PYTHON=/path/to/python` overrides it.
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
WORKERS ?= 2
BIN := .venv/bin
# Every version is pinned. Without build isolation, the pins hold for what builds packages too.
INSTALL := $(BIN)/python tools/install.py --constraint constraints.txt --no-build-isolation
# Tests and the demo reach no model hub: what they need comes with the `offline` extra.
OFFLINE := HF_HUB_OFFLINE=1 HF_DATASETS_OFFLINE=1 HF_HUB_DISABLE_TELEMETRY=1

# Python keeps what it compiled: the tests start some hundreds of processes, and each would compile
# the product anew where the environment asks for no bytecode.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test lint format fast slow browser venv reference constraints clean

help:  ## This list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

demo: .venv/.base  ## A verdict on the documentation strings of this machine, in demo/
	$(OFFLINE) $(BIN)/tunewise demo --out demo

test: lint fast browser slow  ## Everything that must hold

lint: .venv/.whole  ## Style, types and the one-way rule between rooms
	$(BIN)/ruff check src tests benchmarks tools
	$(BIN)/ruff format --check src tests benchmarks tools
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/.whole  ## Write the code in the house style
	$(BIN)/ruff check --fix src tests benchmarks tools
	$(BIN)/ruff format src tests benchmarks tools

# A core for each process: together they are through in half the time that one with all cores takes.
# Each goes through its own part in order, so that what the tests of a file share is made once.
fast: .venv/.whole  ## Tests of a second or so, without a model or a browser
	$(OFFLINE) OMP_NUM_THREADS=1 $(BIN)/pytest -m "not slow" -n $(WORKERS) --dist worksteal

slow: .venv/.whole  ## Tests with the real encoder, a browser, or more to do
	$(OFFLINE) OMP_NUM_THREADS=1 $(BIN)/pytest -m slow -n $(WORKERS) --dist worksteal

browser:
	@for name in chromium chromium-browser google-chrome; do \
		command -v $$name >/dev/null 2>&1 && exit 0; done; \
	if [ "$$(id -u)" = 0 ] && [ -f /etc/debian_version ]; then \
		echo "Installing Chromium for the browser test."; \
		{ apt-get update && apt-get install -y --no-install-recommends chromium; } >/dev/null 2>&1 \
		|| echo "Chromium could not be installed: the browser test will be skipped and say so."; \
	else \
		echo "No Chromium found: the browser test will be skipped and say so. Install it to run it."; \
	fi

reference: .venv/.whole  ## docs/reference anew, from the argument parser and the docstrings
	$(BIN)/python docs/generate.py

venv: .venv/.whole  ## The virtual environment with all extras and the developers' tools

.venv/bin/python:
	@test -n "$(PYTHON)" || { \
		echo "Python 3.11 or newer is needed and none was found."; \
		echo "Install one, or name it: make PYTHON=/path/to/python3.12"; exit 1; }
	$(PYTHON) -m venv .venv

# torch comes first and by its pin alone: resolved together with the rest, a range would let pip
# try builds for graphics cards, gigabytes each.
.venv/.base: pyproject.toml constraints.txt | .venv/bin/python
	@echo "Setting up .venv (the first time a minute or more: torch is large)."
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --upgrade pip
	$(INSTALL) setuptools hatchling editables
	$(INSTALL) torch
	$(INSTALL) --editable '.[offline,tune,openvino,documents,collection,serve]'
	@touch $@

.venv/.whole: .venv/.base
	@echo "Adding the other extras and the developers' tools."
	$(INSTALL) --editable \
		'.[offline,tune,openvino,int8,onnx,segment,parquet,hub,graph,documents,collection,postgres,serve,otel]' --group dev
	@touch $@

constraints: .venv/.whole  ## Pin what is installed now, after changing a dependency
	$(BIN)/python -m pip freeze --all --exclude-editable --exclude tunewise \
		| sed -n 's/^\([A-Za-z0-9._-]*==[^+ ]*\).*/\1/p' > constraints.txt
	@touch .venv/.base .venv/.whole

clean:  ## Remove what was built and measured, the virtual environment too
	rm -rf .venv demo build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
