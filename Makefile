# Builds pybox: the server's library by PGXS, the transforms' libraries, three executables and the unit tests by rules of their own. Everything made
# goes below $(BUILD), except pybox.so, which PGXS wants here. `make help` lists the targets.

PG_CONFIG ?= pg_config
PKG_CONFIG ?= pkg-config
BUILD ?= build
SANITIZERS ?=
FAULTS ?=
SANITIZE_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

.DEFAULT_GOAL := all

# What people type beside all, install and clean. These do without PGXS, which has a `check` of its own.
FRONT := help setup check check-vm demo bench lint format sanitize valgrind install-plpython3u uninstall-plpython3u check-faults
.PHONY: all install clean $(FRONT) unit-tests faults

# What each binary is made of. A new file joins by its name.
POLICY_SRCS      := $(wildcard policies/policy*.c) sandbox/layer.c
SERVER_SRCS      := $(wildcard handler/*.c scheduler/*.c) $(POLICY_SRCS) sandbox/wire.c sandbox/wire_spin.c sandbox/control.c
LOCK_SRCS        := $(wildcard sandbox/capability.c sandbox/landlock.c)
LAUNCHER_SRCS    := $(wildcard sandbox/launcher*.c sandbox/jail*.c sandbox/cgroup*.c sandbox/seccomp*.c) \
                    $(LOCK_SRCS) sandbox/control.c $(POLICY_SRCS)
INTERPRETER_SRCS := $(wildcard sandbox/python*.c sandbox/lockdown*.c) \
                    $(LOCK_SRCS) sandbox/wire.c sandbox/wire_spin.c sandbox/layer.c sandbox/control.c
CLI_SRCS         := policies/cli.c $(POLICY_SRCS)
# The points at which tests stop processes or make them fail, tests/faults.tbl: no product has them.
ifneq ($(FAULTS),)
SERVER_SRCS      += sandbox/fault.c
LAUNCHER_SRCS    += sandbox/fault.c
INTERPRETER_SRCS += sandbox/fault.c
endif
TRANSFORMS       := hstore_pybox ltree_pybox
EXECUTABLES      := pybox-launcher pybox-interpreter pybox-policy

# What each unit test is linked with, beside itself; the default is the file of the same name.
UNIT_TESTS      := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*_test.c))
policy_test_SRCS  := $(POLICY_SRCS)
sandbox_test_SRCS := $(LAUNCHER_SRCS)
unit_srcs = $(or $($(1)_SRCS),$(wildcard */$(patsubst %_test,%,$(1)).c))

# --- the server's library ---------------------------------------------------------------------------------------------
MODULE_big := pybox
OBJS       := $(SERVER_SRCS:%.c=$(BUILD)/server/%.o)
EXTENSION  := $(patsubst %.control,%,$(wildcard sql/*.control))
DATA       := $(wildcard sql/*--*.sql)
DATA_built := $(patsubst sql/%.in,$(BUILD)/%,$(wildcard sql/*.sql.in))
HEADERS    := handler/transform.h
MODULE_MAP := handler/pybox.map
EXTRA_CLEAN := $(BUILD)
SCRIPTS_built := $(EXECUTABLES:%=$(BUILD)/%)

# The server's headers count as system headers: -Wextra is for our code. Two warnings are off: fmgr functions have to have
# their one parameter, and declarations stand where they are first needed.
WARNINGS    := -std=gnu11 -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wvla
FAULT_FLAGS := $(if $(FAULTS),-DPYBOX_FAULTS)
PG_CPPFLAGS  = -DNDEBUG $(FAULT_FLAGS) -isystem $(shell $(PG_CONFIG) --includedir-server)
PG_CFLAGS   := $(WARNINGS) -Wno-unused-parameter -Wno-declaration-after-statement
SHLIB_LINK   = -lyaml -Wl,-z,now $(if $(wildcard $(MODULE_MAP)),-Wl$(,)--version-script=$(MODULE_MAP))
, := ,
override with_llvm := no

PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
ifneq ($(filter $(FRONT),$(MAKECMDGOALS)),)
all install clean:
	@$(MAKE) $@
else ifneq ($(wildcard $(PGXS)),)
include $(PGXS)
$(shlib): $(wildcard $(MODULE_MAP))
else
all install:
	@echo "PostgreSQL's build files are missing: run 'make setup' first" >&2; exit 1
clean:
	rm -rf $(BUILD) pybox.so
endif

# A line @FILE@ stands for the text of sql/FILE.
$(BUILD)/%.sql: sql/%.sql.in $(wildcard sql/*.py)
	@mkdir -p $(@D)
	sed -E 's#^@([a-z_.]+)@$$#cat sql/\1#e' $< > $@.tmp && mv $@.tmp $@

$(BUILD)/server/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<

# Where PGXS does not put it: for builds beside the product's.
$(BUILD)/pybox.so: $(OBJS)
	$(CC) $(CFLAGS) $(LDFLAGS) $(LDFLAGS_SL) -shared -o $@ $^ $(SHLIB_LINK)

# --- the transforms' libraries, one for each file of handler/transforms: they need nothing of pybox but a header --------
$(BUILD)/%_pybox.so: $(BUILD)/server/handler/transforms/%.o
	$(CC) $(CFLAGS) $(LDFLAGS) $(LDFLAGS_SL) -shared -o $@ $<

ifneq ($(wildcard $(PGXS)),)
ifeq ($(filter $(FRONT),$(MAKECMDGOALS)),)
all: $(TRANSFORMS:%=$(BUILD)/%.so)
install: install-transforms
.PHONY: install-transforms
install-transforms: $(TRANSFORMS:%=$(BUILD)/%.so) | installdirs
	$(INSTALL_SHLIB) $^ '$(DESTDIR)$(pkglibdir)/'
endif
endif

# --- the executables: no flag and no header of the server's -------------------------------------------------------------
EXE_CFLAGS := $(WARNINGS) $(FAULT_FLAGS) -O2 -g -D_GNU_SOURCE -I. -fPIE -fstack-protector-strong -fstack-clash-protection \
              -fcf-protection -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
EXE_LDFLAGS := -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed
PYTHON_CFLAGS = $(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags python3-embed)) -I$(BUILD)
PYTHON_LIBS   = $(shell $(PKG_CONFIG) --libs python3-embed)
ERRCODES      = $(shell $(PG_CONFIG) --sharedir)/errcodes.txt

LAUNCHER_LIBS := -lseccomp -lcgroup -lyaml
objects = $(patsubst %.c,$(BUILD)/$(1)/%.o,$(2))

$(BUILD)/exe/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(EXE_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/python/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(EXE_CFLAGS) $(PYTHON_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/pybox-launcher: $(call objects,exe,$(LAUNCHER_SRCS))
	$(CC) $(EXE_LDFLAGS) -o $@ $^ $(LAUNCHER_LIBS)

$(BUILD)/pybox-policy: $(call objects,exe,$(CLI_SRCS))
	$(CC) $(EXE_LDFLAGS) -o $@ $^ -lyaml

$(BUILD)/pybox-interpreter: $(call objects,python,$(INTERPRETER_SRCS))
	$(CC) $(EXE_LDFLAGS) -o $@ $^ $(PYTHON_LIBS)

$(call objects,python,$(INTERPRETER_SRCS)): | $(BUILD)/errcodes_table.h
$(BUILD)/errcodes_table.h: ops/gen-errcodes
	@mkdir -p $(@D)
	ops/gen-errcodes $(ERRCODES) > $@.tmp && mv $@.tmp $@

$(BUILD)/floors: ops/floors.c
	@mkdir -p $(@D)
	$(CC) $(EXE_CFLAGS) $(EXE_LDFLAGS) -o $@ $<

# --- the unit tests: the pure rooms with their assertions and without their main ----------------------------------------
UNIT := $(BUILD)/unit$(if $(SANITIZERS),-sanitized)
UNIT_CFLAGS := $(WARNINGS) -O1 -g -D_GNU_SOURCE -I. -UNDEBUG $(SANITIZERS)

$(UNIT)/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	$(CC) $(UNIT_CFLAGS) -MMD -MP -c -o $@ $<

$(UNIT)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(UNIT_CFLAGS) -Dmain=tested_main -Wno-missing-prototypes -MMD -MP -c -o $@ $<

define unit_rule
$(UNIT)/$(1): $(UNIT)/tests/unit/$(1).o $(patsubst %.c,$(UNIT)/%.o,$(call unit_srcs,$(1)))
	$$(CC) $(SANITIZERS) -o $$@ $$^ -lcmocka $$(LAUNCHER_LIBS)
endef
$(foreach test,$(UNIT_TESTS),$(eval $(call unit_rule,$(test))))

# pybox with fault points, for tests/t/047_faults.pl; nothing of it is installed.
FAULT_BINARIES := pybox.so pybox-launcher pybox-interpreter
faults:
	$(MAKE) FAULTS=1 BUILD=$(BUILD)/faults $(FAULT_BINARIES:%=$(BUILD)/faults/%)

unit-tests: $(UNIT_TESTS:%=$(UNIT)/%)

-include $(wildcard $(BUILD)/*/*/*.d $(BUILD)/*/tests/unit/*.d)

# --- what people type -----------------------------------------------------------------------------------------------------
#: all        pybox.so, the libraries of transforms, pybox-launcher, pybox-interpreter and pybox-policy (the default)
#: install    into the directories that pg_config names
#: clean      remove what was built

ifneq ($(filter $(FRONT),$(MAKECMDGOALS)),)
#: help       this list
help:
	@sed -n 's/^#: /make /p' $(firstword $(MAKEFILE_LIST)) | sort

#: setup      install the Debian packages that are missing (as root), or say which
setup:
	@ops/setup

#: check      set up, build, install and run all tests
check: setup
	@tests/run

#: check-vm   limits, kills and delegation on Debian's kernel with cgroup v2 and systemd, in qemu (as root; ten minutes)
check-vm: setup
	@tests/vm/run

#: check-faults  every fault point of tests/faults.tbl, and 200 processes that die in random order
check-faults: setup
	@PYBOX_TEST_FAULTS=all PYBOX_TEST_KILLS=200 tests/run tests/t/014_crash.pl tests/t/047_faults.pl tests/t/048_environment.pl

#: demo       set up, build, install, and tell the whole story on a server of its own (KEEP=1 leaves it running)
demo: setup
	@ops/demo

#: bench      measure against plpython3u and write $(BUILD)/bench.json (ONLY=T1,A1 selects)
bench: setup
	@ops/bench $(ONLY)

#: lint       doors between the rooms, sizes, exported symbols, format
lint: setup
	@ops/lint

#: format     rewrite the C files as .clang-format says
format:
	clang-format -i $(wildcard handler/*.[ch] handler/transforms/*.c scheduler/*.[ch] policies/*.[ch] sandbox/*.[ch] tests/unit/*.[ch] ops/*.[ch])

#: install-plpython3u  under PL/Python's own names too: CREATE EXTENSION plpython3u; refused where PL/Python is installed
#: uninstall-plpython3u  remove what that installed
install-plpython3u:
	@ops/install && ops/plpython3u install
uninstall-plpython3u:
	@ops/plpython3u uninstall

#: sanitize   unit tests under the address and undefined-behaviour sanitizers
sanitize: setup
	$(MAKE) SANITIZERS='$(SANITIZE_FLAGS)' unit-tests
	@for test in $(UNIT_TESTS); do echo "$$test" && $(BUILD)/unit-sanitized/$$test || exit 1; done

#: valgrind   the regression themes on a server whose backends run under valgrind (THEMES="set spi" selects)
valgrind: setup
	@ops/valgrind $(THEMES)
endif
