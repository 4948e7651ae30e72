# The two commands of this project are `make demo` and `make test`; both do all set-up.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DEMO   ?= demo-biobank
PERSONS ?= 1000

.PHONY: env demo test check bench clean constraints
env: $(VENV)/.complete

$(VENV)/.complete: constraints.txt pyproject.toml
	PYTHON="$(PYTHON)" sh scripts/make_env.sh $(VENV)

demo: env
	$(BIN)/biobraid demo $(DEMO) --persons $(PERSONS)

test: env
	$(BIN)/python -m pytest -n 2 --dist loadgroup

check: env
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_tree.py

bench: env
	$(BIN)/python -m benchmarks ukb_wide
	$(BIN)/python -m benchmarks spine
	$(BIN)/python -m benchmarks fhir
	$(BIN)/python -m benchmarks vocabulary
	$(BIN)/python -m benchmarks dicom

# The exact, hash-checked set of dependencies; needs uv. Holds no registry's address.
constraints:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --no-emit-find-links --extra dev pyproject.toml -o constraints.txt

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -rf $(DEMO) $(DEMO).deliveries $(DEMO).truth
