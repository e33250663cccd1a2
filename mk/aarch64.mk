# The kernel tests for aarch64, linked with nothing but the C library: tests/kernel/test_aarch64.sh
# runs them under emulation.

.PHONY: aarch64-tests static-tests
AARCH64_CC ?= aarch64-linux-gnu-gcc
ifneq ($(shell command -v $(AARCH64_CC)),)
tests-built: aarch64-tests
endif
aarch64-tests: ## build the kernel tests for aarch64, which run under qemu
	$(MAKE) VARIANT=release CC=$(AARCH64_CC) B=build/aarch64 static-tests

STATIC_OBJ := $(call obj_of,$(call src_of,base kernel kernel/scalar $(LEVELS_$(ARCH))) \
                  $(addprefix tests/support/,check.c check_gemm.c check_levels.c) tests/support/static/cmocka_static.c)
static-tests: $(patsubst tests/kernel/%.c,$(B)/static/%,$(filter tests/kernel/%,$(TEST_SRC)))
$(B)/static/%: $(B)/tests/kernel/%.o $(STATIC_OBJ)
	@mkdir -p $(@D)
	$(call Q,LD)$(CC) $(LDFLAGS) -static $^ -lm -o $@
