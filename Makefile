# octant: bare `make` prints this list.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

PYTHON ?= python3
VENV ?= .venv
EXPERIMENT ?= factorial
ARGS ?=
PORT ?= $(or $(OCTANT_PORT),5000)
KILLS ?= 40
BIN := $(VENV)/bin
# pip's wheels and MLflow's imports are chatty; what matters is printed by octant itself.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation
# $(call install,EXTRAS): what these parts of constraints.txt list, each file by its SHA-256; last octant, which has none.
parts = awk -v parts=" $(1) " '/^\#:/ { on = 0; for (i = 2; i <= NF; i++) if (index(parts, " " $$i " ")) on = 1 } on' \
	constraints.txt >$(VENV)/parts.txt && $(INSTALL) --requirement $(VENV)/parts.txt
install = $(call parts,build) --require-hashes && $(call parts,base $(1)) --require-hashes && \
	$(INSTALL) --no-deps --editable .

.PHONY: help sweep train report publish lecture ui portraits promote serve server move sync doctor test test-slow test-services check \
	format bench clean reset setup lock

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

sweep: $(VENV)/.installed ## run an experiment: EXPERIMENT=factorial, more settings in ARGS="..."
	@$(BIN)/octant experiment=$(EXPERIMENT) $(ARGS)

train: $(VENV)/.installed ## train one run: ARGS="loss=mse hidden=tanh seed=3"
	@$(BIN)/octant $(ARGS)

report: $(VENV)/.installed ## tables and figures of EXPERIMENT again, from the store alone
	@$(BIN)/octant report $(EXPERIMENT) $(ARGS)

publish: $(VENV)/.installed ## the report of EXPERIMENT into experiments/, from a clean commit
	@$(BIN)/octant publish $(EXPERIMENT) $(ARGS)

lecture: $(VENV)/.installed ## the lecture's page: train what is missing on MNIST, then tables, figures, words
	@for each in lecture lecture-ladder lecture-rates; do $(BIN)/octant experiment=$$each $(ARGS) || exit $$?; done
	@PYTHONPATH=experiments/lecture $(BIN)/python -m lecture_page

ui: $(VENV)/.installed ## MLflow on 127.0.0.1 (PORT=5000) with the link to the comparison
	@OCTANT_PORT=$(PORT) exec $(BIN)/octant ui

server: $(VENV)/.serving ## MLflow for a team on PostgreSQL, settings in the environment: docs/scaling.md
	@exec $(BIN)/octant server

move: $(VENV)/.serving ## carry the SQLite store to a new team's server, ids and all: docs/scaling.md
	@$(BIN)/octant move

portraits: $(VENV)/.installed ## figures of single runs into MLflow: RUNS="id id"
	@$(BIN)/octant portraits $(RUNS) $(ARGS)

promote: $(VENV)/.installed ## register the best model of EXPERIMENT, by validation accuracy, as champion
	@$(BIN)/octant promote $(EXPERIMENT) $(ARGS)

serve: $(VENV)/.installed ## the champion answers HTTP on 127.0.0.1 (PORT=5000)
	@OCTANT_PORT=$(PORT) exec $(BIN)/octant serve $(ARGS)

sync: $(VENV)/.installed ## send to MLflow what is only in the journals, damaged files again
	@$(BIN)/octant sync $(ARGS)

doctor: $(VENV)/.installed ## compare journals and store, mark dead runs KILLED, count damaged files
	@$(BIN)/octant doctor $(ARGS)

test: $(VENV)/.tested ## set up and run the tests
	@$(BIN)/python -m pytest --numprocesses=auto --dist=loadfile $(ARGS)

test-slow: $(VENV)/.tested ## kills, outages, crowds, power cuts (as root): KILLS=40 random kills
	@OCTANT_KILLS=$(KILLS) $(BIN)/python -m pytest --numprocesses=auto --dist=loadgroup -m 'slow and not services' $(ARGS)

test-services: $(VENV)/.clustered ## a real PostgreSQL, MLflow server, Ray, Slurm, PyTorch; a missing one is a failure
	@OCTANT_SERVICES=1 $(BIN)/python -m pytest --numprocesses=auto --dist=loadgroup -m services $(ARGS)

check: $(VENV)/.tested ## lint, format, types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(VENV)/.tested ## let ruff format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(VENV)/.benched ## measure octant against its peers into benchmarks/results/
	@$(BIN)/python benchmarks/engines.py $(ARGS)
	@$(BIN)/python benchmarks/sweeps.py
	@$(BIN)/python benchmarks/scaling.py
	@$(BIN)/python benchmarks/start.py

clean: ## remove the virtual environment and leftovers of tools; runs stay
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

reset: ## forget ALL runs in mlruns/ (asks for YES=1)
	@if [ "$(YES)" = 1 ]; then find mlruns/ -mindepth 1 ! -path mlruns/README.md -delete && echo "mlruns/ is empty"; \
	else echo "this deletes every run in mlruns/; to do it: make reset YES=1" >&2; exit 2; fi

setup: $(VENV)/.installed ## only set up the virtual environment

lock: ## constraints.txt again from pyproject.toml, with hashes (needs uv): ARGS=--upgrade for new versions
	@$(PYTHON) .ci/lock $(ARGS)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "octant needs Python 3.11 or newer; set PYTHON=/path/to/python3.11" >&2; exit 2; }
	@echo "creating $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing pinned versions into $(VENV) (about 2 minutes the first time)"
	@$(call install)
	@touch $@

$(VENV)/.tested: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing pinned versions and the test tools into $(VENV) (about 2 minutes the first time)"
	@$(call install,test server)
	@touch $@ $(VENV)/.installed $(VENV)/.serving

$(VENV)/.serving: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing pinned versions and the server's packages into $(VENV)"
	@$(call install,server)
	@touch $@ $(VENV)/.installed

$(VENV)/.clustered: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing the launchers, Optuna, PyTorch, the server's packages and the test tools into $(VENV)"
	@$(call install,test server slurm ray optuna) && $(call parts,bench)
	@touch $@ $(VENV)/.installed $(VENV)/.tested $(VENV)/.serving

$(VENV)/.benched: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing the peers to measure against into $(VENV)"
	@$(call install) && $(call parts,bench)
	@touch $@ $(VENV)/.installed
