# `make demo` runs the main job, `make test` the tests; both install what they need into .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CONSTRAINTS := .ci/constraints.txt
# Nothing below touches the user's own AiiDA profiles.
DEMO := $(CURDIR)/demo
export MPLCONFIGDIR := $(CURDIR)/.venv/matplotlib

.PHONY: demo test lint clean

demo: $(VENV)/.demo
	AIIDA_PATH=$(DEMO) $(BIN)/aiida-elyte demo --dir $(DEMO)

# Three workers on two cores, one thread each: they often wait for jobs. The tests of a file stay together.
test: $(VENV)/.test lint
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

# SchNetPack 2.1.1 pins a sympy that torch excludes, so it comes without its pins: its layers need torch alone.
$(VENV)/.demo: pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --constraint $(CONSTRAINTS) --editable '.[train,md,xtb,chgnet,trajectories,forcefield,report]'
	$(BIN)/pip install --quiet --no-deps 'schnetpack==2.1.1'
	touch $@

$(VENV)/.test: $(VENV)/.demo
	$(BIN)/pip install --quiet --constraint $(CONSTRAINTS) --editable '.[tests,dft-molecules]'
	touch $@

clean:
	rm -rf $(DEMO) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
