# Every CPU level by itself: the tests read WINNOW_TEST_LEVEL, the library reads no environment.

.PHONY: levels
levels: $(filter $(B)/tests/kernel/% $(B)/tests/ops/%,$(TESTS)) ## kernel and ops tests once per CPU level
	for level in scalar avx2 avx-vnni avx512 avx512-vnni avx512-bf16 amx; do \
	    WINNOW_TEST_LEVEL=$$level $(RUN_TESTS) $^ || exit 1; done

.PHONY: bench-gemm
bench-gemm: $(B)/bench/gemm ## matrix products of every level as a share of this machine's peak
	$(B)/bench/gemm $(ARGS)

# Levels that a machine may lack, once more without their flags over portable intrinsics: gemm_DTYPE_LEVEL.c
# becomes wn_gemm_DTYPE_LEVEL_emulated, which the tests run on every machine.  -Og: a second instead of forty.
EMULATED := avx512/gemm_i8_avx512 avx512vnni/gemm_i8_avx512vnni avxvnni/gemm_i8_avxvnni \
            avx512bf16/gemm_bf16_avx512bf16 amx/gemm_bf16_amx amx/gemm_i8_amx
EMULATED_OBJ := $(patsubst %,$(B)/emulated/%.o,$(EMULATED))
# -fwrapv: sums wrap, as instructions do.
$(B)/emulated/%.o: src/kernel/%.c Makefile mk/kernel.mk
	@mkdir -p $(@D)
	$(call Q,EMU)$(CC) -Itests/emulate -include tests/emulate/immintrin.h -DWN_EMULATE_$(*D) \
	    -Dwn_$(*F)=wn_$(*F)_emulated $(CPPFLAGS) $(CFLAGS) -Og -fwrapv -Wno-psabi -MMD -MP -c $< -o $@
ifeq ($(ARCH),x86_64)
$(B)/tests/kernel/test_gemm_i8 $(B)/tests/kernel/test_gemm_bf16 $(B)/tests/kernel/test_attend: $(EMULATED_OBJ)

.PHONY: bench-tiles
# For the tiles themselves instead of their model; no compiler uses them by itself.
$(B)/bench/tiles.o: CFLAGS += -mamx-tile
bench-tiles: $(B)/bench/tiles ## what products by the tiles of AMX can reach at most on this machine
	$(B)/bench/tiles
endif
