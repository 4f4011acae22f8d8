# make test      sets up $(VENV) and runs every check and test
# make check     style and types
# make fix       repairs style
# make bench     measures; prints a table and writes JSON
# make fuzz      puts hostile variants of the embedded models through every check; takes long
# make docs      writes what follows from the commands: completions, man pages, docs/reference.md
# make outputs   renews what README.md and docs/ show of the commands' output
# make picture   draws docs/terminal.svg

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: test check fix bench fuzz docs man completions outputs picture

test: check
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

check: $(VENV)/.installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

fix: $(VENV)/.installed
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(VENV)/.installed
	$(BIN)/python -m benchmarks $(ARGS)

fuzz: $(VENV)/.installed
	$(BIN)/python -m benchmarks.fuzz xlmcli/pretrained/* $(ARGS)

docs man completions: $(VENV)/.installed
	$(BIN)/python -m docs.pages

outputs: $(VENV)/.installed
	$(BIN)/python -m docs.blocks

picture: $(VENV)/.installed
	$(BIN)/python -m docs.picture
	$(BIN)/python -m docs.curves

$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[train,dev]' --constraint constraints.txt
	touch $@
