# Everything runs from .venv, which the first command makes and the next ones reuse.
# PYTHON is any Python from 3.10 to 3.13; naming one (make test PYTHON=python3.12) replaces a .venv that another one made.
# Most targets are doors to the typed command .venv/bin/spotkeeper: a variable is the option of the same name.

PYTHON ?= python3

RUN := .venv/bin/python -m
STAMP := .venv/.made-with
# On two cores; a core without work takes over half of the other's: a walk may take as long as a thousand other tests.
SPREAD := -n 2 --dist worksteal
INSTALL := $(RUN) pip install -qq --disable-pip-version-check --no-input --require-hashes

# The variables on make's command line; each has to be known to the target.
GIVEN := $(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(name)))
DOOR = @$(RUN) tools.cli.make $@ $(GIVEN)

help: ## list the commands (the default)
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 30

drill: $(STAMP) ## rescue an interrupted spot instance on the embedded cloud; EVENT=path delivers another event
	$(DOOR)

test: lint ## every check that CI runs; of the exhaustive walks a seeded sample
	$(RUN) pytest $(SPREAD)

lint: $(STAMP) ## the format, lint and type checks of `make test` alone, as pre-commit runs them
	$(RUN) ruff format --check
	$(RUN) ruff check
	$(RUN) mypy
	@for index in functions/*/index.py; do echo "$(RUN) mypy $$index"; $(RUN) mypy "$$index" || exit; done

test-full: $(STAMP) ## the tests with the exhaustive walks in full
	$(RUN) pytest $(SPREAD) -m ""

chaos: $(STAMP) ## kill it anywhere: all kills in all scenarios, then random faults for BUDGET=60 s; SEED=n, KIND=hook, REPLAY='schedule'
	$(DOOR)

bugs: $(STAMP) ## put deliberate bugs into copies of this tree, one at a time; make chaos has to catch each of them; BUGS='name, name'
	$(DOOR)

mutants: $(STAMP) ## change the decide modules in every place; their tests have to notice nine changes in ten
	$(DOOR)

check-deployment: $(STAMP) ## is s.yaml right? strictly and offline, with the DEPLOY_ variables that are set
	$(DOOR)

build: $(STAMP) ## build the layer and the functions into dist/
	$(DOOR)

package: $(STAMP) ## build, then zip dist/ for upload, the same bytes from the same sources: dist/layer.zip, dist/functions-<name>.zip
	$(DOOR)

bench: $(STAMP) ## build, then measure cold starts, as ratios to the official samples' style and to the floor; REPEAT=n
	$(DOOR)

permissions: $(STAMP) ## create or correct the functions' roles and policies and the journal bucket; shows first and asks
	$(DOOR)

deploy: $(STAMP) ## package, check, publish the layer, deploy the functions of s.yaml; shows first and asks
	$(DOOR)

undeploy: $(STAMP) ## remove the functions, their triggers and the layer; shows first and asks
	$(DOOR)

launch: $(STAMP) ## create a tagged spot instance to try with: VSWITCH=vsw-… SECURITY_GROUP=sg-…; without them it lists all variables
	$(DOOR)

simulate-interruption: $(STAMP) ## send CloudMonitor's simulated interruption event: INSTANCE=i-… REGION=…
	$(DOOR)

serverless-devs: ## install the Serverless Devs CLI of package.json into node_modules/ (needs Node 20)
	@command -v npm >/dev/null || { echo "There is no npm here: install Node 20 or later, https://nodejs.org" >&2; exit 2; }
	@npm ci --ignore-scripts --no-audit --no-fund

lock: $(STAMP) ## pin and hash what the requirements*.in name, after a change of one of them
	$(DOOR)

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
	@printf '#!/bin/sh\nexec "%s" "%s" "$$@"\n' "$(CURDIR)/.venv/bin/python" "$(CURDIR)/tools" >.venv/bin/spotkeeper
	@chmod +x .venv/bin/spotkeeper
	@echo "$(PYTHON)" >$@

# Targets that are no doors take no variables.
ifeq (,$(filter-out help test lint test-full serverless-devs clean,$(or $(MAKECMDGOALS),help)))
ifneq (,$(filter-out PYTHON CI,$(GIVEN)))
$(error $(strip $(filter-out PYTHON CI,$(GIVEN))) is unknown: make $(or $(MAKECMDGOALS),help) takes no variables but PYTHON)
endif
endif

ifneq ($(origin PYTHON),file)
ifneq ($(PYTHON),$(shell cat $(STAMP) 2>/dev/null))
.PHONY: $(STAMP)
endif
endif

.PHONY: help drill test lint test-full chaos bugs mutants check-deployment build package bench permissions deploy undeploy serverless-devs launch \
  simulate-interruption lock clean
