# Everything runs from .venv, which the first command makes and the next ones reuse.
# PYTHON is any Python from 3.10 to 3.13; naming one (make test PYTHON=python3.12) replaces a .venv that another one made.

PYTHON ?= python3
EVENT ?= events/interruption.cloudmonitor.json
BUDGET ?= 60

RUN := .venv/bin/python -m
STAMP := .venv/.made-with
INSTALL := $(RUN) pip install -qq --disable-pip-version-check --no-input --require-hashes

help: ## list the commands (the default)
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

drill: $(STAMP) ## rescue an interrupted spot instance on the embedded cloud; EVENT=path delivers another event
	@$(RUN) simulator.drill "$(EVENT)"

test: lint ## every check that CI runs; of the exhaustive walks a seeded sample
	$(RUN) pytest -n 2

lint: $(STAMP) ## the format, lint and type checks of `make test` alone, as pre-commit runs them
	$(RUN) ruff format --check
	$(RUN) ruff check
	$(RUN) mypy
	@for index in functions/*/index.py; do echo "$(RUN) mypy $$index"; $(RUN) mypy "$$index" || exit; done

test-full: $(STAMP) ## the tests with the exhaustive walks in full
	$(RUN) pytest -n 2 -m ""

chaos: $(STAMP) ## kill it anywhere: all kills in all scenarios, then random faults for BUDGET=60 s; SEED=n, REPLAY='schedule'
	@$(RUN) chaos --budget "$(BUDGET)" --seed "$(SEED)" --replay '$(REPLAY)'

bugs: $(STAMP) ## put ten deliberate bugs into copies of this tree, one at a time; make chaos has to catch each of them
	@$(RUN) tools.bugs

mutants: $(STAMP) ## change the decide modules in every place; their tests have to notice nine changes in ten
	@$(RUN) tools.mutants

check-deployment: $(STAMP) ## is s.yaml right? strictly and offline, with the DEPLOY_ variables that are set
	@$(RUN) tools.deployment s.yaml

build: $(STAMP) ## build the layer and the functions into dist/
	@$(RUN) tools.build

package: build ## zip dist/ for upload, the same bytes from the same sources: dist/layer.zip, dist/functions-<name>.zip
	@$(RUN) tools.package

bench: build ## what a cold start costs, as ratios to the official samples' style and to the floor; REPEAT=n
	@REPEAT="$(REPEAT)" $(RUN) tools.bench

permissions: $(STAMP) ## show what it would do to the functions' roles and policies and to the journal bucket; APPLY=true does it
	@$(RUN) tools.permissions $(if $(filter true,$(APPLY)),--apply)

deploy: $(STAMP) ## package, check, publish the layer, deploy the functions of s.yaml; DRY_RUN=true only shows what it would do
	@$(RUN) tools.deploy ready
	@$(MAKE) --no-print-directory package
	@$(RUN) tools.deploy deploy

undeploy: $(STAMP) ## remove the functions, their triggers and the layer again; DRY_RUN=true only shows what would go
	@$(RUN) tools.deploy undeploy

serverless-devs: ## install the Serverless Devs CLI of package.json into node_modules/ (needs Node 20)
	@command -v npm >/dev/null || { echo "There is no npm here: install Node 20 or later, https://nodejs.org" >&2; exit 2; }
	@npm ci --ignore-scripts --no-audit --no-fund

launch: $(STAMP) ## create one tagged spot instance to try with: VSWITCH=vsw-… SECURITY_GROUP=sg-…; without them it lists all variables
	@$(RUN) tools.launch launch $(MAKEOVERRIDES)

simulate-interruption: $(STAMP) ## send CloudMonitor's simulated interruption event: INSTANCE=i-… REGION=…
	@$(RUN) tools.launch simulate $(MAKEOVERRIDES)

lock: $(STAMP) ## pin and hash what the requirements*.in name, after a change of one of them
	@$(RUN) tools.lock

clean: ## remove everything that the other commands made
	rm -rf .venv dist .dist-* .cache .hypothesis .mypy_cache .pytest_cache .ruff_cache node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): requirements-build.txt requirements.txt requirements-dev.txt
	@command -v "$(PYTHON)" >/dev/null || { \
	  echo "Spotkeeper needs Python 3.10 to 3.13, and there is no $(PYTHON) here. Install one, or name yours: make PYTHON=/path/to/python3" >&2; exit 2; }
	@"$(PYTHON)" -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 10) <= v <= (3, 13) else \
	  "Spotkeeper needs Python 3.10 to 3.13, and $(PYTHON) is %d.%d. Name another: make PYTHON=python3.12" % v)'
	@echo "Setting up .venv (once, about a minute) ..."
	@"$(PYTHON)" -m venv --clear .venv
	@$(INSTALL) -r requirements-build.txt
	@$(INSTALL) --no-build-isolation --use-pep517 -r requirements.txt -r requirements-dev.txt
	@echo "$(PYTHON)" >$@

ifneq ($(origin PYTHON),file)
ifneq ($(PYTHON),$(shell cat $(STAMP) 2>/dev/null))
.PHONY: $(STAMP)
endif
endif

.PHONY: help drill test lint test-full chaos bugs mutants check-deployment build package bench permissions deploy undeploy serverless-devs launch \
  simulate-interruption lock clean
