# Builds pybox: the server's library by PGXS, the transforms' libraries, the executables and the unit tests by rules of their own. Everything made
# goes below $(BUILD), except pybox.so, which PGXS wants here. `make help` lists the targets.

PG_CONFIG ?= pg_config
PKG_CONFIG ?= pkg-config
BUILD ?= build
SANITIZERS ?=
FAULTS ?=
SANITIZE_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

.DEFAULT_GOAL := all

# What people type beside all, install and clean. These do without PGXS, which has a `check` of its own.
FRONT := help setup check check-faults check-hostile check-limits check-protocol check-sanitized check-stress check-vm demo bench screens lint format sanitize fuzz \
         valgrind install-plpython3u uninstall-plpython3u
.PHONY: all install clean $(FRONT) unit-tests faults

# What each binary is made of. A new file joins by its name.
POLICY_SRCS      := $(wildcard policies/policy*.c) sandbox/layer.c
SERVER_SRCS      := $(wildcard handler/*.c scheduler/*.c) $(POLICY_SRCS) sandbox/wire.c sandbox/wire_spin.c sandbox/control.c
LOCK_SRCS        := $(wildcard sandbox/capability.c sandbox/landlock.c)
LAUNCHER_SRCS    := $(wildcard sandbox/launcher*.c sandbox/jail*.c sandbox/cgroup*.c sandbox/seccomp*.c) \
                    $(LOCK_SRCS) sandbox/control.c $(POLICY_SRCS)
INTERPRETER_SRCS := $(wildcard sandbox/python*.c sandbox/lockdown*.c) \
                    $(LOCK_SRCS) sandbox/wire.c sandbox/wire_spin.c sandbox/layer.c sandbox/control.c
SIMULATOR_SRCS   := $(wildcard policies/simulate*.c policies/trace*.c scheduler/queue*.c) policies/option.c $(wildcard scheduler/history*.c)
CLI_SRCS         := $(wildcard policies/cli*.c) $(POLICY_SRCS) $(SIMULATOR_SRCS)
TOP_SRCS         := $(wildcard ops/top*.c)
TOP_PURE_SRCS    := $(filter-out ops/top_main.c ops/top_link.c ops/top_screen.c,$(TOP_SRCS))
# The launcher's own probes in a program of their own.
DOCTOR_SRCS      := $(wildcard sandbox/doctor*.c sandbox/launcher_layer.c sandbox/launcher_probe*.c sandbox/launcher_cause.c) \
                    $(wildcard sandbox/launcher_machine.c sandbox/jail*.c sandbox/cgroup*.c sandbox/seccomp*.c) $(LOCK_SRCS) $(POLICY_SRCS)
# The points at which tests stop processes or make them fail, tests/faults.tbl: no product has them.
ifneq ($(FAULTS),)
SERVER_SRCS      += sandbox/fault.c
LAUNCHER_SRCS    += sandbox/fault.c
INTERPRETER_SRCS += sandbox/fault.c
endif
TRANSFORMS       := hstore_pybox ltree_pybox
EXECUTABLES      := pybox pybox-launcher pybox-interpreter pybox-policy pybox-top

# What each unit test is linked with, beside itself; the default is the file of the same name.
UNIT_TESTS      := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*_test.c))
policy_test_SRCS  := $(POLICY_SRCS)
policy_read_test_SRCS := $(POLICY_SRCS)
rule_test_SRCS    := scheduler/rule.c $(POLICY_SRCS)
policy_diff_test_SRCS := $(POLICY_SRCS)
policy_assign_test_SRCS := $(POLICY_SRCS)
sandbox_test_SRCS := $(LAUNCHER_SRCS)
seccomp_test_SRCS := $(wildcard sandbox/seccomp*.c)
watch_test_SRCS   := $(LAUNCHER_SRCS)
STAT_SRCS         := $(wildcard scheduler/stat_histogram.c scheduler/stat_counters.c scheduler/stat_table.c scheduler/stat_file.c scheduler/history*.c)
rank_test_SRCS    := $(wildcard scheduler/queue*.c scheduler/history*.c)
stat_test_SRCS    := $(STAT_SRCS)
$(foreach test,$(filter top_%,$(UNIT_TESTS)),$(eval $(test)_SRCS := $(TOP_PURE_SRCS)))
$(foreach test,$(filter queue%_test,$(UNIT_TESTS)),$(eval $(test)_SRCS := $(wildcard scheduler/queue*.c)))
# It includes two of the files, to come in between their steps.
queue_step_test_SRCS := $(filter-out scheduler/queue.c scheduler/queue_count.c,$(wildcard scheduler/queue*.c))
# Those with threads.
THREAD_TESTS    := queue_fast_test
trace_test_SRCS := $(POLICY_SRCS) $(SIMULATOR_SRCS)
scheduling_test_SRCS := $(POLICY_SRCS) $(SIMULATOR_SRCS)
simulate_test_SRCS := $(POLICY_SRCS) $(SIMULATOR_SRCS)
unit_srcs = $(or $($(1)_SRCS),$(wildcard */$(patsubst %_test,%,$(1)).c))

# What each fuzz target is linked with; control_fuzz.c includes one of the launcher's files and stands in for another.
FUZZ_TARGETS      := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*_fuzz.c))
policy_fuzz_SRCS  := $(POLICY_SRCS)
trace_fuzz_SRCS   := $(POLICY_SRCS) $(SIMULATOR_SRCS)
wire_fuzz_SRCS    := sandbox/wire.c
stat_fuzz_SRCS    := $(STAT_SRCS)
control_fuzz_SRCS := $(filter-out sandbox/launcher_zygote_process.c sandbox/launcher_log.c,$(LAUNCHER_SRCS))

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
$(BUILD)/%.sql: sql/%.sql.in $(wildcard sql/*.py sql/workload_*.sql)
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
EXE_CFLAGS := $(WARNINGS) $(FAULT_FLAGS) -O2 -g -D_GNU_SOURCE -I. -I$(BUILD) -fPIE -fstack-protector-strong -fstack-clash-protection \
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

$(BUILD)/pybox: $(call objects,exe,$(DOCTOR_SRCS))
	$(CC) $(EXE_LDFLAGS) -o $@ $^ $(LAUNCHER_LIBS)

$(BUILD)/pybox-policy: $(call objects,exe,$(CLI_SRCS))
	$(CC) $(EXE_LDFLAGS) -o $@ $^ -lyaml -lmd -lm

# A client: it may use libpq and curses, and nothing of the server's.
TOP_LIBS := -lpq -lncursesw -ltinfo
LIBPQ_CFLAGS = -isystem $(shell $(PG_CONFIG) --includedir)
$(foreach folder,exe sanitized/exe,$(BUILD)/$(folder)/ops/top_link.o): EXE_CFLAGS += $(LIBPQ_CFLAGS)
$(BUILD)/pybox-top: $(call objects,exe,$(TOP_SRCS))
	$(CC) $(EXE_LDFLAGS) -o $@ $^ $(TOP_LIBS)

$(BUILD)/pybox-interpreter: $(call objects,python,$(INTERPRETER_SRCS))
	$(CC) $(EXE_LDFLAGS) -o $@ $^ $(PYTHON_LIBS)

$(call objects,python,$(INTERPRETER_SRCS)): | $(BUILD)/errcodes_table.h
$(BUILD)/errcodes_table.h: ops/gen-errcodes
	@mkdir -p $(@D)
	ops/gen-errcodes $(ERRCODES) > $@.tmp && mv $@.tmp $@

UNIT := $(BUILD)/unit$(if $(SANITIZERS),-sanitized)

# The lists of system calls, as rows for sandbox/seccomp_list.c.
SECCOMP_LISTS := $(patsubst sandbox/%.list,$(BUILD)/%.inc,$(wildcard sandbox/seccomp_*.list))
$(foreach folder,exe unit unit-sanitized sanitized/exe fuzz,$(BUILD)/$(folder)/sandbox/seccomp_list.o): $(SECCOMP_LISTS)
$(BUILD)/seccomp_%.inc: sandbox/seccomp_%.list ops/gen-seccomp
	@mkdir -p $(@D)
	ops/gen-seccomp $< > $@.tmp && mv $@.tmp $@

$(BUILD)/floors: ops/floors.c
	@mkdir -p $(@D)
	$(CC) $(EXE_CFLAGS) $(EXE_LDFLAGS) -o $@ $<

# --- the server's library, launcher and interpreter under the sanitizers, for a server of their own (ops/watched-tree) -----
SANITIZED := $(BUILD)/sanitized
.PHONY: sanitized
sanitized: $(SANITIZED)/pybox.so $(SANITIZED)/untranslated.so $(SANITIZED)/pybox-launcher $(SANITIZED)/pybox-interpreter $(SANITIZED)/pybox-top

$(SANITIZED)/server/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(filter-out -O2,$(CFLAGS)) -O1 $(CPPFLAGS) $(SANITIZE_FLAGS) -U_FORTIFY_SOURCE -MMD -MP -c -o $@ $<

$(SANITIZED)/exe/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(filter-out -D_FORTIFY_SOURCE=2,$(EXE_CFLAGS)) $(SANITIZE_FLAGS) -MMD -MP -c -o $@ $<

$(SANITIZED)/python/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(filter-out -D_FORTIFY_SOURCE=2,$(EXE_CFLAGS)) $(PYTHON_CFLAGS) $(SANITIZE_FLAGS) -MMD -MP -c -o $@ $<

$(call objects,sanitized/python,$(INTERPRETER_SRCS)): | $(BUILD)/errcodes_table.h

$(SANITIZED)/pybox.so: $(SERVER_SRCS:%.c=$(SANITIZED)/server/%.o)
	$(CC) $(CFLAGS) $(SANITIZE_FLAGS) -shared -o $@ $^ $(SHLIB_LINK)

$(SANITIZED)/untranslated.so: ops/untranslated.c
	@mkdir -p $(@D)
	$(CC) $(WARNINGS) -O1 -fPIC -shared -o $@ $<

$(SANITIZED)/pybox-launcher: $(call objects,sanitized/exe,$(LAUNCHER_SRCS) ops/sanitized.c)
	$(CC) $(EXE_LDFLAGS) $(SANITIZE_FLAGS) -static-libasan -static-libubsan -Wl,--wrap=dup2 -o $@ $^ $(LAUNCHER_LIBS)

$(SANITIZED)/pybox-interpreter: $(call objects,sanitized/python,$(INTERPRETER_SRCS) ops/sanitized.c)
	$(CC) $(EXE_LDFLAGS) $(SANITIZE_FLAGS) -static-libasan -static-libubsan -Wl,--wrap=dup2 -o $@ $^ $(PYTHON_LIBS)

$(SANITIZED)/pybox-top: $(call objects,sanitized/exe,$(TOP_SRCS))
	$(CC) $(EXE_LDFLAGS) $(SANITIZE_FLAGS) -o $@ $^ $(TOP_LIBS)

-include $(wildcard $(SANITIZED)/*/*/*.d)

$(BUILD)/without: ops/without.c
	@mkdir -p $(@D)
	$(CC) $(EXE_CFLAGS) $(EXE_LDFLAGS) -o $@ $< -lseccomp

# --- the hostile suite's programs: ours, but for the filter, so that it shows what the other layers hold. Never installed.
UNFILTERED := $(BUILD)/unfiltered
$(UNFILTERED)/pybox-launcher: $(call objects,exe,$(filter-out sandbox/seccomp_compile.c,$(LAUNCHER_SRCS)) tests/hostile/unfiltered_compile.c)
	@mkdir -p $(@D)
	$(CC) $(EXE_LDFLAGS) -o $@ $^ $(LAUNCHER_LIBS)

$(UNFILTERED)/pybox-interpreter: $(call objects,python,$(filter-out sandbox/lockdown_check.c,$(INTERPRETER_SRCS)) tests/hostile/unfiltered_check.c)
	@mkdir -p $(@D)
	$(CC) $(EXE_LDFLAGS) -o $@ $^ $(PYTHON_LIBS)

# --- programs of `make bench ONLY=R3`: ours, one of which measures its lock-down, and ours without layers. Never installed.
LAYERCOST := $(BUILD)/timed/pybox-interpreter $(BUILD)/bare/pybox-interpreter $(BUILD)/bare/pybox-launcher
.PHONY: layercost
layercost: $(LAYERCOST)
$(BUILD)/%/pybox-interpreter: $(call objects,python,$(INTERPRETER_SRCS)) $(BUILD)/python/ops/layercost/%_child.o
	@mkdir -p $(@D)
	$(CC) $(EXE_LDFLAGS) -Wl,--wrap=lockdown_apply -o $@ $^ $(PYTHON_LIBS)

$(BUILD)/bare/pybox-launcher: $(call objects,exe,$(LAUNCHER_SRCS) ops/layercost/bare_jail.c)
	@mkdir -p $(@D)
	$(CC) $(EXE_LDFLAGS) -Wl,--wrap=jail_seccomp_apply,--wrap=jail_landlock_apply -o $@ $^ $(LAUNCHER_LIBS)

# --- the program of `make bench ONLY=D1`: the queue as it is in the server, on its own. Never installed.
$(BUILD)/queue_cost: $(call objects,exe,$(wildcard scheduler/queue*.c scheduler/history*.c) ops/queue_cost.c)
	@mkdir -p $(@D)
	$(CC) $(EXE_LDFLAGS) -o $@ $^ -lm

# --- programs of t/041_sweep.pl: ours, but a call that the filter refuses has an error of its own. Never installed.
SENTINEL := $(BUILD)/sentinel
$(SENTINEL)/pybox-launcher: $(call objects,exe,$(LAUNCHER_SRCS) tests/sweep/sentinel_compile.c)
	@mkdir -p $(@D)
	$(CC) $(EXE_LDFLAGS) -Wl,--wrap=seccomp_compile -o $@ $^ $(LAUNCHER_LIBS)

$(SENTINEL)/pybox-interpreter: $(call objects,python,$(filter-out sandbox/lockdown_check.c,$(INTERPRETER_SRCS)) tests/sweep/sentinel_check.c)
	@mkdir -p $(@D)
	$(CC) $(EXE_LDFLAGS) -o $@ $^ $(PYTHON_LIBS)

# --- the unit tests: the pure rooms with their assertions and without their main ----------------------------------------
UNIT_CFLAGS := $(WARNINGS) -O1 -g -D_GNU_SOURCE -I. -I$(BUILD) -UNDEBUG $(SANITIZERS)

$(UNIT)/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	$(CC) $(UNIT_CFLAGS) -MMD -MP -c -o $@ $<

$(UNIT)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(UNIT_CFLAGS) -Dmain=tested_main -Wno-missing-prototypes -MMD -MP -c -o $@ $<

define unit_rule
$(UNIT)/$(1): $(UNIT)/tests/unit/$(1).o $(patsubst %.c,$(UNIT)/%.o,$(call unit_srcs,$(1)))
	$$(CC) $(SANITIZERS) -o $$@ $$^ -lcmocka $$(LAUNCHER_LIBS) -lm
endef
$(foreach test,$(UNIT_TESTS),$(eval $(call unit_rule,$(test))))

# pybox with fault points, for tests/t/047_faults.pl; nothing of it is installed.
FAULT_BINARIES := pybox.so pybox-launcher pybox-interpreter
faults:
	$(MAKE) FAULTS=1 BUILD=$(BUILD)/faults $(FAULT_BINARIES:%=$(BUILD)/faults/%)

# Fuzz targets without libFuzzer: their seeds, and inputs made from them.
define fuzz_test_rule
$(UNIT)/$(1)_test: $(UNIT)/tests/fuzz/$(1).o $(UNIT)/tests/fuzz/driver.o $(patsubst %.c,$(UNIT)/%.o,$($(1)_SRCS))
	$$(CC) $(SANITIZERS) -o $$@ $$^ $$(LAUNCHER_LIBS) -lm
endef
$(foreach target,$(FUZZ_TARGETS),$(eval $(call fuzz_test_rule,$(target))))

unit-tests: $(UNIT_TESTS:%=$(UNIT)/%) $(FUZZ_TARGETS:%=$(UNIT)/%_test) $(BUILD)/without $(foreach build,$(SENTINEL) $(UNFILTERED),$(build)/pybox-launcher $(build)/pybox-interpreter)

# --- the fuzz targets with libFuzzer ------------------------------------------------------------------------------------
FUZZ_CC := clang-14
FUZZ_CFLAGS := -std=gnu11 -w -O1 -g -D_GNU_SOURCE -I. -I$(BUILD) -UNDEBUG -fno-omit-frame-pointer # warnings are the other compiler's matter
FUZZ_SANITIZERS := address,undefined

$(BUILD)/fuzz/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link,$(FUZZ_SANITIZERS) -fno-sanitize-recover=all -MMD -MP -c -o $@ $<

$(BUILD)/fuzz/%.o: %.c
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_CFLAGS) -Dmain=tested_main -fsanitize=fuzzer-no-link,$(FUZZ_SANITIZERS) -fno-sanitize-recover=all \
		-MMD -MP -c -o $@ $<

define fuzz_rule
$(BUILD)/fuzz/$(1): $(BUILD)/fuzz/tests/fuzz/$(1).o $(patsubst %.c,$(BUILD)/fuzz/%.o,$($(1)_SRCS))
	$$(FUZZ_CC) -fsanitize=fuzzer,$$(FUZZ_SANITIZERS) -o $$@ $$^ $$(LAUNCHER_LIBS) -lm
endef
$(foreach target,$(FUZZ_TARGETS),$(eval $(call fuzz_rule,$(target))))

.PHONY: fuzzers
fuzzers: $(FUZZ_TARGETS:%=$(BUILD)/fuzz/%) unit-tests

-include $(wildcard $(BUILD)/*/*/*.d $(BUILD)/*/tests/*/*.d)

# What make valgrind HOSTILE=1 and make check-sanitized run: no test of exact limits, since shadow memory counts, and none
# without cgroups, where address space is the limit.
HOSTILE_TESTS = tests/t/040_hostile.pl tests/t/046_protocol.pl
SANITIZED_TESTS = $(filter-out %/011_memory.pl %/015_closed.pl,$(wildcard tests/t/001_regress.pl tests/t/01*.pl tests/t/040_hostile.pl))

# --- what people type -----------------------------------------------------------------------------------------------------
#: all        pybox.so, the libraries of transforms, pybox, pybox-launcher, pybox-interpreter, pybox-policy and pybox-top (the default)
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

#: check-hostile  the hostile suite alone, and its table (ONLY=read-passwd SETUP=full VERBOSE=1 selects and tells)
check-hostile: setup
	@$(if $(ONLY),PYBOX_TEST_ONLY='$(ONLY)') $(if $(SETUP),PYBOX_TEST_SETUP='$(SETUP)') $(if $(VERBOSE),PYBOX_TEST_VERBOSE=1) \
		PYBOX_TEST_REPORT=1 tests/run $(if $(VERBOSE),-v) tests/t/040_hostile.pl

#: check-vm   limits, kills and delegation on Debian's kernel with cgroup v2 and systemd, in qemu (as root; ten minutes)
check-vm: setup
	@tests/vm/run

#: check-limits  the test of limits with 100 rounds of each bomb, loop and cancel, and its figures (ROUNDS=)
check-limits: setup
	@PYBOX_TEST_ROUNDS=$(or $(ROUNDS),100) tests/run -v tests/t/043_limits.pl

#: check-faults  every fault point of tests/faults.tbl, and 200 processes that die in random order
check-faults: setup
	@PYBOX_TEST_FAULTS=all PYBOX_TEST_KILLS=200 tests/run tests/t/014_crash.pl tests/t/047_faults.pl tests/t/048_environment.pl

#: check-stress  100,000 calls of 64 sessions in at least 5 minutes, while everything is done to them at random (CALLS=, SECONDS=, PYBOX_TEST_SEED=)
check-stress: setup
	@PYBOX_TEST_STRESS_CALLS=$(or $(CALLS),100000) PYBOX_TEST_STRESS_SECONDS=$(or $(SECONDS),300) tests/run -v tests/t/055_stress.pl

#: demo       set up, build, install, and tell the whole story on a server of its own (KEEP=1 leaves it running)
demo: setup
	@ops/demo

#: bench      measure against plpython3u and write $(BUILD)/bench.json (ONLY=T1,A1 selects; R3: what the sandbox costs, D1: the queue, V1: the views, RR1: rules)
bench: setup
	@ops/bench $(ONLY)

#: screens    take the screens of ops/top.md anew, from pybox-top on a server with calls
screens: setup
	@ops/screens

#: lint       doors between the rooms, sizes, exported symbols, format
lint: setup
	@ops/lint

#: format     rewrite the C files as .clang-format says
format:
	clang-format -i $(wildcard $(addsuffix /*.[ch],handler handler/transforms scheduler policies sandbox ops ops/layercost $(wildcard tests/*)))

#: install-plpython3u  under PL/Python's own names too: CREATE EXTENSION plpython3u; refused where PL/Python is installed
#: uninstall-plpython3u  remove what that installed
install-plpython3u:
	@ops/install && ops/plpython3u install
uninstall-plpython3u:
	@ops/plpython3u uninstall

#: sanitize   unit tests under the address and undefined-behaviour sanitizers, those with threads under that for threads too
sanitize: setup
	$(MAKE) SANITIZERS='$(SANITIZE_FLAGS)' unit-tests
	@for test in $(UNIT_TESTS) $(FUZZ_TARGETS:%=%_test); do echo "$$test" && $(BUILD)/unit-sanitized/$$test || exit 1; done
	$(MAKE) SANITIZERS='-fsanitize=thread' UNIT=$(BUILD)/unit-threads $(THREAD_TESTS:%=$(BUILD)/unit-threads/%)
	@for test in $(THREAD_TESTS); do echo "$$test" && $(BUILD)/unit-threads/$$test || exit 1; done

#: fuzz       libFuzzer on each of tests/fuzz, under the sanitizers (RUNS=1000000 or TIME=60 seconds each; ONLY="wire policy" selects)
fuzz:
	@ops/fuzz $(ONLY)

#: check-protocol   100000 exchanges with children that break the protocol, against a server under the sanitizers (EXCHANGES=)
check-protocol: setup
	@PYBOX_TEST_WATCHED=sanitized-server PYBOX_TEST_EXCHANGES=$(or $(EXCHANGES),100000) tests/run tests/t/046_protocol.pl

#: check-sanitized  tests on library, launcher and interpreter under the sanitizers (TESTS= selects files)
check-sanitized: setup
	@PYBOX_TEST_WATCHED=sanitized tests/run $(or $(TESTS),$(SANITIZED_TESTS))

#: valgrind   the regression themes with the backends under valgrind (THEMES="set spi" selects), or with HOSTILE=1 the hostile suite
valgrind: setup
ifdef HOSTILE
	@ops/setup valgrind
	@PYBOX_TEST_WATCHED=valgrind PYBOX_TEST_EXCHANGES=$(or $(EXCHANGES),300) PYBOX_TEST_SETUP='$(or $(SETUP),full)' tests/run $(or $(TESTS),$(HOSTILE_TESTS))
else
	@ops/valgrind $(THEMES)
endif
endif
