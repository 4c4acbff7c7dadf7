# `make demo`: simulate a cohort and run every stage.  `make test`: lint, types, walls, tests.
PYTHON ?= python3
BIN := .venv/bin
OUTPUT_DIR ?= demo

.PHONY: demo test check slow calibration training-beside-the-study kills fuzz clean

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

# Campaigns: hours; what they found last is in the README of their folder. CAMPAIGN holds what was done so far.
CAMPAIGN ?= campaign

calibration: .venv/.installed
	$(BIN)/python -m tests.validation.calibration.run $(CAMPAIGN)/$@

training-beside-the-study: .venv/.installed
	$(BIN)/python -m tests.validation.training_beside_the_study $(CAMPAIGN)/$@

kills: .venv/.installed
	$(BIN)/python -m tests.robustness.kills $(CAMPAIGN)/$@

fuzz: .venv/.installed
	$(BIN)/python -m tests.robustness.fuzz $(CAMPAIGN)/$@

clean:
	rm -rf .venv demo
