# Run `make` for a list of what there is. Long shell lives in infra/local/install.sh.

.POSIX:

VENV = .venv
PYTHON = $(VENV)/bin/python
INSTALLED = $(VENV)/.installed
STATE = .local
ONCE =
CORPUS = $$(if [ -n "$$CINESTOW_CORPUS" ]; then echo "$$CINESTOW_CORPUS"; \
	elif [ -d ../shared/inputs ]; then cd ../shared/inputs && pwd; fi)
COMPILE = $(VENV)/bin/uv pip compile pyproject.toml --quiet --generate-hashes --universal \
	--python-version 3.11 --no-annotate --no-header

help:
	@echo "make run          the whole pipeline on this machine, until Ctrl-C"
	@echo "make run ONCE=1   one recording through the pipeline; prints the result and ends"
	@echo "make test         all tests but the long ones"
	@echo "make test-corpus  every recording under CINESTOW_CORPUS"
	@echo "make lint         ruff: rules and format"
	@echo "make types        mypy, strict"
	@echo "make lock         both lock files from pyproject.toml (needs the network)"
	@echo "make clean        removes what make made: .venv, .local, caches"

run: system $(INSTALLED)
	$(PYTHON) -m cinestow_local --state-dir $(STATE) $(ONCE:%=--once)

test: system-test $(INSTALLED)
	$(VENV)/bin/pytest -m "not corpus"

test-corpus: system-test $(INSTALLED)
	CINESTOW_CORPUS="$(CORPUS)" $(VENV)/bin/pytest -m corpus -s

lint: $(INSTALLED)
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check

types: $(INSTALLED)
	$(VENV)/bin/mypy

lock: $(INSTALLED)
	$(COMPILE) --extra dev --output-file requirements-dev.txt
	$(COMPILE) --constraint requirements-dev.txt --output-file functions/requirements.txt

clean:
	rm -rf $(VENV) $(STATE) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis

# Probing takes milliseconds, so there is no stamp that could be wrong.
system:
	@infra/local/install.sh system python orthanc orthanc-dicomweb dicom3tools ffmpeg

system-test: system
	@infra/local/install.sh system chromium

$(INSTALLED): requirements-dev.txt pyproject.toml infra/local/install.sh
	infra/local/install.sh venv $(VENV)
	@touch $@

.PHONY: help run test test-corpus lint types lock clean system system-test
