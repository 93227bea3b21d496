# `make help` lists what people call. Targets without a ## comment are steps of those, or of the Dockerfile.

PYTHON_IN_VENV := .venv/bin/python
PACKAGES := server frontend booking payment video notifications base sandbox tests tools
# Where the image's files are put together; the Dockerfile copies them from there.
IMAGE ?= /opt/schalter
ONLY ?=
SEEDS ?= 10000

.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / && $$1 != "help" { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

.PHONY: run
run: venv-run assets ## The whole product on this machine: http://localhost:8080 (PORT, DATA_DIR, DATABASE_URL)
	@exec $(PYTHON_IN_VENV) -m server.demo

.PHONY: test
test: venv-dev assets chromium debian ## Every test; does its own set-up (SCALE=ci|full)
	@CHROMIUM="$$(tools/chromium.sh)" PYTHON="$(PYTHON_IN_VENV)" tools/test.sh

.PHONY: check
check: venv-dev ## Format, lint, types, layers, licences
	$(PYTHON_IN_VENV) -m ruff format --check .
	$(PYTHON_IN_VENV) -m ruff check .
	$(PYTHON_IN_VENV) -m mypy
	$(PYTHON_IN_VENV) .venv/bin/lint-imports --no-logo
	$(PYTHON_IN_VENV) -m reuse --no-multiprocessing lint --quiet || $(PYTHON_IN_VENV) -m reuse --no-multiprocessing lint

.PHONY: test-fast
test-fast: venv-dev assets ## Without browser, races, faults and simulation: while you work
	@$(PYTHON_IN_VENV) -m pytest --ignore=tests/browser --ignore=tests/races --ignore=tests/faults --ignore=tests/payment/test_simulation.py

.PHONY: bench
bench: venv-dev assets ## Measure into build/bench.json (ONLY=booking for one group; GROWTH=10)
	@$(PYTHON_IN_VENV) -m tests.bench

.PHONY: prove-booking
prove-booking: venv-dev assets ## The tests of the booking engine at full size; goes on where it was stopped
	@$(PYTHON_IN_VENV) -m tests.prove booking

.PHONY: simulate
simulate: venv-dev ## Hostile histories of payments and mutants of the product (SEEDS=10000)
	@$(PYTHON_IN_VENV) -m tests.payment.simulate --seeds $(SEEDS)

.PHONY: contract
contract: venv-dev chromium ## What we rely on, told by the vendors' test systems (STRIPE_TEST_KEY, XBEZAHL_TEST_API_BASE)
	@$(PYTHON_IN_VENV) -m tests.payment.contract

.PHONY: migrate
migrate: venv-run ## Bring the database of DATABASE_URL up to date
	@$(PYTHON_IN_VENV) -m server migrate

.PHONY: openapi
openapi: venv-run ## Write openapi.json from the endpoint tables
	@$(PYTHON_IN_VENV) -m server openapi

.PHONY: i18n
i18n: venv-run ## Collect texts into base/locale; fails on gaps
	@$(PYTHON_IN_VENV) tools/i18n.py

.PHONY: golden
golden: venv-dev assets ## Write the checked-in expected files anew
	@GOLDEN=1 $(PYTHON_IN_VENV) -m pytest $$(grep -rl --include='test_*.py' check_golden tests)

.PHONY: clean
clean: ## Remove what was built and cached; data (.data) and the environment (.venv) stay
	rm -rf build node_modules frontend/static .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find $(PACKAGES) -name __pycache__ -prune -exec rm -rf {} +

.PHONY: venv-run venv-dev assets chromium debian
venv-run:
	@tools/venv.sh demo

venv-dev:
	@tools/venv.sh dev

assets:
	@tools/venv.sh bare
	@tools/assets.sh

chromium: venv-dev
	@tools/chromium.sh >/dev/null

debian:
	@tools/debian.sh

# The RUN lines of the Dockerfile. A test runs them with IMAGE set to a temporary folder.

.PHONY: image-deps image-assets image-app
image-deps:
	python3 -m venv $(IMAGE)
	$(IMAGE)/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements/run.txt

image-assets: assets

image-app:
	python3 -m venv build/image
	build/image/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r tools/wheel.txt
	build/image/bin/python -m pip --disable-pip-version-check --quiet wheel --no-deps --no-build-isolation --wheel-dir build/image/wheel .
	$(IMAGE)/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --no-index build/image/wheel/schalter-*.whl
	rm -rf build/image
