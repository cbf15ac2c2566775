# What is built stays outside the checkout, so that several checkouts share it and `git clean` is cheap.
MUSTER_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/muster
CARGO_TARGET_DIR ?= $(MUSTER_CACHE)/target
export CARGO_TARGET_DIR

# Queries are checked against .sqlx, also when the environment names a database.
export SQLX_OFFLINE ?= true

XTASK = cargo xtask
SETUP = ./deploy/setup.sh

.DEFAULT_GOAL := help
.PHONY: help start stop test setup doctor fmt lint sqlx-prepare

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z%-]+:.*## /{ printf "make %-13s %s\n", $$1, $$2 }' Makefile

start: ## Install what is missing, build, and run Muster at http://127.0.0.1:7000 (PORT=… for another port)
	@$(SETUP)
	@$(XTASK) start

stop: ## Stop the Muster that runs from this folder
	@$(XTASK) stop

test: ## Install what tests need and run all of them (ONLY=fmt,clippy,… for some)
	@$(SETUP) --tests
	@$(XTASK) test $(if $(ONLY),--only $(ONLY))

setup: ## Install what is missing for running and for tests
	@$(SETUP) --tests

doctor: ## Look for what is wrong and how to put it right
	@status=0; $(SETUP) --check || status=$$?; $(XTASK) doctor || status=$$?; exit $$status

fmt: ## Format the code
	cargo fmt --all

lint: ## Everything the tests check without running the product
	@$(XTASK) test --only fmt,clippy,direction,licences

bench-%: ## Measure, for instance `make bench-pages`
	@$(XTASK) bench $*

sqlx-prepare: ## Check all SQL against a fresh database and keep the answers in .sqlx
	@$(XTASK) sqlx-prepare
