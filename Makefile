# Two commands do everything on a fresh machine: `make scenarios` and `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
JOBS ?= auto

.PHONY: help setup scenarios test lint types unit soak bench templates clean

help: ## What there is to make.
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 14

setup: $(READY) ## The virtual environment with everything in it.

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,cdk]'
	@touch $@

scenarios: $(READY) ## Deploys to a lab, breaks each region's /health, measures, writes the report.
	$(BIN)/python -m pytest scenarios

test: lint types unit ## Everything that must hold before a change lands.

lint: $(READY) ## Style, formatting, and who may import whom.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(READY) ## mypy, strict.
	$(BIN)/mypy

unit: $(READY) ## The unit and lab tests, in parallel.
	$(BIN)/python -m pytest tests -n $(JOBS) --dist loadgroup

soak: $(READY) ## Every fault 20 times, ended at random, SIGKILL too: is everything undone?
	$(BIN)/python benchmarks/soak.py

bench: $(READY) ## Every benchmark, with ratios measured side by side.
	for benchmark in $(filter-out benchmarks/soak.py,$(wildcard benchmarks/*.py)); do $(BIN)/python $$benchmark || exit 1; done

templates: $(READY) ## Synthesizes infra/templates/ again after a change of infra/.
	$(BIN)/python -m infra.synth

clean: ## Removes what make and the runs left, the reports too.
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis cdk.out build *.egg-info .harness
	find reports -mindepth 1 ! -name README.md -delete
