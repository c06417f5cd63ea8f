# Danlu: everything a newcomer needs. Both `make quickstart` and `make test` install what they need by themselves.
#
#   make quickstart   documents -> dataset -> tiny model -> tuned -> answers before and after
#   make test         the normal suite;  make test-all adds the long ones
#   make lint         ruff

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: help quickstart test test-all lint tree clean

help:
	@sed -n 's/^#   //p' Makefile

quickstart: $(VENV)/train.done
	@$(BIN)/danlu quickstart

test: $(VENV)/test.done
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m "not long"

test-all: $(VENV)/test.done
	@$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(VENV)/test.done
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

tree: $(VENV)/train.done
	@$(BIN)/python scripts/update_tree.py

clean:
	rm -rf $(VENV)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Danlu needs Python 3.11 or newer; $(PYTHON) is older. Say which: make PYTHON=python3.12"; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { echo "python3-venv is missing: apt-get install python3-venv"; rm -rf $(VENV); exit 2; }

$(VENV)/train.done: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "installing Danlu and what training needs into $(VENV) (a few minutes the first time)"
	@$(INSTALL) --editable '.[train]'
	@touch $@

$(VENV)/test.done: $(VENV)/train.done
	@echo "installing what the tests need into $(VENV)"
	@$(INSTALL) --editable '.[train,test]'
	@touch $@
