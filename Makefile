# One door for people and for CI; `make help` lists what is behind it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

BIN := .venv/bin
# PYTEST="-k name" narrows any of the test targets; DEMO=once makes the demo end by itself.
PYTEST ?=
EXAMPLES ?= 2000
DEMO ?=
# SCENARIO="cold quiet", N and MINUTES choose what is measured; BENCH takes any other option of scripts/bench.
SCENARIO ?=
N ?=
MINUTES ?=
BENCH ?=
# SEED repeats the faults of a soak; SOAK takes any other option of python -m chaos.soak.
SEED ?=
SOAK ?=
# Without it the long form: 1000 kills and 200 pauses, taken up again where it was broken off.
CHAOS ?=

# Without bytecode every program that a test starts compiles all that it loads, and every run all tests.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-10s %s\n", $$1, $$2}'

.PHONY: venv
venv: ## Make .venv with the pinned packages (does nothing when it is up to date)
	@scripts/venv

.PHONY: format
format: venv ## Format the code and apply the safe fixes
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

.PHONY: lint
lint: venv ## Formatting, lint, types and import contracts
	@scripts/lint

.PHONY: check
check: lint ## lint and the unit tests, with a quarter of the search for odd cases; under a minute
	@EFFORT=0.25 $(BIN)/python -m pytest tests/unit plugins -m "not servers" -n auto --maxprocesses=3 --timeout-method=signal $(PYTEST)

.PHONY: fuzz
fuzz: venv ## Tests of what parses foreign input, with new examples each time (EXAMPLES=2000)
	@FUZZ=$(EXAMPLES) $(BIN)/python -m pytest tests/unit plugins -k fuzz -n 4 --timeout=0 $(PYTEST)

.PHONY: testbed
testbed: venv ## Build or find the test servers: about five minutes once, then nothing
	@$(BIN)/python -m tests.testbed build

.PHONY: chromium
chromium: ## Find or install a browser for the tests in one, which are left out without it
	@scripts/chromium

.PHONY: pictures
pictures: testbed chromium ## Take the pictures of the status page in docs/images anew
	@PICTURES=docs/images $(BIN)/python -m pytest tests/integration/test_status_page_browser.py -n 0 -q

.PHONY: test
test: lint testbed chromium ## Everything: lint, then all tests, those on real servers included
	@scripts/test $(PYTEST)

.PHONY: coverage
coverage: testbed chromium ## All tests, with a report of the lines and branches they leave out
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest $(PYTEST)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

.PHONY: demo
demo: ## Real servers, the daemon and the samples, shown step by step (DEMO=once: end by itself)
	@scripts/demo $(DEMO)

.PHONY: docs
docs: venv ## Write the references anew and build the documentation as a site, build/docs/site
	@$(BIN)/python -m docsite.references
	@scripts/docs

.PHONY: monitoring
monitoring: venv ## Write alerts, dashboard and the lists of alerts anew, and what the chart repeats of them
	@$(BIN)/python -m kit.monitoring
	@scripts/chart

.PHONY: chart
chart: venv ## Write anew what the Helm chart repeats of other files: its schema and its copies
	@scripts/chart

.PHONY: bench
bench: testbed ## Measure the daemon on the real servers (SCENARIO=cold N=1000 MINUTES=1; see docs/performance.md)
	@scripts/bench $(addprefix --scenario=,$(SCENARIO)) $(addprefix --definitions=,$(N)) \
		$(addprefix --minutes=,$(MINUTES)) $(BENCH)

.PHONY: chaos
chaos: testbed ## Kill and pause replicas while values change (CHAOS="--kills 50 --pauses 10"); resumable
	@$(BIN)/python -m chaos $(CHAOS)

.PHONY: soak
soak: testbed ## A long run under random faults, with a verdict (MINUTES=20 N=300 SEED=7 SOAK="--json FILE")
	@$(BIN)/python -m chaos.soak $(addprefix --minutes=,$(MINUTES)) $(addprefix --definitions=,$(N)) \
		$(addprefix --seed=,$(SEED)) $(SOAK)

.PHONY: clean
clean: ## Remove what the scripts made here (the servers' cache stays)
	@rm -rf .venv .venv-lock build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache \
		.hypothesis .coverage .coverage.* htmlcov
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
