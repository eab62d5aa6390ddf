# Every target creates the virtual environment that it needs, so each works on a fresh machine with
# Python 3 (with venv), pip and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# More workers than cores: many tests wait for a simulated network. A file's tests share its servers.
TEST_WORKERS ?= 4
DISTRIBUTED := -n $(TEST_WORKERS) --dist loadfile --no-loadscope-reorder
# The tests that cover the transport and the object layer. Following the others takes a third longer.
COVERAGE_TESTS := tests/unit/orm tests/unit/transport \
	$(addprefix tests/behaviour/test_,$(addsuffix .py,bulk_writing creating_and_updating frames getting_objects \
	queries slices statistics))

# The tests whose result may depend on the version of pandas.
PANDAS_TESTS := tests/frames tests/behaviour/test_frames.py tests/behaviour/test_json_values.py \
	tests/unit/_internal/test_json_values.py $(wildcard tests/unit/orm/test_frame*.py)

# The tests whose result may depend on the database: all of the backend's, and those of lists,
# documents, bulk requests, uploads and jobs. `make test-workers` has those of faults.
POSTGRES_TESTS := tests/emulator tests/behaviour/plugins tests/behaviour/transfer \
	$(addprefix tests/behaviour/test_,$(addsuffix .py,annotations bulk_annotation cascades copies \
	creating_and_updating data_sets getting_objects json_values large_numbers long_filters platform_wire \
	queries relations resource_commands slices statistics threads waiting_for_jobs))

# The tests whose result may depend on several processes that answer: those of faults, of clients,
# servers and workers that are killed, and of a malicious storage. `make test-slow` runs those that
# ask for workers themselves.
WORKERS_TESTS := tests/emulator/test_dispatch.py \
	$(addprefix tests/reliability/test_,$(addsuffix .py,several_workers fault_matrix soak)) \
	tests/reliability/test_evil_host.py::test_the_storage_of_a_local_backend
KILL_TESTS := tests/emulator/test_job_runner.py \
	tests/behaviour/transfer/test_bulk_upload_killed.py tests/behaviour/transfer/test_file_upload_killed.py
WORKERS_POSTGRES_TESTS := $(addprefix tests/reliability/test_,$(addsuffix .py,backend_soak killed_workers))
# The longest are left out, and those of the library's way of HTTP.
SHORTER := -k 'not library and not twenty_kills and not killed_at_random_points'

# One of the database's programs, if any is found.
POSTGRES := $(or $(shell command -v initdb),$(wildcard /usr/lib/postgresql/*/bin/initdb))

# A tenth of the default build, which has the libraries of GPUs.
TORCH ?= torch==2.13.0+cpu

.PHONY: help demo test test-slow test-postgres test-workers test-ray test-formats test-frames test-torch test-notebooks test-platform-plugins test-others soak bench bench-quick lint format docs man build clean

help: ## Show the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-21s %s\n", $$1, $$2}'

# A stamp is newer than the declared dependencies if the environment has them.
$(VENV)/.python:
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.demo: $(VENV)/.python setup.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[demo]'
	@touch $@

$(VENV)/.dev: $(VENV)/.python setup.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

# Ray is large, so only the tests that need it install it.
$(VENV)/.ray: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[ray]'
	@touch $@

# The libraries that the formats are compared with are large as well.
$(VENV)/.formats: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[formats-test]'
	@touch $@

# So is datasets, which reads tables.
$(VENV)/.frames: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[frames-test]'
	@touch $@

# Both versions of pandas, as other libraries hold the environment's back; PYTHONPATH comes first.
$(VENV)/.pandas: $(VENV)/.frames
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade --target $(VENV)/pandas-2 'pandas>=2.2,<3'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade --target $(VENV)/pandas-3 'pandas>=3,<4'
	@touch $@

$(VENV)/.torch: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check '$(TORCH)' \
		|| echo '$(TORCH) is not to be had here; pip installs the default build, of some gigabytes'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[torch-test]'
	@touch $@

# A notebook server is large too.
$(VENV)/.notebooks: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[notebooks-test]'
	@touch $@

$(VENV)/.bench: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@touch $@

# Libraries that want other versions of what the SDK needs; PYTHONPATH comes first.
$(VENV)/.peers: $(VENV)/.bench
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade --target $(VENV)/peers \
		label-studio-sdk cvat-sdk huggingface_hub
	$(BIN)/python tests/benchmarks/platform_environment.py $(VENV)/platform
	@touch $@

demo: $(VENV)/.demo ## Run the whole story on a local backend, from images to annotations
	$(BIN)/synapse demo

test: $(VENV)/.dev ## Run the quick tests, with branch coverage of the transport and the object layer
	$(BIN)/python -m pytest -m "not slow" $(DISTRIBUTED) --cov --cov-report=term:skip-covered --cov-fail-under=95 $(COVERAGE_TESTS)
	$(BIN)/python -m pytest -m "not slow" $(DISTRIBUTED) $(addprefix --ignore=,$(COVERAGE_TESTS))

test-slow: $(VENV)/.dev ## Run the slow tests: pages of the manual, agents, killed processes, packages
	$(BIN)/python -m pytest -m slow $(DISTRIBUTED)

test-postgres: $(VENV)/.dev ## Run the tests that use the database most over PostgreSQL, in a cluster of the run
	SYNAPSE_TEST_DATABASE=postgresql $(BIN)/python -m pytest -m "not slow and not sqlite" $(DISTRIBUTED) $(POSTGRES_TESTS)
	SYNAPSE_TEST_DATABASE=postgresql $(BIN)/python -m pytest -m "slow and not sqlite" $(DISTRIBUTED) $(SHORTER) $(KILL_TESTS)

test-workers: $(VENV)/.dev ## Run tests of faults and killed processes over local backends of two workers, also over PostgreSQL
	SYNAPSE_TEST_WORKERS=2 $(BIN)/python -m pytest $(DISTRIBUTED) $(SHORTER) $(WORKERS_TESTS) $(KILL_TESTS)
	$(if $(POSTGRES),SYNAPSE_TEST_WORKERS=2 SYNAPSE_TEST_DATABASE=postgresql $(BIN)/python -m pytest -m "not sqlite" $(DISTRIBUTED) $(SHORTER) $(WORKERS_TESTS) $(WORKERS_POSTGRES_TESTS))

test-ray: $(VENV)/.ray ## Run the tests that need Ray, on a Ray head of their own
	$(BIN)/python -m pytest tests/ray
	$(BIN)/python -m pytest tests/docs/test_page_types.py -k ray

test-formats: $(VENV)/.formats ## Compare the formats with pycocotools, supervision and datumaro
	$(BIN)/python -m pytest tests/formats_oracles

test-frames: $(VENV)/.pandas ## Read queries by pandas 2 and 3, polars, DuckDB and datasets
	EXPECTED_PANDAS=3 PYTHONPATH=$(abspath $(VENV)/pandas-3) $(BIN)/python -m pytest tests/frames
	EXPECTED_PANDAS=2 PYTHONPATH=$(abspath $(VENV)/pandas-2) $(BIN)/python -m pytest $(PANDAS_TESTS)

test-torch: $(VENV)/.torch ## Read queries in torch's loaders, with worker processes
	$(BIN)/python -m pytest tests/training

test-notebooks: $(VENV)/.notebooks ## Look at notebooks in JupyterLab, in a headless Chromium
	$(BIN)/python -m pytest tests/notebooks

test-platform-plugins: $(VENV)/.dev ## Run plugins of the platform's package, where Python 3.12 is found
	$(BIN)/python -m pytest tests/platform

test-others: $(VENV)/.dev ## Run the unit tests on other Python versions, and with the oldest dependencies
	$(BIN)/python tools/interpreters.py --test

soak: $(VENV)/.dev ## Make 100,000 requests over a failing network, and as a daemon, and compare the results
	$(BIN)/python tests/reliability/soak.py
	$(BIN)/python tests/reliability/soak_daemon.py

bench: $(VENV)/.peers ## Measure speed and memory against other libraries, as ratios
	SYNAPSE_BENCH_PEERS=$(abspath $(VENV)/peers) \
		SYNAPSE_BENCH_PLATFORM=$(abspath $(VENV)/platform/bin/python) \
		$(BIN)/python tests/benchmarks $(BENCH)

bench-quick: $(VENV)/.bench ## Compare a few ratios with recorded ones, in less than a minute
	$(BIN)/python tests/benchmarks/quick.py

lint: $(VENV)/.dev ## Check style, types, docstrings and commit subjects
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/python -m pyright
	$(BIN)/python tools/docstring_words.py
	$(BIN)/python tools/check_commits.py

format: $(VENV)/.dev ## Format the code and fix what can be fixed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.dev ## Build the documentation into docs/_build/html, and check its links and search
	$(BIN)/python -m sphinx -W -n -q -b html docs docs/_build/html
	$(BIN)/python -m pytest tests/manual

man: $(VENV)/.dev ## Write the man page, which the wheel has, out of the page of the command line
	$(BIN)/python -m sphinx -q -b man -D nb_execution_mode=off docs docs/_build/man
	mkdir -p docs/man
	cp docs/_build/man/synapse.1 docs/man/synapse.1

build: $(VENV)/.dev ## Build the sdist and the wheel into dist/
	$(BIN)/python -m build

clean: ## Remove the files that the other targets created
	rm -rf $(VENV) .nox build dist docs/_build .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info
