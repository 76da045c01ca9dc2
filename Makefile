# One target a stage, and one command each to try Winnow and to test it.
#
#   make demo                                     install, then the whole pipeline on a small web
#   make test                                     install, then all tests
#   make extract RECIPE=webtext ROOT=build/run SET="data=DATA extract.max_seconds=20"
#   make all     RECIPE=real_pages SET="data=DATA"

PYTHON ?= python3
VENV   ?= .venv
RECIPE ?=
ROOT   ?= build/run
SET    ?=
MASTER ?=
ONLY   ?=
# A folder of real data, for the tests and benchmarks that use it: data/ here, or beside the checkout.
DATA   ?= $(abspath $(firstword $(wildcard data ../*/data) data))

# Two files of tests at a time; those with Spark start a session of two cores each.
TESTERS ?= --numprocesses 2 --dist loadfile --no-loadscope-reorder

BIN     := $(VENV)/bin
WINNOW  := $(BIN)/winnow
STAGES  := links fetch extract screen quality dedup contamination vocabulary mix tokenize train report
OPTIONS  = $(if $(RECIPE),--recipe $(RECIPE)) --root $(ROOT) $(foreach s,$(SET),--set $(s)) \
           $(if $(MASTER),--master $(MASTER))

.PHONY: help install demo all $(STAGES) test lint types check format package bench readme clean

help:
	@sed -n 's/^# \{0,1\}//p' Makefile | head -6

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[train,s3,fast,dev]'
	touch $@

demo: install
	$(WINNOW) demo --root build/demo

all $(STAGES): install
	$(WINNOW) run $@ $(OPTIONS)

test: install
	WINNOW_DATA=$(DATA) $(BIN)/python -m pytest $(TESTERS)

lint: install
	$(BIN)/ruff check .

types: install
	$(BIN)/mypy

check: lint types test

package: install
	$(WINNOW) package dist/winnow.zip

# Side by side with the peers, which live in an environment of their own; DATA is a folder of real data.
bench: install
	$(BIN)/python -m tests.benchmarks --data $(DATA) $(if $(ONLY),--only $(ONLY))

readme: install
	$(BIN)/python -m tests.readme

clean:
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache
