# The two commands: `make demo` and `make test`. Both create the virtual environment on first use.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# On a machine without an NVIDIA driver the pinned CPU versions are used; elsewhere the newest, with CUDA.
CONSTRAINTS ?= $(if $(shell command -v nvidia-smi 2>/dev/null),,constraints/cpu.txt)
STAMP := $(VENV)/.installed
PYTEST ?= $(BIN)/python -m pytest

# DVC starts `python`: it must be the environment's own.
export PATH := $(abspath $(BIN)):$(PATH)
export DO_NOT_TRACK := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false

.PHONY: install demo test test-slow test-all smoke-gpu lint format docs clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints/cpu.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 12) else "LCVD needs Python 3.11 or 3.12, found " + sys.version.split()[0] + "; name one: make PYTHON=python3.11 ...")'
	@command -v g++ >/dev/null || { echo "LCVD needs a C++ compiler (g++): DeepSpeed compiles a small part on first start"; exit 1; }
	@echo "Installing into $(VENV): some minutes, about 5 GB"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(addprefix -c ,$(CONSTRAINTS)) -e '.[quality,dev]'
	@touch $@
	@echo "Installed. \`. $(BIN)/activate\` puts lcvd and dvc on your path."

# make demo                      the clips of data/sources/demo.csv
# make demo CLIPS=path/to/folder your own clips as well
demo: install
ifdef CLIPS
	LCVD_CLIPS="$(abspath $(CLIPS))" $(BIN)/lcvd sources folder "$(CLIPS)"
else
	@$(BIN)/lcvd sources forget
endif
	$(BIN)/python -m tasks.ops.repair_dvc_lock
	LCVD_CLIPS="$(abspath $(CLIPS))" $(BIN)/dvc repro
	@echo
	@echo "Report: $(CURDIR)/data/evaluate/report.html"

# One thread a process: teams of threads that share cores with other processes wait for each other by spinning.
test: install
	OMP_NUM_THREADS=1 $(PYTEST) -n 2 --dist loadgroup -m "not slow" tests

test-slow: install
	OMP_NUM_THREADS=1 $(PYTEST) -n 2 --dist loadgroup -m slow tests

test-all: test test-slow

# Checks a machine's GPUs: prepare, train on one and on all, resume, evaluate, sample.
smoke-gpu: install
	$(BIN)/python -m scripts.smoke_gpu

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: install
	$(BIN)/mkdocs build --strict

clean:
	rm -rf .lcvd
