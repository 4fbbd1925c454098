# Two commands are all a newcomer needs: `make demo` and `make test`. Both need only Python 3.11 or newer; all they make is .venv.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help demo test lint types format hooks dashboards lock clean

# Set it to choose another interpreter: make test PYTHON=python3.12
PYTHON ?=
# More words for pytest: make test PYTEST="tests/snmp -k walk", PYTEST="-n 0" for one after another
PYTEST ?=

# All paths are relative, so that the folder may have spaces in its name.
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*  ## \(.*\)/  make \1	\2/p' Makefile

demo: $(READY)  ## 200 simulated printers, the agent that reads them and central; Ctrl-C ends it
	$(BIN)/poller demo

test: $(READY)  ## every test
	$(BIN)/python -m pytest -n auto $(PYTEST)

lint: $(READY)  ## ruff: rules and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(READY)  ## mypy, strict
	$(BIN)/mypy

format: $(READY)  ## put the code into its one format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

dashboards: $(READY)  ## write grafana/dashboards anew from its code
	$(BIN)/python -m grafana.build

hooks: $(READY)  ## run lint and types before every commit
	$(BIN)/pre-commit install

# The environment is exactly the lock: made anew whenever that changes. The stamp makes the second call instant.
$(READY): requirements.lock pyproject.toml
	@found=; for python in $(or $(PYTHON),python3 python3.12 python3.11 python3.13 python3.14); do \
	  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { found=$$python; break; }; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "poller needs Python 3.11 or newer; found: $$($(or $(PYTHON),python3) --version 2>&1 | head -n 1)." >&2; \
	  echo "Name one with: make PYTHON=/path/to/python3.11 …" >&2; exit 1; \
	fi; \
	if ! "$$found" -c 'import ensurepip, venv' 2>/dev/null; then \
	  echo "$$found cannot make virtual environments; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; \
	fi; \
	echo "Preparing $(VENV) with $$("$$found" --version) (once, about a minute) …"; \
	"$$found" -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# One file for every platform and Python, with hashes and without the address of any registry. Keeps the versions it has;
# `make lock UPGRADE=1` takes the newest. The only step that needs uv, which is fetched into .venv for it.
# The other three are for the images: what the agent runs with, and central, in the very versions of the first, and what builds them.
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --annotation-style line \
  --custom-compile-command 'make lock' $(if $(UPGRADE),--upgrade)

lock:  ## write requirements*.lock from pyproject.toml
	@test -x $(BIN)/python || $(or $(PYTHON),python3) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv==0.13.8'
	$(LOCK) pyproject.toml --all-extras --group dev --output-file requirements.lock
	$(LOCK) pyproject.toml --constraint requirements.lock --output-file requirements-agent.lock
	$(LOCK) pyproject.toml --extra central --constraint requirements.lock --output-file requirements-central.lock
	$(LOCK) --group image --constraint requirements.lock --output-file requirements-build.lock

clean:  ## remove what these commands made
	rm -rf $(VENV) dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find poller tests -name __pycache__ -type d -prune -exec rm -rf {} +
