# SPDX-License-Identifier: GPL-3.0-or-later
# A thin front for Meson. `make demo` and `make check` do all the set-up
# themselves (as root on Debian 12: missing packages are installed).

BUILD ?= build
MESON_FLAGS ?=
# Isolation level of the test suites: process, vm or hypervisor. make demo has
# process and hypervisor.
LEVEL ?= process

.PHONY: all setup demo check check-long theft theft-peers bench install clean format

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD)

$(BUILD)/build.ninja:
	@scripts/setup.sh build
	@meson setup $(BUILD) -Dwerror=true $(MESON_FLAGS)

setup:
	@scripts/setup.sh test

demo:
	@scripts/setup.sh demo $(if $(filter hypervisor,$(LEVEL)),guest)
	@$(MAKE) --no-print-directory all
	@demo/demo --build $(BUILD) --level $(LEVEL)

check: setup
	@scripts/check --build $(BUILD) --level $(LEVEL)

check-long: setup
	@scripts/check --build $(BUILD) --level $(LEVEL) --long

theft: setup
	@$(MAKE) --no-print-directory all
	@LSAISO_BUILD=$(BUILD) tests/theft/matrix --guest

theft-peers:
	@scripts/setup.sh theft-peers
	@$(MAKE) --no-print-directory all
	@tests/theft/peers --build $(BUILD) --write docs/theft-peers.md

bench:
	@scripts/setup.sh test
	@$(MAKE) --no-print-directory all
	@bench/run --build $(BUILD)

install: all
	@meson install -C $(BUILD) --no-rebuild

format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i

clean:
	@rm -rf $(BUILD) $(BUILD)-*
