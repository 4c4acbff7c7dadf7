# `make help` prints every target. The environment is made once, in .venv.
PYTHON ?= python3
BIN := .venv/bin
OUTPUT_DIR ?= demo
# Tests run in so many processes of one thread each; a process takes up to 2 GB.
JOBS ?= 2
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 NUMBA_NUM_THREADS=1
IN_PROCESSES := -n $(JOBS) --dist loadgroup --max-worker-restart 0
PYTEST := $(ONE_THREAD) $(BIN)/python -m pytest $(IN_PROCESSES)
# What campaigns have found so far lies here; a call goes on with it.
CAMPAIGN ?= campaign
# Two results that are put side by side, and the browser that takes the picture.
RUNS ?= $(OUTPUT_DIR)/derivatives/adhd-cvae $(OUTPUT_DIR)/derivatives/other
CHROMIUM ?= chromium
# Interpreters, by version or place.
PYTHONS ?= 3.11
# The build of PyTorch that a container has; empty: what the registry gives.
TORCH ?= cpu
# The version that this one is compared with: where its commit is, which a shallow clone may lack.
BEFORE ?= 951aeea
HAS_BEFORE = $(shell git cat-file -e '$(BEFORE)^{commit}' 2>/dev/null && echo yes)

.DEFAULT_GOAL := help
.PHONY: help demo test check fast slow coverage house bounds container-steps same-results
.PHONY: compare-picture calibration out-of-fold predicted-power training-beside-the-study page generated-datasets kills foreign-files fuzz clean

help:  ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-26s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo; echo "Variables: PYTHON=$(PYTHON) OUTPUT_DIR=$(OUTPUT_DIR) JOBS=$(JOBS) CAMPAIGN=$(CAMPAIGN) BEFORE=$(BEFORE)"

INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e

.venv/.installed: pyproject.toml constraints.txt
	@echo "Making the environment in .venv (once; a few minutes) …"
	$(PYTHON) -m venv .venv
	$(INSTALL) .
	@touch $@

.venv/.developer: .venv/.installed
	@echo "Adding what the tests need …"
	$(INSTALL) '.[dev]'
	@touch $@

demo: .venv/.installed  ## simulate a cohort and run every stage, into OUTPUT_DIR
	$(BIN)/adhd-cvae demo $(OUTPUT_DIR)

check: .venv/.developer  ## lint, types, and walls between rooms
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	sed -n '/^%post/,/^%runscript/{/^%/!p;}' apptainer.def | $(BIN)/shellcheck --shell=sh -

test: check fast  ## check, then every test that is not slow

fast: .venv/.developer  ## every test that is not slow, in JOBS processes
	$(PYTEST) -m "not slow"

slow: .venv/.developer  ## the tests that take more than half a minute each
	$(PYTEST) -m slow -o faulthandler_timeout=1800

coverage: .venv/.developer  ## branches of the packages that the fast tests reach, subprocesses included
	$(BIN)/python -m coverage erase
	$(ONE_THREAD) $(BIN)/python -m coverage run -m pytest $(IN_PROCESSES) -m "not slow"
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report

house: .venv/.developer  ## the house in numbers beside BEFORE, into tests/README.md
	$(BIN)/python tests/house/measure.py $(if $(HAS_BEFORE),--before $(BEFORE) --write)

bounds: .venv/.developer  ## the smoke demo with the lowest and the newest dependencies, for each of PYTHONS (7 GB each)
	for python in $(PYTHONS); do for versions in lowest-direct highest; do \
	  echo "Python $$python, $$versions"; place=$(CAMPAIGN)/$@/$$versions; rm -rf $$place; \
	  $(BIN)/uv venv --quiet --python $$python $$place/venv && \
	  $(BIN)/uv pip install --quiet --python $$place/venv --resolution $$versions '.[bundle,dask,notebooks,postgres]' && \
	  $$place/venv/bin/python -c 'import distributed, fire, ipykernel, psycopg2' && \
	  $$place/venv/bin/adhd-cvae demo $$place/demo --recipe smoke --participants 24 || exit 1; \
	done; done

container-steps: .venv/.installed  ## the Dockerfile's steps and the smoke demo in a new environment, with the build TORCH (cpu)
	rm -rf $(CAMPAIGN)/$@
	$(BIN)/python -m tests.validation.container_steps $(CAMPAIGN)/$@ --torch "$(TORCH)"

same-results: .venv/.developer  ## the same recipe and seed with BEFORE and now: the same bytes? (20 minutes)
	$(BIN)/python tests/validation/same_results/run.py --before $(BEFORE)

calibration: .venv/.developer  ## how often each test rejects where nothing is, into CAMPAIGN (hours)
	$(BIN)/python -m tests.validation.calibration.run $(CAMPAIGN)/$@

out-of-fold: .venv/.developer  ## null cohorts through the chain: how often is each p-value below 0.05? (hours)
	$(ONE_THREAD) $(BIN)/python -m tests.validation.out_of_fold.run $(CAMPAIGN)/$@ --jobs $(JOBS)

predicted-power: .venv/.developer  ## is the power that sensitivity predicts that of cohorts with patients? (hours)
	$(ONE_THREAD) $(BIN)/python -m tests.validation.predicted_power $(CAMPAIGN)/$@ --jobs $(JOBS)

training-beside-the-study: .venv/.developer  ## training beside the study's network (10 minutes, 8 GB)
	$(BIN)/python -m tests.validation.training_beside_the_study $(CAMPAIGN)/$@

page: .venv/.installed  ## pages of five kinds in a browser: axe-core, valid HTML, sizes, pictures (10 minutes; node, npm, chromium)
	$(BIN)/python -m tests.validation.pages.run $(CAMPAIGN)/$@ $(if $(PICTURES),pipelines/report/report.png)

generated-datasets: .venv/.developer  ## 20,000 datasets of every kind that the field writes: is anybody mixed up? (40 minutes)
	$(ONE_THREAD) $(BIN)/python -m tests.validation.generated_datasets.run $(CAMPAIGN)/$@ --processes $(JOBS)

kills: .venv/.developer  ## whole runs killed at random moments and called again (22 minutes)
	$(BIN)/python -m tests.robustness.kills $(CAMPAIGN)/$@

foreign-files: .venv/.developer  ## is a byte touched that is not ours? Verbs at random in folders of every kind (half an hour)
	$(BIN)/python -m tests.robustness.foreign_files $(CAMPAIGN)/$@

fuzz: .venv/.developer  ## maps and tables spoilt at random (10 minutes)
	$(BIN)/python -m tests.robustness.fuzz $(CAMPAIGN)/$@

compare-picture: .venv/.installed  ## the manual's picture of a comparison of RUNS, taken with CHROMIUM
	rm -f $(CAMPAIGN)/compare.html
	mkdir -p $(CAMPAIGN)
	$(BIN)/adhd-cvae compare $(RUNS) --output $(CAMPAIGN)/compare.html
	$(CHROMIUM) --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1200,1500 \
		--screenshot=$(CAMPAIGN)/compare.png $(abspath $(CAMPAIGN))/compare.html
	$(BIN)/python -c "from PIL import Image; Image.open('$(CAMPAIGN)/compare.png').convert('RGB').quantize(224).save('pipelines/report/compare.png', optimize=True)"

clean:  ## remove the environment and the demo
	rm -rf .venv demo
