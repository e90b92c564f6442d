# SPDX-License-Identifier: Apache-2.0
# drainsnoop: `make help` lists the targets.

VERSION := 0.1.0
BUILD   ?= build
PREFIX  ?= /usr/local
CC      ?= gcc
CLANG   ?= clang
BPFTOOL ?= $(shell command -v bpftool || echo /usr/sbin/bpftool)
LLVM_STRIP ?= llvm-strip
PKG_CONFIG ?= pkg-config

# The commit, for build_info: asked of git once it is needed, given with REVISION=..., else empty. Only
# of a repository that is this folder's own, also where somebody else's (sudo).
GIT := git --git-dir=.git --work-tree=. --no-optional-locks
REVISION ?= $(shell test -e .git && $(GIT) rev-parse --short=12 HEAD 2>/dev/null && \
	$(GIT) status --porcelain -uno 2>/dev/null | sed -n '1s/.*/-dirty/p')
REVISION_WORD = $(subst $() $(),,$(REVISION))

ifeq ($(SAN),1)
BUILD := build-san
SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
endif

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-8s %s\n' $(1) $(2)
endif

ARCH := $(shell uname -m | sed 's/x86_64/x86/; s/aarch64/arm64/')
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)

PKGS := libbpf libuv libmnl json-c libcurl expat yaml-0.1 libmicrohttpd
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2
CPPFLAGS += -D_GNU_SOURCE -DDS_VERSION='"$(VERSION)"' -I. -I$(BUILD)
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=gnu17 $(WARN) $(CFLAGS) $(SANFLAGS) $(if $(WERROR),-Werror) \
	-fstack-protector-strong -MMD -MP $(shell $(PKG_CONFIG) --cflags $(PKGS))
LIBS = $(shell $(PKG_CONFIG) --libs $(PKGS)) -lelf -lz
# The core is held to more: no silent narrowing.
CORE_CFLAGS := -Wconversion

BPF_CFLAGS := -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_$(ARCH) -Wall -Wextra -Wno-unused-parameter \
	-I. -Ibpf -Iinclude $(if $(MULTIARCH),-I/usr/include/$(MULTIARCH))

# Sorted: bpf/abi.bpf.c must be linked first (a note in that file says why).
BPF_SRC   := $(sort $(wildcard bpf/*.bpf.c))
BPF_OBJ   := $(BPF_SRC:%.bpf.c=$(BUILD)/%.bpf.o)
SKEL      := $(BUILD)/drainsnoop.skel.h
CORE_SRC  := $(wildcard user/core/*.c)
# util/ is pure but for these, which do I/O or ask for the time.
UTIL_IO   := user/util/clock.c user/util/log.c user/util/secret_file.c
UTIL_SRC  := $(filter-out $(UTIL_IO),$(wildcard user/util/*.c))
# What drainsnoop doctor concludes is as pure as the core; what it looks at is not.
JUDGE_SRC := $(wildcard user/doctor/judge_*.c) user/doctor/finding.c user/doctor/report.c user/doctor/rights.c
IO_SRC    := $(wildcard user/*.c user/source/*/*.c user/sink/*.c) $(UTIL_IO) \
	$(filter-out $(JUDGE_SRC),$(wildcard user/doctor/*.c))
MAIN_SRC  := user/main.c
obj = $(1:%.c=$(BUILD)/%.o)
CORE_LIB  := $(BUILD)/libdrainsnoop-core.a
IO_LIB    := $(BUILD)/libdrainsnoop-io.a
BIN       := $(BUILD)/drainsnoop
UNIT_SRC  := $(wildcard tests/unit/test_*.c)
UNIT_BIN  := $(UNIT_SRC:%.c=$(BUILD)/%)

.PHONY: FORCE all help test unit stages tap-share check-arch fuzz schema-check install uninstall image clean docs krew format
.DELETE_ON_ERROR:
.SECONDARY:

all: $(BIN) ## build drainsnoop (the default)

help: ## this list
	@printf 'Targets:\n'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18
	@printf 'Variables: V=1 (show commands), SAN=1 (ASan and UBSan, in build-san), WERROR=1, PREFIX, DESTDIR, CC, CLANG, REVISION\n'

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h) include/ds_record.h
	$(call say,BPF,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@
	$(Q)$(LLVM_STRIP) -g $@

$(BUILD)/drainsnoop.bpf.o: $(BPF_OBJ)
	$(call say,GEN,$@)
	$(Q)$(BPFTOOL) gen object $@ $(BPF_OBJ)

$(SKEL): $(BUILD)/drainsnoop.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name drainsnoop_bpf > $@

$(BUILD)/user/core/%.o: user/core/%.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(CORE_CFLAGS) -c $< -o $@

$(BUILD)/%.o: %.c | $(SKEL)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -c $< -o $@

# Written only where it changed, and so is what depends on it.
$(BUILD)/revision: FORCE
	@mkdir -p $(@D)
	@r='$(REVISION_WORD)'; [ -f $@ ] && [ "$$(cat $@)" = "$$r" ] || printf '%s' "$$r" > $@

$(BUILD)/user/main.o: $(BUILD)/revision
$(BUILD)/user/main.o: CPPFLAGS += -DDS_REVISION='"$(shell cat $(BUILD)/revision 2>/dev/null)"'

FORCE:

$(CORE_LIB): $(call obj,$(CORE_SRC) $(UTIL_SRC) $(JUDGE_SRC))
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(IO_LIB): $(call obj,$(filter-out $(MAIN_SRC),$(IO_SRC)))
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(BIN): $(call obj,$(MAIN_SRC)) $(IO_LIB) $(CORE_LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(SANFLAGS) $(LDFLAGS) $^ $(LIBS) -o $@

$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(IO_LIB) $(CORE_LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(SANFLAGS) $(LDFLAGS) $^ $(LIBS) -lcmocka -o $@

# Small programs that make one part of the product speak for itself.
$(BUILD)/tests/e2e/%: $(BUILD)/tests/e2e/%.o $(IO_LIB) $(CORE_LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(SANFLAGS) $(LDFLAGS) $^ $(LIBS) -o $@

STAGES := $(BUILD)/tests/bench/stages

$(STAGES): $(BUILD)/tests/bench/stages.o $(IO_LIB) $(CORE_LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(SANFLAGS) $(LDFLAGS) $^ $(LIBS) -ljson-c -o $@

stages: $(STAGES) ## what a record costs in user space, stage by stage
	$(Q)$(STAGES)

TAP_SHARE := $(BUILD)/tests/bench/tap_share

$(TAP_SHARE): $(BUILD)/tests/bench/tap_share.o $(CORE_LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(SANFLAGS) $(LDFLAGS) $^ -o $@

tap-share: $(TAP_SHARE) ## for which share of an hour the tap is on, by the core's own rule
	$(Q)$(TAP_SHARE)

unit: $(UNIT_BIN) ## build and run the unit tests
	@set -e; for t in $(sort $(UNIT_BIN)); do ASAN_OPTIONS=detect_leaks=1 $$t; done

check-arch: $(CORE_LIB) ## the core must do no I/O: checks its undefined symbols
	$(Q)tests/check-arch $(CORE_LIB)

test: unit check-arch ## unit tests and the architecture check (scripts/test runs everything)

fuzz: ## fuzz what reads bytes from outside, 60 s a target
	$(Q)tests/fuzz/run

schema-check: $(BIN) ## check the golden lines against the schema
	$(Q)tests/check-schema tests/golden/*.gz tests/golden/*.out

install: $(BIN) ## install below PREFIX (/usr/local), DESTDIR is honoured
	install -D -m 755 $(BIN) $(DESTDIR)$(PREFIX)/bin/drainsnoop
	install -D -m 644 docs/drainsnoop.8 $(DESTDIR)$(PREFIX)/share/man/man8/drainsnoop.8

uninstall: ## remove what install put there
	rm -f $(DESTDIR)$(PREFIX)/bin/drainsnoop $(DESTDIR)$(PREFIX)/share/man/man8/drainsnoop.8

# With ENGINE=podman, docker or buildah that engine builds deploy/Containerfile, and the image is in its store.
IMAGE := ghcr.io/drainsnoop/drainsnoop:$(VERSION)
ifdef ENGINE
image:
	$(ENGINE) build -f deploy/Containerfile -t $(IMAGE) --build-arg VERSION=$(VERSION) \
		--build-arg REVISION=$(REVISION_WORD) .
else
image: $(BIN) ## build the container image as an archive (ENGINE=podman: by that engine)
	$(Q)scripts/image --program $(BIN) --version $(VERSION) --strip $(LLVM_STRIP)
endif

# The same bytes each time: tar and gzip are told no dates and no names of users.
KREW := $(BUILD)/krew/kubectl-drainsnoop-$(VERSION).tar.gz

krew: ## archive and manifest of the kubectl plugin, for krew
	$(call say,TAR,$(KREW))
	$(Q)mkdir -p $(BUILD)/krew
	$(Q)tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 --mode=u=rwX,go=rX --format=ustar \
		-C deploy/kubectl -cf - kubectl-drainsnoop -C $(CURDIR) LICENSE | gzip -9n > $(KREW)
	$(Q)sed "s/@VERSION@/$(VERSION)/g; s/@SHA256@/$$(sha256sum $(KREW) | cut -d' ' -f1)/" \
		deploy/kubectl/drainsnoop.yaml > $(BUILD)/krew/drainsnoop.yaml

docs: $(BIN) ## write docs/events.md anew from the table of events
	$(BIN) schema --markdown > docs/events.md

format: ## clang-format the lines that are not committed yet
	git clang-format HEAD

clean: ## remove what was built
	rm -rf build build-san

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
