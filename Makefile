# `make run` starts st2d from this directory; `make test` is everything CI checks. Both install what they miss and
# can be run again at any time. CARGO_TARGET_DIR is respected; ARGS goes to st2d.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# Where rustup puts cargo, for shells that were open before it.
export PATH := $(PATH):$(HOME)/.cargo/bin
# Queries are checked against .sqlx, which is committed: a build needs no database.
export SQLX_OFFLINE ?= true
target := $(or $(CARGO_TARGET_DIR),target)
PREFIX ?= /usr/local

.PHONY: help run build install test bench conformance sqlx
help:
	@echo 'make run          install what is missing, build, start st2d (ARGS="--api-listen 0.0.0.0:9101" …)'
	@echo 'make build        build st2d and st2 in release mode: $(target)/release'
	@echo 'make install      put them into $(PREFIX)/bin, a systemd unit and /etc/st2/st2.toml beside (as root)'
	@echo 'make test         everything CI checks: form, lints, docs, queries, tests, licences'
	@echo 'make conformance  replay the recorded behaviour of StackStorm against st2d'
	@echo 'make bench        measure, and print one table of ratios'
	@echo 'make sqlx         write .sqlx anew after a change of a query or a migration'

run: build
	@echo '== starting st2d; Ctrl-C stops it'
	@exec $(target)/release/st2d $(ARGS)

build:
	@.ci/ground.sh run
	@echo '== building st2d and st2 in release mode (some minutes the first time)'
	cargo build --release --locked

# Does not build, so that root need not have Rust.
install:
	@test -x $(target)/release/st2d || { echo 'Run `make build` first.' >&2; exit 1; }
	install -D -m 0755 -t $(DESTDIR)$(PREFIX)/bin $(target)/release/st2d $(target)/release/st2
	install -m 0755 bin/st2ctl $(DESTDIR)$(PREFIX)/bin/st2ctl
	for tool in $$(find bin -type l); do ln -sf st2ctl $(DESTDIR)$(PREFIX)/$$tool; done
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/doc/st2d README.md
	install -d $(DESTDIR)$(PREFIX)/share/doc/st2
	cp -r packs/examples $(DESTDIR)$(PREFIX)/share/doc/st2/
	test -e $(DESTDIR)/etc/st2/st2.toml || install -D -m 0600 -t $(DESTDIR)/etc/st2 st2.toml
	install -d $(DESTDIR)/etc/systemd/system
	sed 's,/usr/local,$(PREFIX),' docs/st2d.service >$(DESTDIR)/etc/systemd/system/st2d.service
	@echo '== now: systemctl daemon-reload && systemctl enable --now st2d'

test:
	@.ci/ground.sh test
	@.ci/check.sh

sqlx:
	@.ci/ground.sh test
	.ci/with-postgres.sh cargo sqlx prepare -- --all-targets

bench: build
	@benches/run.sh $(ARGS)

conformance: build
	@.ci/conformance.sh $(ARGS)
