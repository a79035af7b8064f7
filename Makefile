# Every target sets up what it needs first: a .venv from the locked requirements, and the system's libraries for Qt.
# PYTHON=/path/to/python chooses the interpreter; ARGS="…" is handed to the program that the target starts.

.DEFAULT_GOAL := help
SHELL := /bin/sh
.SUFFIXES:
MAKEFLAGS += --no-print-directory

VENV_PYTHON := .venv/bin/python
SEAT ?= duty
SECONDS_OFF_SCREEN ?= 30
HOURS ?= 2
ARGS ?=
export PYTHON
export PYTHONUTF8 := 1

PURE_LOCK := --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet

.PHONY: help run test check bench soak lock translations format setup setup-dev clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

run: setup ## the demo city and a desk (SEAT=wall|duty|cockpit); without a screen: 30 s off screen, pictures in out/
	@if [ -n "$$DISPLAY" ] || [ -n "$$WAYLAND_DISPLAY" ]; then \
		exec $(VENV_PYTHON) main.py --demo --seat $(SEAT) $(ARGS); \
	else \
		echo "citydeck: no screen here; rendering off screen for $(SECONDS_OFF_SCREEN) s into out/" >&2; \
		QT_QPA_PLATFORM=offscreen exec $(VENV_PYTHON) main.py --demo --seat $(SEAT) --screenshot out --after $(SECONDS_OFF_SCREEN) --progress $(ARGS); \
	fi

test: setup-dev ## the whole test suite
	@QT_QPA_PLATFORM=offscreen $(VENV_PYTHON) -m pytest -q $(ARGS)

check: setup-dev ## lint, format, types, import rules
	@failed=; \
	$(VENV_PYTHON) -m ruff check . || failed="$$failed lint"; \
	$(VENV_PYTHON) -m ruff format --check --quiet . || failed="$$failed format"; \
	$(VENV_PYTHON) -m basedpyright --warnings || failed="$$failed types"; \
	$(VENV_PYTHON) -c "from importlinter.cli import lint_imports_command; lint_imports_command()" --no-logo --no-cache || failed="$$failed imports"; \
	if [ -n "$$failed" ]; then echo "citydeck: not as it should be:$$failed" >&2; exit 1; fi

bench: setup-dev ## the benchmarks: a table, and out/bench.json
	@mkdir -p out
	@QT_QPA_PLATFORM=offscreen $(VENV_PYTHON) -m benchmarks $(ARGS)

soak: setup-dev ## hours of load and faults (HOURS=2)
	@mkdir -p out
	@QT_QPA_PLATFORM=offscreen $(VENV_PYTHON) -m benchmarks.soak --hours $(HOURS) $(ARGS)

lock: setup-dev ## lock requirements/*.in again (ARGS=--upgrade moves versions)
	@$(VENV_PYTHON) -m uv pip compile $(PURE_LOCK) $(ARGS) --output-file requirements/run.txt requirements/run.in
	@$(VENV_PYTHON) -m uv pip compile $(PURE_LOCK) $(ARGS) --constraint requirements/run.txt --output-file requirements/dev.txt requirements/dev.in

translations: setup-dev ## collect the phrases, update the catalogues, compile them, say what is untranslated
	@$(VENV_PYTHON) packaging/translations.py

format: setup-dev ## format the code and mend what can be mended by itself
	@$(VENV_PYTHON) -m ruff check --fix .
	@$(VENV_PYTHON) -m ruff format .

setup: ## only set up what running needs
	@sh packaging/prepare.sh run

setup-dev: ## only set up what tests and checks need
	@sh packaging/prepare.sh dev

clean: ## remove everything that was made here: .venv, stamps, caches, out/
	@rm -rf .venv .make out .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
