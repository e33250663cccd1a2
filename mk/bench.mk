# Benchmarks: none of them runs in `make test`; figures go to bench/ledger by hand, with their cause.

.PHONY: venv bench-peers
venv: $(VENV)/.peers ## a Python environment with the engines that bench/peers compares with
$(VENV)/.peers: bench/peers/requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install -q -r $<
	touch $@

bench-peers: venv lib ## Winnow beside ONNX Runtime, OpenVINO and sentence-transformers (ARGS="--shapes mini,base")
	$(VENV)/bin/python bench/peers/run.py --library $(B)/libwinnow.so --models build/peers $(ARGS)

.PHONY: bench-start
bench-start: $(B)/winnow ## start-up time, binary size, peak memory
	$(PYTHON) bench/start.py --winnow $(B)/winnow

.PHONY: bench-load
bench-load: $(B)/bench/load_time ## time and memory of loading the models of bench/peers (ARGS="--shapes base --cold")
	$(PYTHON) bench/load_time.py --program $< $(ARGS)

.PHONY: bench-tokenizer
$(B)/bench/%: $(B)/bench/%.o $(B)/libwinnow.a
	$(call Q,LD)$(CC) $(LDFLAGS) $^ $(LIBS) -o $@
bench-tokenizer: venv $(B)/bench/tokenizer_speed ## tokenizer speed beside the tokenizers package
	$(VENV)/bin/python bench/tokenizer_speed.py --program $(B)/bench/tokenizer_speed --shared $(SHARED) $(ARGS)

.PHONY: bench-dtypes
bench-dtypes: $(B)/winnow ## nDCG@10 and Kendall's tau of bf16 and int8 beside f32 on the development sets (ARGS="--limit 100")
	$(PYTHON) bench/eval_dtypes.py --winnow $(B)/winnow $(ARGS) $(SHARED)/data/dev/*/

.PHONY: bench-scaling
$(B)/bench/scaling: LDFLAGS += -Wl,--wrap=wn_pool_run
bench-scaling: $(B)/bench/scaling ## one thread beside several, waiting at the ends of runs, ragged batches (ARGS="MODEL int8")
	$(B)/bench/scaling $(ARGS)

# One model of each family; what is kept in build/peers takes longer to make than to run.
FAMILIES := mini,roberta,camembert,base,jina-v1,jina-qk,jina-v2,gte,modernbert,deberta,distilbert,electra,mpnet,qwen3,qwen2,gemma,jina-m0,jina-v3,colbert,jina-colbert
.PHONY: bench-families bench-prefix
bench-families: venv lib ## one model of each family beside the best engine that runs it (ARGS="--ledger bench/ledger/peers.csv")
	$(VENV)/bin/python -W ignore bench/peers/run.py --library $(B)/libwinnow.so --models build/peers --shapes $(FAMILIES) --workloads e \
	    --repeat 3 $(ARGS)

bench-prefix: venv $(B)/bench/prefix ## a decoder's prompt and query read once beside for each document (DTYPE=int8)
	test -e build/peers/qwen3/model.onnx || $(VENV)/bin/python -W ignore bench/peers/make_model.py qwen3 build/peers/qwen3
	$(B)/bench/prefix build/peers/qwen3 $(or $(DTYPE),f32) $(ARGS)
