# Every chore has a name here. `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
# Where bytecode is not kept, every process compiles its modules anew, which takes a second.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
SEEDS ?= 200
FIRST ?= 0
PAYLOADS ?= 20000
FILES ?= 5000
EXAMPLES ?= 200
SEED ?= 1
#: What `make check` compares names with: the last commit, so that it shows what is new.
SINCE ?= HEAD~1
#: The extras that a whole installation has; an image has one of them.
ROLES := receiver worker console embedded
COMPILE := $(PYTHON) -m uv pip compile pyproject.toml --python-version 3.11 --quiet \
  --generate-hashes --no-emit-index-url --no-header
PACKAGES := vocabulary storage providers ledger webhooks workers feeds breaks reconcile reports console simulator ops

.PHONY: help setup setup-dev demo up test unit integration check fmt lint types imports bench profile chaos drill simulate detect corrections callbacks files fuzz-api mutate style-report lock slim schema dashboard dialect clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' \
	  | while IFS=$$'\t' read -r name what; do printf '  %-12s %s\n' "$$name" "$$what"; done

# --- installing ----------------------------------------------------------------------------

setup: $(BIN)/.installed ## a virtual environment with the locked dependencies and .venv/bin/tieout

setup-dev: $(BIN)/.installed-dev ## the same, with what tests and gates need

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name one with: make PYTHON=/path/to/python3 …" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
	  echo "this Python cannot make virtual environments (Debian keeps that in python3-venv)" >&2; \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y python3-venv >/dev/null; \
	  else exit 2; fi; }
	$(PYTHON) -m venv .venv

# The stamps depend on the locks: an unchanged lock costs nothing, a changed one is installed.
# Locks are complete (tests/meta/test_locks.py), so pip must not resolve anything: asked for an
# extra such as coverage[toml], it would look for the newest release, which has no hash here.
$(BIN)/.installed: requirements.lock pyproject.toml | $(BIN)/python
	$(PIP) install --no-deps --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(BIN)/.installed-dev: requirements-dev.lock $(BIN)/.installed
	$(PIP) install --no-deps --require-hashes -r requirements-dev.lock
	@git rev-parse --git-dir >/dev/null 2>&1 && git config core.hooksPath .githooks || true
	@touch $@

lock: ## resolve the dependencies anew and write all lock files (needs uv: pip install uv)
	@$(PYTHON) -m uv --version >/dev/null 2>&1 \
	  || { echo "uv is not installed for $(PYTHON); it is needed only here: pip install uv" >&2; exit 2; }
	$(COMPILE) $(addprefix --extra ,build $(ROLES)) --output-file requirements.lock
	$(COMPILE) $(addprefix --extra ,build $(ROLES) dev) --constraint requirements.lock \
	  --output-file requirements-dev.lock
	@for role in receiver worker console; do \
	  $(COMPILE) --extra build --extra $$role --constraint requirements.lock \
	    --output-file deploy/$$role.lock || exit; done

# --- running -------------------------------------------------------------------------------

demo: setup ## callbacks in, books, a reconciliation with planted faults, reports: from nothing
	$(BIN)/tieout demo

up: setup ## receiver, workers, scheduler and console in the foreground
	$(BIN)/tieout up

# --- proving -------------------------------------------------------------------------------

test: setup-dev ## the whole test suite, on real engines
	$(BIN)/python -m pytest -n 4 --dist loadfile tests

unit: setup-dev ## tests that need no engine
	$(BIN)/python -m pytest -q tests/unit

integration: setup-dev ## tests against real PostgreSQL, Valkey, receiver and workers
	$(BIN)/python -m pytest -q tests/integration

check: lint types imports ## every gate that takes minutes: style, types, import contracts, tidy, unit
	$(BIN)/python -m pytest -q tests/meta tests/unit
	@$(BIN)/python -m tests.meta.style_report --since "$(SINCE)"

style-report: setup-dev ## figures of style: filler names, full folders, shared names, sizes
	@$(BIN)/python -m tests.meta.style_report

lint: setup-dev ## ruff: format and rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: setup-dev ## mypy, strict
	$(BIN)/mypy

imports: setup-dev ## the import contracts of pyproject.toml
	$(BIN)/lint-imports --no-logo

fmt: setup-dev ## format, and fix what can be fixed
	$(BIN)/ruff check --fix --quiet . || true
	$(BIN)/ruff format .

bench: setup-dev ## measure the accept path, posting, reconciliation and import on this machine
	$(BIN)/python -m benchmarks.accept
	$(BIN)/python -m benchmarks.handwritten
	$(BIN)/python -m benchmarks.posting
	$(BIN)/python -m benchmarks.archive --months 3
	$(BIN)/python -m benchmarks.sustained
	$(BIN)/python -m benchmarks.background
	$(BIN)/python -m benchmarks.reconcile
	$(BIN)/python -m benchmarks.statement_import
	$(BIN)/python -m benchmarks.daily_job
	$(BIN)/python -m benchmarks.console --operations 500000 --records 500000 --breaks 20000

profile: setup-dev ## where the processor time of a callback goes, by function, statement and index
	$(BIN)/python -m benchmarks.profile

simulate: setup-dev ## seeded days against an independent auditor, and planted bugs it must find
	$(BIN)/python -m tests.simulation.campaign --seeds $(SEEDS) --first $(FIRST)
	$(BIN)/python -m tests.simulation.planted

chaos: setup-dev ## every fault on real daemons under traffic, in minutes: make chaos ROUNDS=3
	$(BIN)/python -m tests.harness.chaos.campaign $(ROUNDS)

drill: setup-dev ## restore to an instant, recover what was lost, restart under load, archive a month: one table
	$(BIN)/python -m tests.harness.drill.campaign

mutate: setup-dev ## which changes of money, deciding and posting no test would notice (minutes)
	$(BIN)/python -m tests.mutation.run

detect: setup-dev ## months with faults of every kind: found is what was injected: make detect SEEDS=1000
	$(BIN)/python -m tests.detection.campaign --seeds $(SEEDS) --first $(FIRST)
	$(BIN)/python -m tests.detection.planted

corrections: setup-dev ## months whose proposed corrections are approved: they cure and open nothing: make corrections SEEDS=300
	$(BIN)/python -m tests.detection.corrections --seeds $(SEEDS) --first $(FIRST)

callbacks: setup-dev ## callbacks signed by real PHP and Node against a receiver: make callbacks PAYLOADS=20000
	$(BIN)/python -m tests.callbacks.campaign --payloads $(PAYLOADS)

files: setup-dev ## statement files of every format and damage, read as the truth: make files FILES=5000
	$(BIN)/python -m tests.files.campaign --files $(FILES) --first $(FIRST)
	$(BIN)/python -m tests.files.planted

fuzz-api: setup-dev ## the API against its OpenAPI document, for long: make fuzz-api EXAMPLES=500 SEED=7
	FUZZ_EXAMPLES=$(EXAMPLES) FUZZ_SEED=$(SEED) FUZZ_PHASES=examples,coverage,fuzzing,stateful \
	  $(BIN)/python -m pytest -q tests/integration/console/api/test_api_fuzz.py

slim: setup-dev ## install a receiver alone from the registry, and have it answer
	$(BIN)/python -m tests.slim.receiver

schema: setup-dev ## docs/schema.sql, from what all revisions of the database come to
	@$(BIN)/python -m ops.tools.schema docs/schema.sql

dashboard: setup-dev ## deploy/grafana/tieout.json, from the list of metrics
	@mkdir -p deploy/grafana
	@$(BIN)/python -m ops.tools.dashboard deploy/grafana/tieout.json

dialect: setup-dev ## a new provider that works at once, to be edited: make dialect NAME=acme
	@$(BIN)/python -m ops.tools.new_dialect "$(NAME)"

clean: ## remove what can be made again (data directories stay)
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis \
	  .import_linter_cache .coverage*
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
