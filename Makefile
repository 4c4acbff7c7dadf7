# `make demo`: simulate a cohort and run every stage.  `make test`: lint, types, walls, tests.
PYTHON ?= python3
BIN := .venv/bin
OUTPUT_DIR ?= demo

.PHONY: demo test check slow clean

.venv/.installed: pyproject.toml constraints.txt
	@echo "Making the environment in .venv (once; a few minutes) …"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: .venv/.installed
	$(BIN)/adhd-cvae demo $(OUTPUT_DIR)

check: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports

test: check
	$(BIN)/python -m pytest -m "not slow"

slow: .venv/.installed
	$(BIN)/python -m pytest -m slow

clean:
	rm -rf .venv demo
