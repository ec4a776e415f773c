# The two commands of a newcomer are `make demo` and `make test`; each does all the set-up it needs.
# Nothing is needed but python3 (>= 3.11) and a package registry.
#
#   PYTHON=python3.12       build .venv from another interpreter
#   TORCH_INDEX=https://download.pytorch.org/whl/cpu
#                           take torch from this index: on Linux the usual one brings gigabytes of CUDA along
#   EXTRAS=dev              what to install besides the core; the demo needs nothing
#   PYTEST_ARGS='-k vwap'   more arguments for pytest

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
EXTRAS ?= dev
TORCH_INDEX ?=
PYTEST_WORKERS ?= 2
PYTEST_ARGS ?=
SOAK_ARGS ?=

comma := ,
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed-$(or $(subst $(comma),-,$(EXTRAS)),core)
STAMP := $(INSTALLED)-warm
BENCH_VENV := .venv-bench
BENCH_STAMP := $(BENCH_VENV)/.installed
# Code outside the package is checked too, as far as it exists.
CODE := $(wildcard src tests benchmarks examples scripts)
# Images of Python like to forbid it; then each of the tests' processes would compile all of our sources anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup core demo test check format bench soak golden clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## create .venv, install everything pinned, warm the compile cache

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "tradewright needs Python 3.11 or newer: make PYTHON=python3.12 setup")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	if [ -n "$(TORCH_INDEX)" ]; then $(BIN)/pip install --index-url "$(TORCH_INDEX)" "$$(grep '^torch==' constraints.txt)"; fi
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.$(if $(EXTRAS),[$(EXTRAS)])'
	touch $@

$(STAMP): $(INSTALLED)
	$(BIN)/tradewright warm
	touch $@

demo: $(if $(wildcard $(STAMP)),setup,core) ## backtest several strategies on real bars and write a report
	$(BIN)/tradewright demo

core:
	$(MAKE) --no-print-directory setup EXTRAS=

# Files keep the order of tests/conftest.py: slow ones first. pytest-xdist itself would put those with few tests last.
test: setup ## run every test
	$(BIN)/pytest -n $(PYTEST_WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

check: $(INSTALLED) ## style, types and layers
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports

format: setup ## let ruff lay out and sort what it can
	$(BIN)/ruff check --fix-only --quiet $(CODE)
	$(BIN)/ruff format $(CODE)

bench: setup $(BENCH_STAMP) ## time the four workloads beside the peers that install here
	$(BENCH_VENV)/bin/python benchmarks/run.py

# Peers bring their own pins and must not touch .venv; only what runs compiled code is held at our version. Each line is
# tried alone: a peer that does not install is reported as missing by the runner, and never stops the others.
$(BENCH_STAMP): $(STAMP) $(wildcard benchmarks/requirements.txt)
	test -x $(BENCH_VENV)/bin/python || $(BIN)/python -m venv $(BENCH_VENV)
	$(BENCH_VENV)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	grep -E '^(numpy|numba|llvmlite)==' constraints.txt > $(BENCH_VENV)/held.txt
	while read -r peer; do \
	  case "$$peer" in ''|'#'*) continue;; esac; \
	  $(BENCH_VENV)/bin/pip install --quiet --disable-pip-version-check -c $(BENCH_VENV)/held.txt "$$peer" < /dev/null \
	    || echo "bench: $$peer does not install here" >&2; \
	done < benchmarks/requirements.txt
	touch $@

soak: setup ## play every fault a thousand times, days, sessions, a kill at every write (hours; SOAK_ARGS='--seeds 20')
	$(BIN)/python -m tests.faults.soak $(SOAK_ARGS)

golden: setup ## regenerate the golden files, on purpose; then explain the change in CHANGELOG.md, section Behaviour
	$(BIN)/pytest tests/golden --remake-golden
	git --no-pager diff --stat -- tests/golden

clean: ## remove environments, caches and compiled code (not runs/ and not stores)
	rm -rf $(VENV) $(BENCH_VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find src tests -type d -name __pycache__ -prune -exec rm -rf {} +
