# One machine, two commands: `make run` and `make test`. Each sets up what it needs; the second time is quick.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
# Files of tests side by side, each process with servers of its own, in the order of tests/conftest.py;
# T="tests/cases -k urge" runs just that.
ALL_TESTS := --numprocesses 3 --dist loadfile --no-loadscope-reorder
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --require-hashes
VAR_DIR ?= var
VENDOR := backend/static/vendor/manifest.json
# The packages are compiled when first used. Were that not kept, every process would compile them all.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test check bench setup tools browser lock clean reset
.DELETE_ON_ERROR:

run: setup
	@exec $(BIN)/python -m backend run

test: setup tools browser
	$(BIN)/python -m pytest $(or $(T),$(ALL_TESTS))

check: tools
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup tools
	$(BIN)/python -m bench

setup: .venv/.runtime $(VENDOR)
tools: .venv/.runtime .venv/.tools

# The locks are complete, so pip need not work out what depends on what.
.venv/.made:
	@$(PYTHON) -c 'import sys; v = ".".join(map(str, sys.version_info[:3])); sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, and $(PYTHON) is " + v + ". Name another: make $(MAKECMDGOALS) PYTHON=/path/to/python3")'
	@$(PYTHON) -m venv .venv || { echo "$(PYTHON) cannot make a virtual environment (on Debian: apt-get install python3-venv)."; exit 1; }
	@touch $@

.venv/.runtime: requirements.txt | .venv/.made
	@echo "Installing what the service runs on (a minute or so, the first time only)."
	@$(PIP_INSTALL) -r $<
	@touch $@

.venv/.tools: requirements-dev.txt | .venv/.runtime
	@echo "Installing the tools for tests and checks."
	@$(PIP_INSTALL) -r $<
	@touch $@

node_modules/.made: package.json package-lock.json .npmrc
	@command -v npm >/dev/null || { echo "npm is needed (Node 20 or newer) for the front-end files, and it is not there."; exit 1; }
	@node -e 'const v = process.versions.node; if (parseInt(v) < 20) { console.error("Node 20 or newer is needed, and node is " + v + "."); process.exit(1) }'
	@npm ci --ignore-scripts --silent
	@touch $@

$(VENDOR): node_modules/.made scripts/vendor.py | .venv/.made
	@$(BIN)/python scripts/vendor.py

browser:
	@scripts/browser

lock: tools
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes requirements.in -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes requirements-dev.in -o requirements-dev.txt
	npm install --package-lock-only --ignore-scripts

# What make has made and can make again; never the data.
clean:
	rm -rf .venv node_modules backend/static/vendor .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# All data of $(VAR_DIR), after asking: database, queue, files, secrets.
reset: .venv/.runtime
	@VAR_DIR=$(VAR_DIR) $(BIN)/python -m backend servers remove
	rm -rf $(VAR_DIR)
