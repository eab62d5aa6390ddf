# Every target makes the virtual environment that it needs, so each works on its own on a fresh
# machine that has Python 3 (with venv), pip and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# More than there are cores on a small machine: many tests wait for a network that misbehaves.
TEST_WORKERS ?= 3

.PHONY: help demo test test-ray soak bench lint format docs build clean

help: ## Show the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-8s %s\n", $$1, $$2}'

# The stamps say for which declaration of dependencies the environment was filled.
$(VENV)/.python:
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.demo: $(VENV)/.python setup.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[demo]'
	@touch $@

$(VENV)/.dev: $(VENV)/.python setup.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

# The tests' own libraries, and Ray, which is large and needed by nothing else.
$(VENV)/.ray: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[ray]'
	@touch $@

$(VENV)/.bench: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@touch $@

demo: $(VENV)/.demo ## Run the whole story on a local backend: real images in, annotations out
	$(BIN)/synapse demo

test: $(VENV)/.dev ## Run the tests, with branch coverage of the transport and the object layer
	$(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadfile --cov --cov-report=term:skip-covered
	$(BIN)/python -m coverage report --fail-under=95 \
		--include='synapse/transport/*,synapse/orm/*,synapse/session.py'

test-ray: $(VENV)/.ray ## Run the tests that need a Ray cluster, on a head of their own
	$(BIN)/python -m pytest tests/ray

soak: $(VENV)/.dev ## Make 100,000 requests over a network that fails, and compare what was done
	$(BIN)/python tests/reliability/soak.py

bench: $(VENV)/.bench ## Measure reading and imports beside other libraries, as ratios in one run
	$(BIN)/python tests/benchmarks

lint: $(VENV)/.dev ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/python -m pyright

format: $(VENV)/.dev ## Format the code and fix what can be fixed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.dev ## Build the documentation into docs/_build/html
	$(BIN)/python -m sphinx -W -n -q -b html docs docs/_build/html

build: $(VENV)/.dev ## Build the sdist and the wheel into dist/
	$(BIN)/python -m build

clean: ## Remove what the other targets made
	rm -rf $(VENV) build dist docs/_build .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info
