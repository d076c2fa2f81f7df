# make demo   mlgen compiles an example for five CI systems, and you see what came out
# make test   everything that must hold: lint, types, import directions, tests
# make fuzz   10,000 random specs: compiled, read back and checked for all targets; FUZZ=500 for fewer
# make bench  how fast mlgen is; writes benchmarks/RESULTS.md
# make goldens  after a change of the compiler: the schema, the committed outputs of examples and fixtures, and docs, made anew
# make docs   the pages of docs/ that the code tells: the language, the diagnostics, the targets
# make clean  remove what these made
#
# Needs Python 3.10 or newer; `make test` also Node.js 20 or newer, and on Debian apt for what tests/engines/apt.txt
# lists. All else goes into .tools/. Another interpreter: make PYTHON=python3.12 test

PYTHON ?= python3
# The stamps hold the version of Python, so that another PYTHON does not use the environment of the last one.
TAG := $(shell $(PYTHON) -c 'import sys; print(sys.implementation.cache_tag)')
VENV := .tools/venv
DEV := $(VENV)/.installed-$(TAG)
DEMO := .tools/demo/.installed-$(TAG)
PACKAGE := pyproject.toml hatch_build.py README.md $(shell find src templates schemas -type f ! -name '*.pyc')

FUZZ ?= 10000

# The tests start mlgen hundreds of times: bytecode is kept, whatever the developer's environment says.
unexport PYTHONDONTWRITEBYTECODE

# What is downloaded is waited for side by side.
MAKEFLAGS += -j2

.PHONY: demo test node fuzz bench goldens docs clean

demo: $(DEMO)
	@examples/demo.sh .tools/demo/bin/mlgen

test: $(DEV) node
	tests/engines/install.sh $(VENV)/bin/python
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check -q
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	@# One more than cores, for what waits; what is slow stands together, so that those who have done theirs take some.
	$(VENV)/bin/pytest -n 3 --dist worksteal

node:
	tests/engines/install.sh --node

fuzz: $(DEV)
	tests/engines/install.sh $(VENV)/bin/python
	MLGEN_FUZZ=$(FUZZ) $(VENV)/bin/pytest -n 2 -q -s tests/fuzz

bench:
	$(PYTHON) benchmarks/bench.py

goldens:
	PYTHONPATH=src $(PYTHON) -m mlgen.targets.assemble
	set -e; for spec in examples/*/mlgen.yaml examples/org-pack/*/mlgen.yaml examples/monorepo/projects/*/mlgen.yaml tests/fixtures/*/mlgen.yaml; do PYTHONPATH=src $(PYTHON) -m mlgen compile -C $$(dirname $$spec); done
	PYTHONPATH=src:. $(PYTHON) -m tests.targets.jenkins.project
	PYTHONPATH=src $(PYTHON) docs/tools/build.py

docs:
	PYTHONPATH=src $(PYTHON) docs/tools/build.py

clean:
	rm -rf .tools dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(DEMO): $(PACKAGE) .ci/venv
	@.ci/venv $(PYTHON) .tools/demo
	@echo "installing mlgen"
	@.tools/demo/bin/python -m pip install -q --disable-pip-version-check .
	@touch $@

$(DEV): pyproject.toml .ci/venv
	.ci/venv $(PYTHON) $(VENV)
	$(VENV)/bin/python -m pip install -q --disable-pip-version-check -e '.[dev]'
	@touch $@
