# Everything runs from here: `make demo`, `make test`, `make up`, `make check`, `make bench`.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
TOOLS_INSTALLED := .venv/.tools-installed

PEERS := chroma haystack lancedb langchain llamaindex txtai

.PHONY: help install install-dev demo up test check bench bench-peers attack contract lock clean

help: ## Show this list.
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(INSTALLED): requirements.lock requirements-model.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "Footnote needs Python 3.11 or newer, and $(PYTHON) is none; set PYTHON=python3.11." >&2; exit 1; }
	@$(PYTHON) tools/install.py product
	@touch $(INSTALLED)

$(TOOLS_INSTALLED): $(INSTALLED) requirements-dev.lock requirements-generators.txt
	@$(PYTHON) tools/install.py tools
	@touch $(TOOLS_INSTALLED)

install: $(INSTALLED) ## Create .venv with what the product runs on.

install-dev: $(TOOLS_INSTALLED) ## Add the tools for tests, checks and benchmarks.

demo: $(INSTALLED) ## Upload the sample documents, ask as different people, print proved answers.
	@FOOTNOTE_HOME=$(CURDIR)/.demo $(BIN)/footnote demo

PORT ?= 8000

up: $(INSTALLED) ## Serve: database, API and a worker in one terminal.
	@$(BIN)/footnote up --port $(PORT)

# Each process has a service of its own; the tests of a file stay together, and share its fixtures.
TEST_PROCESSES ?= $(shell n=$$(getconf _NPROCESSORS_ONLN); [ $$n -gt 4 ] && echo 4 || echo $$n)

test: $(TOOLS_INSTALLED) ## Run the tests, in up to four processes.
	$(BIN)/pytest --numprocesses $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder

check: $(TOOLS_INSTALLED) ## Lint, types, import contracts.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(TOOLS_INSTALLED) ## Run the benchmarks (minutes; FOOTNOTE_EVALDATA names the data).
	$(BIN)/python -m evals.bench

bench-peers: $(TOOLS_INSTALLED) $(PEERS:%=.venv-peers/%/.installed) ## Measure retrieval beside other libraries.
	$(BIN)/python -m evals.bench.peers

contract: $(TOOLS_INSTALLED) ## Try the service against its API's description with schemathesis (slow).
	$(BIN)/pytest -m slow tests/app/http/description/test_schemathesis.py

attack: $(TOOLS_INSTALLED) ## Attack a service of its own and say what held (slow: about an hour).
	$(BIN)/python -m evals.attack

.venv-peers/%/.installed: evals/bench/peers/requirements-%.txt
	$(PYTHON) -m venv .venv-peers/$*
	.venv-peers/$*/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

COMPILE := $(BIN)/pip-compile --quiet --upgrade --strip-extras --allow-unsafe --no-header --no-emit-options \
  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host

lock: $(TOOLS_INSTALLED) ## Pin the newest allowed versions in the lock files.
	$(COMPILE) --all-build-deps --output-file requirements.lock pyproject.toml
	$(COMPILE) --output-file requirements-dev.lock requirements-dev.in
	sed -i.bak 's/^torch==\([0-9.]*\)+cpu/torch==\1/' requirements-dev.lock && rm requirements-dev.lock.bak

clean: ## Remove all that was made in this folder, apart from .env and what you served.
	@rm -rf .venv .venv-peers .demo .cache .hypothesis .import_linter_cache .mypy_cache .pytest_cache \
	  .ruff_cache build dist *.egg-info clients/*/build clients/*/src/*.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
