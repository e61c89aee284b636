# The commands a person needs; `make help` lists them. A demo and the tests need nothing but Python 3.11 and this.

PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
BENCH := .venv-bench
PEERS := tests/benchmarks/learning/requirements
# TORCH=default takes the build of torch that the package index prefers, with CUDA on Linux; else the one for CPUs.
TORCH ?= cpu
# The address of PyTorch's own index for CPUs, for a machine whose pip knows of no CPU wheel; see README.
TORCH_INDEX ?=
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3.14 python3 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
	2>/dev/null && command -v $$p && break; done)
PIP = $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt
PINS := pyproject.toml constraints.txt

.DEFAULT_GOAL := help
.PHONY: help setup demo dev test check fix fuzz faults bench bench-learning bench-page screenshots clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.setup ## Make .venv with the pinned packages, and those for development

demo: $(VENV)/.installed ## Run the whole system with two projects of real data; PORT=8000
	@exec $(BIN)/python -P -m app.cli demo --port $(PORT) --data-dir .demo-$(PORT)

dev: $(VENV)/.setup ## Run the whole system without demo data; the web server follows the code
	@exec $(BIN)/python -P -m app.cli up --reload --port $(PORT)

test: $(VENV)/.setup ## Install what is missing and run every test that can run here
	@./.ci/packages
	@exec $(BIN)/python -m pytest -n 2 --dist loadgroup

check: $(VENV)/.setup ## Lint, format, types, import rules, migrations, advisories
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m app.cli migrate --check
	$(BIN)/python .ci/audit

fuzz: $(VENV)/.setup ## Random requests and broken files, more than the tests send; EXAMPLES=100
	MARGINALIA_API_EXAMPLES=$(or $(EXAMPLES),100) $(BIN)/python -m pytest -n 2 -q tests/web/test_openapi.py \
		tests/web/test_hostile_files.py

fix: $(VENV)/.setup ## Put right what ruff can put right
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

faults: $(VENV)/.setup ## Break everything under load, by a schedule; SEED=7, MINUTES=30, KIND=sqlite|postgresql
	@exec $(BIN)/python -m tests.faults $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES)) \
		$(if $(KIND),--kind $(KIND))

bench: $(VENV)/.setup ## Measure; prints tables
	@exec $(BIN)/python -m tests.benchmarks

bench-learning: $(BENCH)/.ready ## Labels saved, against the libraries; QUICK=1, MINUTES=50, CONFIRM=1, ONLY="auto random"
	$(BENCH)/bin/python -m pytest -q --noconftest tests/benchmarks/learning
	@exec $(BENCH)/bin/python -m tests.benchmarks.learning $(if $(QUICK),--quick) $(if $(CONFIRM),--confirm) $(if $(MINUTES),--minutes $(MINUTES)) \
		$(if $(ONLY),--only $(ONLY))

bench-page: $(VENV)/.setup ## What a key costs on the labelling page: 200 items, slow and lossy network, faults
	@MARGINALIA_TEST_ITEMS=$(or $(ITEMS),200) exec $(BIN)/python -m pytest -q -s tests/e2e/test_never_lost.py -k "lossy or killed"

screenshots: $(VENV)/.setup ## Draw docs/screenshots, of every page, anew; look at each
	@MARGINALIA_SCREENSHOTS=docs/screenshots exec $(BIN)/python -m pytest -q \
		tests/e2e/test_screenshots.py tests/e2e/test_screenshots_views.py \
		tests/e2e/test_screenshots_pages.py

clean: ## Delete the environment, the demos' data and every cache
	rm -rf $(VENV) $(BENCH) .demo-* build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.environment:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with its venv module is missing (on Debian: apt install python3 python3-venv)."; exit 1; }
	@echo "Making $(VENV) with $(PYTHON) …"
	@"$(PYTHON)" -m venv $(VENV)
	@touch $@

# On Linux the plain wheel of torch brings several GB of CUDA: first whatever CPU wheel pip knows of already, then
# PyTorch's own index; offline or elsewhere the main installation finds its own.
$(VENV)/.torch: $(VENV)/.environment constraints.txt
	@if [ "$(TORCH)" = cpu ] && [ "$$(uname -s)" = Linux ]; then \
		wanted=$$(sed -n 's/^torch==\([0-9.]*\)$$/torch==\1+cpu/p' constraints.txt); \
		echo "Installing $$wanted …"; \
		$(PIP) --no-deps "$$wanted" 2>/dev/null \
		|| { [ -n "$(TORCH_INDEX)" ] && $(PIP) --no-deps --index-url $(TORCH_INDEX) "$$wanted"; } \
		|| echo "There is no CPU wheel of it at hand; taking the default build."; \
	fi
	@touch $@

$(VENV)/.installed: $(VENV)/.torch $(PINS)
	@echo "Installing the pinned packages; this takes a minute or two …"
	@$(PIP) -e .
	@touch $@

$(VENV)/.setup: $(VENV)/.torch $(PINS)
	@echo "Installing the pinned packages and the tools; this takes a minute or two …"
	@$(PIP) -e ".[dev]"
	@touch $@ $(VENV)/.installed

# The libraries that the learning benchmark compares with have pins of their own: they never meet the product's packages.
$(BENCH)/.ready: $(PEERS).txt $(PEERS)-alone.txt
	@$(MAKE) --no-print-directory $(BENCH)/.torch VENV=$(BENCH)
	@$(BENCH)/bin/python -m pip --disable-pip-version-check install --quiet -r $(PEERS).txt
	@$(BENCH)/bin/python -m pip --disable-pip-version-check install --quiet --no-deps -r $(PEERS)-alone.txt
	@# small-text installs its own tests as the package `tests`, which would hide ours.
	@rm -rf $(BENCH)/lib/python3.*/site-packages/tests
	@touch $@
