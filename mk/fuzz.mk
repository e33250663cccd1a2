# Fuzzing: which sources each target's parser is, how much of them its corpus runs, and all targets in turn.
# -FUNCTION: all of the file but what reads it from the disk, or is another target's.

JSON_PARSER   := wn_json_parse,scan,line_of,ends_token,overflows,make_opening,read_parts,load,fail_parse
SETTING       := wn_args_find,wn_args_nearest,wn_args_set,parse_value,parse_int,parse_choice,parse_switch,nearest_try
PARSER_api_body         := data/json_bind.c:$(JSON_PARSER) serve/api_field.c:-wn_form_refuse_others serve/api_dialect.c \
                           $(patsubst src/%,%,$(wildcard src/serve/dialect_*.c))
PARSER_config_json      := data/json_bind.c $(patsubst src/%,%,$(wildcard src/model/config*.c))
PARSER_encode_text      := data/unicode.c $(addprefix token/,cache.c edit.c encode.c:-no_memory,-wn_encoder_free normalize_bert.c normalize_form.c scanner.c \
                           text.c trie.c)
PARSER_gguf_file        := data/gguf.c:-wn_gguf_open,-wn_gguf_is_file token/gguf_merges.c token/gguf_tokenizer.c
PARSER_http_bytes       := serve/http_conn.c serve/http_guard.c
PARSER_http_query       := serve/http_request.c:wn_http_next_parameter,decode,hex_digit base/date.c:wn_date_parse,digits \
                           serve/usage_report.c:wn_report_query,read_day,read_by
PARSER_hub_headers      := hub/hub_reply.c:wn_hub_reply_init,wn_hub_reply_add,begin,read_range,bare_etag,keep,number_or_none,take_number,trim
PARSER_hub_listing      := hub/listing.c hub/repo.c:wn_repo_is_file,wn_repo_is_digest,wn_repo_is_commit,is_hex,has_plain_parts
PARSER_hub_tar          := hub/tar.c
PARSER_key_body         := serve/key_edit.c serve/key_record.c
PARSER_key_text         := serve/key.c:wn_key_parse,wn_key_id_parse,wn_key_id_number,is_base62,make_check,crc32_of
PARSER_metrics_text     := cli/exposition.c
PARSER_prices_yaml      := cli/price_file.c:-wn_price_file_read
PARSER_request_line     := cli/request.c
PARSER_safetensors_file := data/safetensors_header.c data/safetensors.c:wn_safetensors_parse,add_file
PARSER_safetensors_index := data/shard_index.c
PARSER_score_cache_file := serve/score_file.c:wn_score_file_parse,wn_score_file_at,check_header,check_sum
PARSER_store_rows       := serve/store_sqlite.c:read_key,check_key,find_key,list_keys \
                           serve/store_sqlite_usage.c:read_usage,read_total,wn_sqlite_report,wn_sqlite_list_totals \
                           serve/sqlite_statement.c:wn_sql_int,wn_sql_count,wn_sql_text,wn_sql_bytes,wn_sql_step,wn_sql_collect,wn_sql_end
PARSER_tokenizer_json   := data/json_scan.c $(addprefix token/,added.c bpe.c charsmap.c component.c decoder.c dialect.c field.c \
                           normalize.c normalize_plain.c normalize_precompiled.c pattern.c postprocess.c split.c stand_in.c \
                           token_model.c tokenizer.c tokenizer_file.c unigram.c vocab.c wordlevel.c wordpiece.c)
PARSER_yaml             := cli/settings_file.c cli/args.c:$(SETTING)

# Each target alone runs its corpus, and what fuzzing has added to it.
FUZZ_TARGETS := $(patsubst fuzz/%.c,%,$(FUZZ_SRC))
FUZZ_LINES   := 90
.PHONY: cover-fuzz $(FUZZ_TARGETS:%=cover-fuzz-%) fuzz-all
cover-fuzz: ## how many lines of each parser its fuzz corpus runs; fails below 90 %
	$(MAKE) VARIANT=cover $(FUZZ_TARGETS:%=build/cover/fuzz/replay_%)
	for target in $(FUZZ_TARGETS); do $(MAKE) --no-print-directory cover-fuzz-$$target || failed="$$failed $$target"; done; \
	    test -z "$$failed" || { echo "below $(FUZZ_LINES) %:$$failed"; exit 1; }
$(FUZZ_TARGETS:%=cover-fuzz-%): cover-fuzz-%:
	@test -n "$(PARSER_$*)" || { echo "mk/fuzz.mk does not say which sources are the parser of fuzz/$*.c"; exit 1; }
	@find build/cover -name '*.gcda' -delete
	@files=$$(find fuzz/corpus/$* $(wildcard build/corpus/$*) -type f) && echo "$*: $$(echo $$files | wc -w) files" && \
	    build/cover/fuzz/replay_$* $$files > build/cover/fuzz/$*.log
	@$(PYTHON) tools/coverage.py --lines $(FUZZ_LINES) build/cover $(addprefix src/,$(PARSER_$*))

fuzz-all: ## libFuzzer on every target, FUZZ_SECONDS each
	$(call FUZZ_EACH,$(FUZZ_TARGETS))

.PHONY: afl
afl: ## AFL++ on one target: make afl T=yaml FUZZ_SECONDS=3600 (Debian's afl++)
	@test -n "$(T)" || { echo "make afl T=TARGET, one of: $(FUZZ_TARGETS)"; exit 2; }
	@command -v afl-fuzz > /dev/null || { echo "afl-fuzz is not there: apt-get install afl++"; exit 2; }
	$(MAKE) CC=afl-clang-fast VARIANT=fuzz build/fuzz-afl/fuzz/fuzz_$(T)
	@rm -rf build/afl/$(T) && mkdir -p build/afl
	AFL_NO_UI=1 AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_AFFINITY=1 \
	    afl-fuzz -V $(FUZZ_SECONDS) -t 20000 -m none -i fuzz/corpus/$(T) -o build/afl/$(T) -- \
	    build/fuzz-afl/fuzz/fuzz_$(T) > build/afl/$(T).log
	@sed -n '/^execs_done\|^saved_crashes\|^saved_hangs\|^corpus_count\|^bitmap_cvg/p' build/afl/$(T)/default/fuzzer_stats
	@! ls build/afl/$(T)/default/crashes/id* build/afl/$(T)/default/hangs/id* 2> /dev/null
