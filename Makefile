# The commands of this repository; `make` alone lists them.
#
# demo and test set up everything they need: system packages (Debian and its children, as
# root), the virtual environment .venv and the pinned packages of requirements/. Stamp files
# in .venv make the second time quick.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
# Extra arguments of pytest: make test ARGS="tests/prompts -x"
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input

# What a Qt window with OpenGL and a screen without a monitor need beside the Qt wheel.
APT_PACKAGES := xvfb xauth libdbus-1-3 libegl1 libfontconfig1 libgl1 libgl1-mesa-dri \
	libglib2.0-0 libopengl0 libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 \
	libxcb-randr0 libxcb-render-util0 libxcb-shape0 libxcb-xinerama0 libxcb-xkb1 \
	libxkbcommon0 libxkbcommon-x11-0

# One process, one thread each for OpenMP: sums come in one order and two cores are enough.
TEST_ENV := OMP_NUM_THREADS=1 NAPARI_ENSURE_PLUGIN_MAIN_THREAD=1

.PHONY: help demo test test-oldest test-gpu lint bench napari docs lock clean distclean

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

demo: $(VENV)/.system $(VENV)/.installed ## segment a sample image and write a picture of it
	$(BIN)/napari-samara demo

test: $(VENV)/.system $(VENV)/.installed ## run the tests, those with windows on a virtual screen
	@if command -v xvfb-run >/dev/null; then \
		$(TEST_ENV) QT_QPA_PLATFORM=xcb xvfb-run -a -s "-screen 0 1280x1024x24" \
			$(BIN)/python -m pytest -m "not gpu" $(ARGS); \
	elif [ -n "$${DISPLAY:-}" ] || [ "$$(uname -s)" != Linux ]; then \
		$(TEST_ENV) $(BIN)/python -m pytest -m "not gpu" $(ARGS); \
	else \
		echo "No xvfb-run and no DISPLAY: the tests that open windows are left out."; \
		$(TEST_ENV) QT_QPA_PLATFORM=offscreen \
			$(BIN)/python -m pytest -m "not gpu and not gui" $(ARGS); \
	fi

OLDEST := $(VENV)/oldest

test-oldest: $(VENV)/.system $(VENV)/.torch ## run the tests with the oldest packages allowed, but for torch
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/pip install -q -r requirements/torch.txt uv
	VIRTUAL_ENV=$(OLDEST) $(OLDEST)/bin/uv pip install -q --resolution lowest-direct \
		-c requirements/torch.txt -e '.[dev]'
	$(TEST_ENV) PYTHONWARNINGS=ignore QT_QPA_PLATFORM=xcb xvfb-run -a -s "-screen 0 1280x1024x24" \
		$(OLDEST)/bin/python -m pytest -m "not gpu" -o filterwarnings=ignore $(ARGS)

test-gpu: $(VENV)/.system $(VENV)/.installed ## run the tests that need a CUDA device
	$(TEST_ENV) QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest -m gpu $(ARGS)

lint: $(VENV)/.system $(VENV)/.installed ## style, format, types, and which module imports which
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest -q tests/test_imports.py

bench: $(VENV)/.system $(VENV)/.installed ## time this machine, then the same weights here and in the reference packages
	$(BIN)/napari-samara bench
	$(BIN)/python benchmarks/decoder.py
	$(BIN)/python benchmarks/tiny.py
	$(BIN)/python benchmarks/encoder.py
	@if command -v xvfb-run >/dev/null; then for script in gui_responsiveness click_to_preview; do \
		QT_QPA_PLATFORM=xcb xvfb-run -a -s "-screen 0 1280x1024x24" \
			$(BIN)/python benchmarks/$$script.py; done; \
	else echo "No xvfb-run: the benchmarks with windows are left out."; fi
	if [ -f "$${SAMARA_DATA:-../shared/data}/MANIFEST.tsv" ]; then \
		$(BIN)/napari-samara evaluate --data "$${SAMARA_DATA:-../shared/data}" --clicks 0; fi

napari: $(VENV)/.system $(VENV)/.installed ## open napari with the plugin
	$(BIN)/napari

docs: $(VENV)/.installed ## build the documentation into docs/_build/html
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

lock: ## pin the newest versions (use the oldest Python they must suit: Debian 12 has 3.11.2)
	@fresh=$$(mktemp -d); trap 'rm -rf "$$fresh"' EXIT; \
	$(PYTHON) -m venv "$$fresh"; \
	"$$fresh/bin/pip" install -q -r requirements/torch.txt; \
	"$$fresh/bin/pip" install -q -c requirements/torch.txt '.[dev]'; \
	{ sed -n '/^#/p' requirements/dev.txt; \
	  "$$fresh/bin/pip" freeze | grep -Ev '^(napari-samara|torch|triton|nvidia-|cuda-)'; \
	} > "$$fresh/dev.txt"; \
	cp "$$fresh/dev.txt" requirements/dev.txt

clean: ## remove what the commands wrote, but not .venv
	rm -rf build dist out docs/_build .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## remove .venv as well
	rm -rf $(VENV)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "napari-samara needs Python 3.11 or newer; $(PYTHON) is" \
			"$$($(PYTHON) --version 2>&1 || echo missing). Name another: make PYTHON=python3.12"; \
		exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
		install="apt-get install -y --no-install-recommends python3-venv"; \
		if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
			apt-get update -q && DEBIAN_FRONTEND=noninteractive $$install; \
		else echo "$(PYTHON) has no venv. On Debian: sudo $$install"; exit 1; fi; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.system: Makefile | $(BIN)/python
	@if ! command -v dpkg-query >/dev/null; then \
		[ "$$(uname -s)" != Linux ] || echo "Not a Debian system: no system package is" \
			"installed. If windows do not open, install what your distribution calls:" \
			"$(APT_PACKAGES)"; \
		touch $@; \
	else \
		missing=""; \
		for name in $(APT_PACKAGES); do \
			dpkg-query -W -f '$${db:Status-Status}\n' $$name 2>/dev/null | grep -qx installed \
				|| missing="$$missing $$name"; \
		done; \
		install="apt-get install -y -q --no-install-recommends$$missing"; \
		if [ -z "$$missing" ]; then touch $@; \
		elif [ "$$(id -u)" = 0 ]; then \
			apt-get update -q; DEBIAN_FRONTEND=noninteractive $$install; touch $@; \
		else \
			echo "Tests and napari's windows need system packages. As you are not root, run:"; \
			echo "  sudo $$install"; \
		fi; \
	fi

$(VENV)/.torch: requirements/torch.txt | $(BIN)/python
	$(PIP) install -r requirements/torch.txt
	@touch $@

$(VENV)/.packages: requirements/dev.txt $(VENV)/.torch
	$(PIP) install -q -r requirements/dev.txt -c requirements/torch.txt
	@touch $@

$(VENV)/.installed: pyproject.toml $(VENV)/.packages
	$(PIP) install -q --no-deps --no-build-isolation -e .
	@touch $@
