# Every CPU level by itself: the tests read WINNOW_TEST_LEVEL, the library reads no environment.

.PHONY: levels
levels: $(filter $(B)/tests/kernel/% $(B)/tests/ops/%,$(TESTS)) ## kernel and ops tests once per CPU level
	for level in scalar avx2 avx512; do \
	    WINNOW_TEST_LEVEL=$$level $(RUN_TESTS) $^ || exit 1; done

.PHONY: bench-gemm
bench-gemm: $(B)/bench/gemm ## matrix products of every level as a share of this machine's peak
	$(B)/bench/gemm $(ARGS)
