# make run     starts a meter and shows what it answers; ONCE=1 ends after the demonstration
# make test    runs the unit suite, on all cores
# make check   runs everything that CI runs
# make clean   removes what the above made
#
# Needs Python 3.11 or newer, nothing else: make PYTHON=python3.12 run

PYTHON ?= python3

.PHONY: run test check clean

run:
	@$(PYTHON) tools/venv.py
	@exec .venv/bin/slotmeter run $(ARGS)

test:
	@$(PYTHON) tools/venv.py --dev
	.venv/bin/python -bb -m pytest -q -n auto --dist worksteal -m "not slow" $(ARGS)

check:
	.ci/run

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
