/* See options.h. */
#include "cli/options.h"

#include "base/str.h"

#include <stdlib.h>

#define WITH_RUNNER                                                                                \
    (WN_FOR(RANK) | WN_FOR(SERVE) | WN_FOR(EMBED) | WN_FOR(EVAL) | WN_FOR(BENCH) | WN_FOR(INFO) |  \
     WN_FOR(VERIFY))
#define WITH_ENGINE (WITH_RUNNER | WN_FOR(TOKENIZE))

const wn_command wn_commands[WN_CMD_COUNT] = {
    [WN_CMD_RANK] =
        {
            .name = "rank",
            .synopsis = "-q QUERY [FILE|-]\n"
                        "--request FILE\n"
                        "--format jsonl [FILE|-]",
            .summary = "put documents in order of relevance to a query",
            .details =
                "With a query, FILE (or standard input) holds one document a line, or JSON lines: "
                "objects with the document in \"text\" and any other fields, which are kept in the "
                "output. A file whose first non-blank line starts with '{' is read as JSON lines; "
                "--input decides it explicitly. In a file of lines a blank line is an empty "
                "document, so that an index is always a line number less one; between JSON lines "
                "blank lines are skipped.\n"
                "\n"
                "With --request, FILE is one JSON request:\n"
                "\n"
                "  {\"query\": \"...\", \"documents\": [\"...\", {\"text\": \"...\"}], \"top_n\": "
                "3}\n"
                "\n"
                "With neither and --format jsonl, the input is a stream: such a request on each "
                "line, which may have an \"id\" of any kind and \"return_documents\". One line is "
                "written for each, in order:\n"
                "\n"
                "  {\"id\": 7, \"results\": [{\"index\": 0, \"logit\": 2.5, \"relevance_score\": "
                "0.9}],"
                " \"usage\": {\"total_tokens\": 31}}\n"
                "\n"
                "A line that cannot be ranked gives {\"error\": \"...\", \"line\": 12} in its "
                "place, "
                "and the exit status at the end is 3. Blank lines are skipped; fields of a request "
                "that are not named here are ignored. SIGTERM finishes the line in work and ends "
                "with status 0. With --output, results go to FILE.part, which is renamed to FILE "
                "when all is done; --resume goes on behind the last whole line of FILE.part, and "
                "does nothing when FILE is already there.\n"
                "\n"
                "Results are sorted by logit, equal ones in the order of the input. A document "
                "without a word for the model has \"empty\": true, relevance 0, and comes last.",
            .examples =
                "winnow rank -q \"capital of France\" documents.txt\n"
                "winnow rank -q \"capital of France\" --top-n 3 --format json products.jsonl\n"
                "winnow rank --request examples/skincare.json\n"
                "winnow rank --format jsonl < requests.jsonl > results.jsonl\n"
                "winnow rank --format jsonl --shard 0/8 --output out.0 --resume requests.jsonl",
            .operand = WN_VALUE_FILE,
            .max_operands = 1,
        },
    [WN_CMD_SERVE] =
        {
            .name = "serve",
            .synopsis = "",
            .summary = "answer rerank requests over HTTP",
            .details =
                "Listens on 127.0.0.1:8080 and answers POST /v1/rerank as the Jina API does. On "
                "an address that others can reach, keys are needed, unless --insecure-no-auth "
                "says that they are not.\n"
                "\n"
                "The port opens at once; until the model is loaded and has scored its reference "
                "pairs as it must, /healthz/ready and requests get 503. SIGTERM makes the server "
                "unready, keeps accepting for --drain-delay, then finishes what is under way and "
                "ends with status 0; SIGINT does so without the delay; SIGQUIT ends at once.\n"
                "\n"
                "Every option may also be set as WINNOW_NAME in the environment or as a line "
                "'name: value' of a YAML file. A flag comes before the environment, that before "
                "a file, that before the default; --print-config shows which it was. Without "
                "--config, $XDG_CONFIG_HOME/winnow/winnow.yaml and /etc/winnow/winnow.yaml are "
                "read if they are there.",
            .examples = "winnow serve\n"
                        "winnow serve --model bge-reranker-base --port 9000\n"
                        "winnow serve --model small=models/small --model large=models/large\n"
                        "winnow serve --host 0.0.0.0 --api-key-file key\n"
                        "winnow serve --print-config > winnow.yaml",
        },
    [WN_CMD_TOKENIZE] =
        {
            .name = "tokenize",
            .synopsis = "[TEXT|-]",
            .summary = "show the tokens of a text",
            .details =
                "Prints id, byte range and token of each. Without TEXT, or with '-', the text "
                "is standard input, without its last line end. Nothing is cut.",
            .examples = "winnow tokenize \"sensitive skin\"\n"
                        "winnow tokenize --count < README.md",
            .operand = WN_VALUE_TEXT,
            .max_operands = 1,
        },
    [WN_CMD_EMBED] =
        {
            .name = "embed",
            .synopsis = "[FILE|-]",
            .summary = "turn texts into vectors",
            .details =
                "Reads texts as rank reads documents and writes a JSON line for each, in "
                "order: {\"index\": 0, \"embedding\": [...]}. The model must be one that has "
                "one vector a text. A text over the model's limit is cut at its end "
                "and says \"truncated\": true.",
            .examples = "winnow embed --model all-MiniLM-L6-v2 texts.txt > vectors.jsonl",
            .operand = WN_VALUE_FILE,
            .max_operands = 1,
        },
    [WN_CMD_EVAL] =
        {
            .name = "eval",
            .synopsis = "DIR...",
            .summary = "measure how good the orders of a model are",
            .details =
                "Each DIR is a set of judged queries: queries.tsv and docs.tsv (id, language, "
                "text), qrels.tsv (query, document, grade) and candidates.jsonl, which says what "
                "is to be put in order:\n"
                "\n"
                "  {\"qid\": \"q1\", \"cands\": [\"d7\", \"d2\"]}\n"
                "\n"
                "The candidates of each query are ranked by the model and by BM25 (k1 0.9, b 0.4). "
                "Printed are the means of nDCG@10, MRR@10 and recall@3 over the queries of each "
                "set, the mean over the sets, and 95% bootstrap intervals. Ties count against the "
                "system: a tied relevant document is placed after the irrelevant ones.",
            .examples = "winnow eval tests/eval/tiny\n"
                        "winnow eval --html quality.html dev/*/\n"
                        "winnow eval --model bge-reranker-base --limit 100 --format json dev/*/",
            .operand = WN_VALUE_DIR,
            .min_operands = 1,
            .max_operands = SIZE_MAX,
        },
    [WN_CMD_BENCH] =
        {
            .name = "bench",
            .synopsis = "[--workload FILE]\n"
                        "--peak\n"
                        "--ops",
            .summary = "measure how fast a model ranks on this machine",
            .details =
                "Ranks the requests of --workload, lines as rank reads them in a stream, --repeat "
                "times after one pass that does not count. Printed are the seconds of a request, "
                "from texts to results, over all requests and passes; pairs and tokens a second "
                "of the median pass; how long loading took and how much memory the process had at "
                "most. The arithmetic that the model's layers ask for is told as a share of what "
                "the machine can do at most at this level and dtype, where that is known.\n"
                "\n"
                "--peak measures that: independent multiply-adds that never leave the registers, "
                "for each kind of instruction that this machine has, and how fast memory is read, "
                "on one thread and on all.\n"
                "\n"
                "--ops measures the operations of a forward pass, each by itself on one thread, "
                "with the shapes of MiniLM (mini), base and large encoders and with each dtype "
                "that the level has, or --dtype: products with packed weights, attention, taking "
                "rows over into the dtype, norm, GELU; and the model's tokenizer.",
            .examples = "winnow bench\n"
                        "winnow bench --model bge-reranker-base --dtype int8 --threads 2\n"
                        "winnow bench --workload requests.jsonl --repeat 20 --format json\n"
                        "winnow bench --ops --cpu-level avx2",
        },
    [WN_CMD_INFO] =
        {
            .name = "info",
            .synopsis = "",
            .summary = "describe a model, its limits and the memory it takes",
            .details = "Loads the model, plans the memory as ranking would, and prints the facts: "
                       "family, sizes, limits, memory, CPU level and why it is not a higher one.",
            .examples = "winnow info\n"
                        "winnow info --model bge-reranker-base --json",
        },
    [WN_CMD_VERIFY] =
        {
            .name = "verify",
            .synopsis = "",
            .summary = "check that a model gives the scores that it should",
            .details =
                "Scores the reference pairs that come with the built-in model, or those of "
                "reference.jsonl in a model directory (JSON lines with query, document, raw_score "
                "and, where known, relevance), and compares them to 1e-4. Then, for any model: "
                "scores are finite; the best kernels of this machine agree with the scalar ones; a "
                "pair scores the same bits alone and in a batch; and, as a warning only, texts "
                "that "
                "answer a question come before texts that do not.",
            .examples = "winnow verify\n"
                        "winnow verify --model bge-reranker-base",
        },
    [WN_CMD_QUANTIZE] =
        {
            .name = "quantize",
            .synopsis = "[IN] OUT",
            .summary = "write a model with its matrices as 8-bit integers",
            .details =
                "Reads the model of the directory IN, without it the built-in one, and makes the "
                "directory OUT: config and tokenizer as they are, and one model.safetensors, in "
                "which the matrices of the layers are 8-bit integers with a scale a row. OUT must "
                "be new or empty. With --dtype int8 its scores have the same bits as those of IN; "
                "with any other dtype they are near.\n"
                "\n"
                "At the end, sample pairs are scored in int8 and in f32. When their order changes "
                "too much, the status is 4; OUT is kept.",
            .examples =
                "winnow quantize bge-reranker-base bge-reranker-base-int8\n"
                "winnow rank -m bge-reranker-base-int8 --dtype int8 -q \"capital of France\" "
                "documents.txt",
            .operand = WN_VALUE_DIR,
            .min_operands = 1,
            .max_operands = 2,
        },
    [WN_CMD_VERSION] =
        {
            .name = "version",
            .synopsis = "",
            .summary = "print the version",
            .details = "With --json also the compiler and the machine it was built for.",
            .examples = "winnow version --json",
        },
    [WN_CMD_HELP] =
        {
            .name = "help",
            .synopsis = "[COMMAND]",
            .summary = "explain a command",
            .details = "Without a command, lists all of them.",
            .examples = "winnow help rank\n"
                        "winnow help --man | man -l -",
            .operand = WN_VALUE_COMMAND,
            .max_operands = 1,
        },
    [WN_CMD_COMPLETION] =
        {
            .name = "completion",
            .synopsis = "bash|zsh|fish",
            .summary = "print the completions for a shell",
            .details = "Load them from the shell's start file, or save them where the shell looks "
                       "for completions.",
            .examples = "source <(winnow completion bash)\n"
                        "winnow completion zsh > ~/.zfunc/_winnow\n"
                        "winnow completion fish > ~/.config/fish/completions/winnow.fish",
            .operand = WN_VALUE_CHOICE,
            .choices = "bash|zsh|fish",
            .min_operands = 1,
            .max_operands = 1,
        },
    [WN_CMD_CHECK_CONFIG] =
        {
            .name = "check-config",
            .synopsis = "[FILE]",
            .summary = "check the settings of a server without starting it",
            .details =
                "Reads FILE, or the files that serve would read, and the environment, and checks "
                "all that can be checked without loading the model. Prints one line when all is "
                "well; else says what is wrong, with file and line, and ends with status 5.",
            .examples = "winnow check-config\n"
                        "winnow check-config /etc/winnow/winnow.yaml",
            .operand = WN_VALUE_FILE,
            .max_operands = 1,
        },
    [WN_CMD_CHECK_READY] =
        {
            .name = "check-ready",
            .synopsis = "",
            .summary = "ask a running server whether it is ready",
            .details =
                "Asks the server of --url, or the one that serve would be with the present "
                "environment and files. Ends with status 0 when it is ready, else with 1: made "
                "for the health check of a container.",
            .examples = "winnow check-ready\n"
                        "winnow check-ready --url http://127.0.0.1:9000",
        },
    [WN_CMD_RELOAD] =
        {
            .name = "reload",
            .synopsis = "",
            .summary = "make a running server read its settings again",
            .details =
                "Sends SIGHUP to the process of --pid-file and waits for the outcome. The server "
                "reads settings, keys and certificates again and takes over those that "
                "docs/configuration.md marks so, without closing a connection. When one of them "
                "is wrong it keeps all as they were, and this ends with status 1 and the reason.",
            .examples = "winnow reload --pid-file /run/winnow/winnow.pid",
        },
    [WN_CMD_KEYS] =
        {
            .name = "keys",
            .synopsis = "create|list\n"
                        "show|update|revoke|rotate ID",
            .summary = "make, change and end the keys of a server",
            .details =
                "create prints a new key, once: only a digest is kept. As soon as there is a key, "
                "every request needs one. A running server with the same --state-dir takes a "
                "change over within two seconds.\n"
                "\n"
                "A key's limits are those of its tier, unless it has its own. update changes what "
                "options name and keeps the rest. rotate gives a key a "
                "new secret, and lets the old one hold for --overlap.",
            .examples = "winnow keys create --name search --rpm 600\n"
                        "winnow keys list\n"
                        "winnow keys update x8Kd02Lm --prepaid-tokens 5000000\n"
                        "winnow keys rotate x8Kd02Lm --overlap 3600",
            .operand = WN_VALUE_TEXT,
            .min_operands = 1,
            .max_operands = 2,
        },
    [WN_CMD_USAGE] =
        {
            .name = "usage",
            .synopsis = "",
            .summary = "show what keys have used",
            .details =
                "Adds up what servers with this --state-dir have answered, also while they run. "
                "Days are those of UTC.\n"
                "\n"
                "With --statement it writes HTML for a browser, which prints it or makes a PDF of "
                "it: what was used by day and model and, with --prices, what it costs. Each line "
                "of the charges is rounded to the currency's smallest coin; their sum is the "
                "total.",
            .examples = "winnow usage\n"
                        "winnow usage --by key,model --from 2026-11 --to 2026-11 --format csv\n"
                        "winnow usage --statement 2026-11 --prices prices.yaml > november.html",
        },
    [WN_CMD_TOP] =
        {
            .name = "top",
            .synopsis = "",
            .summary = "watch a running server in the terminal",
            .details =
                "Shows, every --interval, what the server's /metrics have counted since the look "
                "before: requests and tokens a second, the queue, how full batches are, memory, "
                "percentiles of each route's and stage's time. With a key that has the scope "
                "'admin' also the keys that use most. q or Ctrl-C ends it.\n"
                "\n"
                "With --once, or when standard output is no terminal, it waits one interval and "
                "prints the figures as text.",
            .examples = "winnow top\n"
                        "winnow top --url https://rank.example.com --api-key-file key\n"
                        "winnow top --once --interval 10",
        },
};

const wn_option wn_options[WN_OPT_COUNT] = {
    [WN_OPT_QUERY] = {WN_FOR(RANK), "query", 'q', "QUERY", WN_VALUE_TEXT,
                      .help = "the text that each document is compared with"},
    [WN_OPT_REQUEST] = {WN_FOR(RANK), "request", 0, "FILE", WN_VALUE_FILE,
                        .help = "rank one JSON request; '-' is standard input"},
    [WN_OPT_INPUT] = {WN_FOR(RANK) | WN_FOR(EMBED), "input", 0, "KIND", WN_VALUE_CHOICE,
                      .choices = "auto|lines|jsonl",
                      .help = "how FILE holds texts: one a line, or JSON lines with \"text\""},
    [WN_OPT_TOP_N] = {WN_FOR(RANK), "top-n", 'n', "N", WN_VALUE_INT, 1, INT32_MAX,
                      .fallback = "all",
                      .help = "how many results to give; a request's own top_n comes first"},
    [WN_OPT_FORMAT] = {WN_FOR(RANK), "format", 'f', "FORMAT", WN_VALUE_CHOICE,
                       .choices = "table|json|jsonl|tsv",
                       .help =
                           "how to print results; a table is cut to the width of a terminal and "
                           "uncut elsewhere"},
    [WN_OPT_WINDOWS] = {WN_FOR(RANK), "windows", 'w', NULL, WN_VALUE_NONE,
                        .help = "report the byte range of each document's best window"},
    [WN_OPT_EXPLAIN] = {WN_FOR(RANK), "explain", 'e', NULL, WN_VALUE_NONE,
                        .help = "show the words that each score rests on; for at most 10 results"},
    [WN_OPT_LONG_DOCS] = {WN_FOR(RANK) | WN_FOR(EVAL), "long-docs", 0, "HOW", WN_VALUE_CHOICE,
                          .choices = "window|truncate|error",
                          .help = "a document over the model's limit: best of overlapping windows, "
                                  "cut as the model's reference does, or an error"},
    [WN_OPT_OUTPUT] = {WN_FOR(RANK), "output", 'o', "FILE", WN_VALUE_FILE,
                       .fallback = "standard output",
                       .help = "write results to FILE.part, renamed to FILE when all is done"},
    [WN_OPT_RESUME] = {WN_FOR(RANK), "resume", 0, NULL, WN_VALUE_NONE,
                       .help = "in a stream, go on behind the last whole line of FILE.part"},
    [WN_OPT_SHARD] = {WN_FOR(RANK), "shard", 0, "I/N", WN_VALUE_SHARD,
                      .help =
                          "in a stream, rank only every N-th line, from line I on, counted from 0"},
    [WN_OPT_COUNT_ONLY] = {WN_FOR(TOKENIZE), "count", 'c', NULL, WN_VALUE_NONE,
                           .help = "print only the number of tokens"},
    [WN_OPT_NO_SPECIALS] = {WN_FOR(TOKENIZE), "no-specials", 0, NULL, WN_VALUE_NONE,
                            .help = "leave out the special tokens that the model adds"},
    [WN_OPT_TOKEN_FORMAT] = {WN_FOR(TOKENIZE), "format", 'f', "FORMAT", WN_VALUE_CHOICE,
                             .choices = "table|json", .help = "how to print tokens"},
    [WN_OPT_POOLING] = {WN_FOR(EMBED), "pooling", 0, "HOW", WN_VALUE_CHOICE,
                        .choices = "auto|mean|cls",
                        .help = "how token vectors become one; auto is what the model says, else "
                                "mean"},
    [WN_OPT_NO_NORMALIZE] = {WN_FOR(EMBED), "no-normalize", 0, NULL, WN_VALUE_NONE,
                             .help = "keep the lengths of the vectors"},
    [WN_OPT_REPORT_FORMAT] = {WN_FOR(EVAL) | WN_FOR(BENCH), "format", 'f', "FORMAT",
                              WN_VALUE_CHOICE, .choices = "table|json",
                              .help = "how to print the figures"},
    [WN_OPT_HTML] = {WN_FOR(EVAL), "html", 0, "FILE", WN_VALUE_FILE,
                     .help = "write a page with charts as well, which needs no other file"},
    [WN_OPT_SCORES] = {WN_FOR(EVAL), "scores", 0, "FILE", WN_VALUE_FILE,
                       .help = "write the scores of each query's candidates, a line of JSON each"},
    [WN_OPT_BM25_ONLY] = {WN_FOR(EVAL), "bm25-only", 0, NULL, WN_VALUE_NONE,
                          .help = "measure BM25 alone and load no model"},
    [WN_OPT_LIMIT] = {WN_FOR(EVAL), "limit", 0, "N", WN_VALUE_INT, 1, INT32_MAX, .fallback = "all",
                      .help = "how many queries of each set to take, spread evenly over it"},
    [WN_OPT_TOP] = {WN_FOR(EVAL), "top", 0, "N", WN_VALUE_INT, 1, INT32_MAX, .fallback = "all",
                    .help = "how many candidates of each query to score, the first of its list; "
                            "those behind them count as not found"},
    [WN_OPT_WORKLOAD] = {WN_FOR(BENCH), "workload", 0, "FILE", WN_VALUE_FILE,
                         .reach = WN_REACH_FLAG, .fallback = "100 documents of about 128 tokens",
                         .help = "requests to rank, one a line, as in a stream of rank; '-' is "
                                 "standard input"},
    [WN_OPT_REPEAT] = {WN_FOR(BENCH), "repeat", 0, "N", WN_VALUE_INT, 1, 10000,
                       .reach = WN_REACH_FLAG, .initial = "7",
                       .help = "passes over the requests; one more before them does not count"},
    [WN_OPT_PEAK] = {WN_FOR(BENCH), "peak", 0, NULL, WN_VALUE_NONE, .reach = WN_REACH_FLAG,
                     .help = "measure what this machine can do at most instead"},
    [WN_OPT_OPS] = {WN_FOR(BENCH), "ops", 0, NULL, WN_VALUE_NONE, .reach = WN_REACH_FLAG,
                    .help = "measure each operation by itself instead"},
    [WN_OPT_CONFIG] = {WN_FOR(SERVE), "config", 'c', "FILE", WN_VALUE_FILE,
                       .fallback = "those of /etc/winnow and $XDG_CONFIG_HOME/winnow",
                       .reach = WN_REACH_ENVIRONMENT, .help = "read settings from this YAML file"},
    [WN_OPT_PRINT_CONFIG] = {WN_FOR(SERVE), "print-config", 0, NULL, WN_VALUE_NONE,
                             .reach = WN_REACH_FLAG,
                             .help = "print every setting, where it comes from, and do no more"},
    [WN_OPT_HOST] = {WN_FOR(SERVE), "host", 0, "ADDRESS", WN_VALUE_TEXT, .initial = "127.0.0.1",
                     .help = "address or name to listen on; 0.0.0.0 or :: is every one"},
    [WN_OPT_PORT] = {WN_FOR(SERVE), "port", 'p', "N", WN_VALUE_INT, 0, 65535, .initial = "8080",
                     .help = "port to listen on; 0 takes any free one"},
    [WN_OPT_TLS_CERT] = {WN_FOR(SERVE), "tls-cert", 0, "FILE", WN_VALUE_FILE, .reload = true,
                         .help = "speak TLS with the certificate, and those that lead to its CA, "
                                 "in this PEM file"},
    [WN_OPT_TLS_KEY] = {WN_FOR(SERVE), "tls-key", 0, "FILE", WN_VALUE_FILE, .reload = true,
                        .help = "the certificate's private key, as PEM"},
    [WN_OPT_TLS_CLIENT_CA] = {WN_FOR(SERVE), "tls-client-ca", 0, "FILE", WN_VALUE_FILE,
                              .reload = true,
                              .help = "accept only clients with a certificate of a CA in this PEM "
                                      "file"},
    [WN_OPT_API_KEY] = {WN_FOR(SERVE), "api-key", 0, "KEY", WN_VALUE_TEXT, .secret = true,
                        .help = "a key that requests have to bring, as Authorization: Bearer KEY"},
    [WN_OPT_ADMIN_KEY] = {WN_FOR(SERVE), "admin-key", 0, "KEY", WN_VALUE_TEXT, .secret = true,
                          .help = "a key that may do everything, also /v1/admin and metrics"},
    [WN_OPT_RPM] = {WN_FOR(SERVE) | WN_FOR(KEYS), "rpm", 0, "N", WN_VALUE_INT, 0, 1000000000,
                    .fallback = "no limit",
                    .help = "requests a minute with the key; serve: that of --api-key"},
    [WN_OPT_TPM] = {WN_FOR(SERVE) | WN_FOR(KEYS), "tpm", 0, "N", WN_VALUE_INT, 0, 1000000000,
                    .fallback = "no limit",
                    .help = "tokens a minute with the key; serve: that of --api-key"},
    [WN_OPT_STATE_DIR] = {WN_FOR(SERVE) | WN_FOR(KEYS) | WN_FOR(USAGE), "state-dir", 0, "DIR",
                          WN_VALUE_DIR,
                          .fallback = "/var/lib/winnow for root, else ~/.local/state/winnow",
                          .help = "where keys and usage are kept; 'none' keeps nothing"},
    [WN_OPT_KEY_NAME] = {WN_FOR(KEYS), "name", 0, "NAME", WN_VALUE_TEXT, .reach = WN_REACH_FLAG,
                         .help = "what the key is for, to tell it from others"},
    [WN_OPT_SCOPES] = {WN_FOR(KEYS), "scopes", 0, "LIST", WN_VALUE_TEXT, .reach = WN_REACH_FLAG,
                       .fallback = "all but metrics and admin",
                       .help = "what the key may do, such as rerank,usage"},
    [WN_OPT_TIER] = {WN_FOR(KEYS), "tier", 0, "TIER", WN_VALUE_TEXT, .reach = WN_REACH_FLAG,
                     .fallback = "key",
                     .help = "whose limits it has: key, premium, or none: as without a key"},
    [WN_OPT_EXPIRES] = {WN_FOR(KEYS), "expires", 0, "DATE", WN_VALUE_TEXT, .reach = WN_REACH_FLAG,
                        .fallback = "never",
                        .help = "the day on which it holds no longer, UTC; or never"},
    [WN_OPT_CONCURRENCY] = {WN_FOR(KEYS), "concurrency", 0, "N", WN_VALUE_INT, 0, 1000000,
                            .reach = WN_REACH_FLAG, .fallback = "no limit",
                            .help = "requests at the same time"},
    [WN_OPT_MONTHLY_TOKENS] = {WN_FOR(KEYS), "monthly-tokens", 0, "N", WN_VALUE_INT, 0,
                               (int64_t)1 << 53, .reach = WN_REACH_FLAG, .fallback = "no limit",
                               .help = "tokens of a calendar month"},
    [WN_OPT_PREPAID_TOKENS] = {WN_FOR(KEYS), "prepaid-tokens", 0, "N", WN_VALUE_INT, 0,
                               (int64_t)1 << 53, .reach = WN_REACH_FLAG, .fallback = "no limit",
                               .help = "tokens in all"},
    [WN_OPT_WEIGHT] = {WN_FOR(KEYS), "weight", 0, "N", WN_VALUE_INT, 1, 1000,
                       .reach = WN_REACH_FLAG, .initial = "1",
                       .help = "share of a busy machine beside other keys"},
    [WN_OPT_OVERLAP] = {WN_FOR(KEYS), "overlap", 0, "SECONDS", WN_VALUE_INT, 0, 31536000,
                        .reach = WN_REACH_FLAG, .initial = "86400",
                        .help = "how long the old secret of a rotated key holds"},
    [WN_OPT_BY] = {WN_FOR(USAGE), "by", 0, "LIST", WN_VALUE_TEXT, .reach = WN_REACH_FLAG,
                   .initial = "day",
                   .help = "what a line is about: day, key, route, model, or several of them"},
    [WN_OPT_FROM] = {WN_FOR(USAGE), "from", 0, "DATE", WN_VALUE_TEXT, .reach = WN_REACH_FLAG,
                     .fallback = "29 days before --to", .help = "the first day, or month"},
    [WN_OPT_TO] = {WN_FOR(USAGE), "to", 0, "DATE", WN_VALUE_TEXT, .reach = WN_REACH_FLAG,
                   .fallback = "today", .help = "the last day, or month"},
    [WN_OPT_KEY] = {WN_FOR(USAGE), "key", 0, "ID", WN_VALUE_TEXT, .reach = WN_REACH_FLAG,
                    .fallback = "all keys", .help = "of this key only"},
    [WN_OPT_USAGE_FORMAT] = {WN_FOR(USAGE), "format", 'f', "FORMAT", WN_VALUE_CHOICE,
                             .reach = WN_REACH_FLAG, .choices = "table|json|csv",
                             .help = "how to print it"},
    [WN_OPT_STATEMENT] = {WN_FOR(USAGE), "statement", 0, "MONTH", WN_VALUE_TEXT,
                          .reach = WN_REACH_FLAG,
                          .help = "print statements of a month such as 2026-11, a page of HTML for "
                                  "each key that was used, or for that of --key"},
    [WN_OPT_PRICES] = {WN_FOR(USAGE), "prices", 0, "FILE", WN_VALUE_FILE, .reach = WN_REACH_FLAG,
                       .fallback = "no amounts",
                       .help = "prices of a statement: a YAML file such as deploy/prices.yaml"},
    [WN_OPT_TOP_URL] = {WN_FOR(TOP), "url", 0, "URL", WN_VALUE_TEXT, .reach = WN_REACH_FLAG,
                        .initial = "http://127.0.0.1:8080",
                        .help =
                            "http:// or https://, host, port, and a path if it is not /metrics"},
    [WN_OPT_TOP_KEY] = {WN_FOR(TOP), "api-key", 0, "KEY", WN_VALUE_TEXT, .secret = true,
                        .help =
                            "a key with the scope 'metrics' or 'admin', if the server has keys"},
    [WN_OPT_INTERVAL] = {WN_FOR(TOP), "interval", 0, "SECONDS", WN_VALUE_INT, 1, 3600,
                         .reach = WN_REACH_FLAG, .initial = "2",
                         .help = "how long between two looks"},
    [WN_OPT_ONCE] = {WN_FOR(TOP), "once", 0, NULL, WN_VALUE_NONE, .reach = WN_REACH_FLAG,
                     .help = "print the figures of one interval and end"},
    [WN_OPT_INSECURE_NO_AUTH] = {WN_FOR(SERVE), "insecure-no-auth", 0, NULL, WN_VALUE_NONE,
                                 .help = "answer without keys on an address that others can reach"},
    [WN_OPT_SERVED_MODEL_NAME] = {WN_FOR(SERVE), "served-model-name", 0, "NAME", WN_VALUE_TEXT,
                                  .fallback = "the name of the model's directory",
                                  .help = "the first model's name in requests and answers"},
    [WN_OPT_STRICT_MODELS] = {WN_FOR(SERVE), "strict-models", 0, NULL, WN_VALUE_NONE,
                              .help =
                                  "refuse requests for well-known models that are not this one"},
    [WN_OPT_NO_UI] = {WN_FOR(SERVE), "no-ui", 0, NULL, WN_VALUE_NONE,
                      .help = "serve the API alone, without the pages for people"},
    [WN_OPT_CORS_ALLOW_ORIGIN] = {WN_FOR(SERVE), "cors-allow-origin", 0, "ORIGINS", WN_VALUE_TEXT,
                                  .fallback = "none",
                                  .help = "pages whose scripts may use the server: origins such as "
                                          "https://app.example with commas between them, or *"},
    [WN_OPT_TRUSTED_PROXIES] = {WN_FOR(SERVE), "trusted-proxies", 0, "NETWORKS", WN_VALUE_TEXT,
                                .fallback = "none",
                                .help = "proxies in front, such as 10.0.0.0/8,::1; their "
                                        "X-Forwarded-For says who a client is"},
    [WN_OPT_PREDICT_ROUTE] = {WN_FOR(SERVE), "predict-route", 0, "PATH", WN_VALUE_TEXT,
                              .fallback = "none",
                              .help = "one more path for /vertex, as Vertex AI asks for"},
    [WN_OPT_HEALTH_ROUTE] = {WN_FOR(SERVE), "health-route", 0, "PATH", WN_VALUE_TEXT,
                             .fallback = "none",
                             .help = "one more path for /healthz/ready, as Vertex AI asks for"},
    [WN_OPT_TEI_HEADERS] = {WN_FOR(SERVE), "tei-headers", 0, NULL, WN_VALUE_NONE,
                            .help = "send the fields x-compute-... and times that TEI's answers "
                                    "have with answers in its shape"},
    [WN_OPT_BODY_LIMIT] = {WN_FOR(SERVE), "body-limit", 0, "BYTES", WN_VALUE_INT, 1024, 1 << 30,
                           .initial = "33554432", .help = "largest body of a request"},
    [WN_OPT_MAX_CONNECTIONS] = {WN_FOR(SERVE), "max-connections", 0, "N", WN_VALUE_INT, 1, 1000000,
                                .initial = "10000", .reload = true,
                                .help = "connections open at a time"},
    [WN_OPT_WORKERS] = {WN_FOR(SERVE), "tokenization-workers", 0, "N", WN_VALUE_INT, 1, 256,
                        .fallback = "a quarter of the threads",
                        .help = "threads that parse and tokenise requests"},
    [WN_OPT_MEMORY_LIMIT] = {WN_FOR(SERVE), "memory-limit", 0, "MIB", WN_VALUE_INT, 1, 1 << 24,
                             .fallback = "80% of what the process may have",
                             .help = "memory of the whole server; requests that would need more "
                                     "are refused with 503"},
    [WN_OPT_SCORE_CACHE] = {WN_FOR(SERVE), "score-cache", 0, "MIB", WN_VALUE_INT, 0, 1 << 20,
                            .initial = "32",
                            .help = "memory for scores of pairs that come again, 32 bytes a pair; "
                                    "0 keeps none"},
    [WN_OPT_VECTOR_CACHE] = {WN_FOR(SERVE), "vector-cache", 0, "MIB", WN_VALUE_INT, 0, 1 << 20,
                             .initial = "64",
                             .help = "memory for vectors of documents that come again with other "
                                     "queries; late-interaction and embedding models have them; "
                                     "0 keeps none"},
    [WN_OPT_VECTOR_FORMAT] =
        {WN_FOR(SERVE), "vector-format", 0, "FORMAT", WN_VALUE_CHOICE, .choices = "f32|int8",
         .help = "how those vectors are kept: as they are, or rounded to a quarter of "
                 "the size, which is faster and changes scores a little"},
    [WN_OPT_CACHE_DIR] = {WN_FOR(SERVE), "cache-dir", 0, "DIR", WN_VALUE_DIR, .fallback = "nowhere",
                          .help = "where the score cache is written when the server ends, to be "
                                  "there when it starts again"},
    [WN_OPT_CACHE_SCOPE] = {WN_FOR(SERVE), "cache-scope", 0, "WHO", WN_VALUE_CHOICE,
                            .choices = "key|all",
                            .help = "who is given a kept score: the key that first asked for it, "
                                    "or every key"},
    [WN_OPT_REQUEST_TIMEOUT] = {WN_FOR(SERVE), "request-timeout", 0, "MS", WN_VALUE_INT, 1, 3600000,
                                .initial = "55000",
                                .help = "a request that takes longer is answered with 504; "
                                        "X-Request-Timeout-Ms may lower it"},
    [WN_OPT_MAX_QUEUE_WAIT] = {WN_FOR(SERVE), "max-queue-wait", 0, "MS", WN_VALUE_INT, 1, 3600000,
                               .initial = "10000",
                               .help = "a request that would wait longer is refused with 503"},
    [WN_OPT_STUCK_AFTER] = {WN_FOR(SERVE), "stuck-after", 0, "MS", WN_VALUE_INT, 100, 3600000,
                            .initial = "30000",
                            .help = "a model that finishes no batch for that long beyond the time "
                                    "of a full one, while work waits, makes the server neither "
                                    "ready nor alive"},
    [WN_OPT_METRICS_COMPAT] = {WN_FOR(SERVE), "metrics-compat", 0, "WHOSE", WN_VALUE_CHOICE,
                               .choices = "none|tei",
                               .help = "tell metrics also under the names of another server: tei "
                                       "is text-embeddings-inference"},
    [WN_OPT_DRAIN_DELAY] = {WN_FOR(SERVE), "drain-delay", 0, "MS", WN_VALUE_INT, 0, 600000,
                            .initial = "5000", .reload = true,
                            .help = "how long a server that has to end still accepts, so that a "
                                    "balancer sees it unready first"},
    [WN_OPT_DRAIN_TIMEOUT] = {WN_FOR(SERVE), "drain-timeout", 0, "MS", WN_VALUE_INT, 0, 3600000,
                              .initial = "25000", .reload = true,
                              .help = "how long it then waits for what is under way"},
    [WN_OPT_HALF_CLOSE] = {WN_FOR(SERVE), "half-close", 0, "HOW", WN_VALUE_CHOICE,
                           .choices = "cancel|answer",
                           .help =
                               "a client that ends its sending side while it waits: it has gone, "
                               "or it still reads"},
    [WN_OPT_USER] = {WN_FOR(SERVE), "user", 0, "NAME", WN_VALUE_TEXT, .fallback = "who started it",
                     .help = "the user to become when the port is open"},
    [WN_OPT_SANDBOX] = {WN_FOR(SERVE), "sandbox", 0, "HOW", WN_VALUE_CHOICE,
                        .choices = "auto|on|off",
                        .help = "give up files outside of the settings, connections, other "
                                "programs and executable memory: as far as the kernel can, or "
                                "else not serve, or not at all"},
    [WN_OPT_PID_FILE] = {WN_FOR(SERVE) | WN_FOR(RELOAD), "pid-file", 0, "FILE", WN_VALUE_FILE,
                         .fallback = "winnow.pid in $RUNTIME_DIRECTORY, when that is set",
                         .help = "where the server's process id lies"},
    [WN_OPT_URL] = {WN_FOR(CHECK_READY), "url", 0, "URL", WN_VALUE_TEXT,
                    .fallback = "that of a server with the present settings",
                    .help = "http:// or https://, host, port, and a path if it is not "
                            "/healthz/ready"},
    [WN_OPT_LOG_FORMAT] = {WN_FOR(SERVE), "log-format", 0, "FORMAT", WN_VALUE_CHOICE,
                           .choices = "logfmt|json", .help = "how lines of the log look"},
    [WN_OPT_LOG_LEVEL] = {WN_FOR(SERVE), "log-level", 0, "LEVEL", WN_VALUE_CHOICE,
                          .choices = "info|debug|warn|error", .reload = true,
                          .help = "the least important lines that are written"},
    [WN_OPT_MODEL] =
        {WITH_ENGINE, "model", 'm', "DIR", WN_VALUE_DIR, .fallback = "the built-in model",
         .repeats = WN_FOR(SERVE),
         .help = "a Hugging Face directory: config.json, tokenizer.json, weights; "
                 "serve: also [NAME=]DIR[,dtype=TYPE], or built-in for DIR, and several, of "
                 "which the first is the default"},
    [WN_OPT_MODEL_ROOT] = {WN_FOR(SERVE), "model-root", 0, "DIR", WN_VALUE_DIR,
                           .fallback = "no models are loaded while it runs",
                           .help = "let administrators load models from below this directory, "
                                   "by POST /v1/admin/models"},
    [WN_OPT_PLAIN_SPECIALS] = {WN_FOR(RANK) | WN_FOR(TOKENIZE) | WN_FOR(EMBED), "plain-specials", 0,
                               NULL, WN_VALUE_NONE,
                               .help = "special tokens such as [SEP] typed in a text are text"},
    [WN_OPT_THREADS] = {WITH_RUNNER, "threads", 't', "N", WN_VALUE_INT, 1, 256,
                        .fallback = "as many as the CPU quota gives",
                        .help = "threads that score; the scores do not depend on it"},
    [WN_OPT_BATCH_TOKENS] = {WITH_RUNNER, "batch-tokens", 0, "N", WN_VALUE_INT, 64, 1048576,
                             .fallback = "what keeps a batch in cache",
                             .help =
                                 "tokens computed together, at least the longest sequence of the "
                                 "model; decides memory, not scores"},
    [WN_OPT_CPU_LEVEL] = {WITH_RUNNER | WN_FOR(QUANTIZE), "cpu-level", 0, "LEVEL", WN_VALUE_TEXT,
                          .fallback = "the best of this machine",
                          .help = "kernels to use, such as scalar, avx2 or avx512"},
    [WN_OPT_DTYPE] = {WITH_RUNNER, "dtype", 0, "TYPE", WN_VALUE_CHOICE,
                      .choices = "f32|auto|bf16|int8|float32|bfloat16|float16",
                      .help = "what layers are computed in; int8 is the fastest and changes scores "
                              "a little; auto: the fastest that keeps a sample in order; float32, "
                              "bfloat16 and float16 are names for f32, bf16 and auto"},
    [WN_OPT_JSON] = {WN_FOR(INFO) | WN_FOR(VERIFY) | WN_FOR(VERSION) | WN_FOR(SERVE) |
                         WN_FOR(KEYS) | WN_FOR(QUANTIZE),
                     "json", 0, NULL, WN_VALUE_NONE, .reach = WN_REACH_FLAG,
                     .help = "print one JSON object"},
    [WN_OPT_MAN] = {WN_FOR(HELP), "man", 0, NULL, WN_VALUE_NONE, .reach = WN_REACH_FLAG,
                    .help = "print the manual page as troff text"},
    [WN_OPT_MARKDOWN] = {WN_FOR(HELP), "markdown", 0, NULL, WN_VALUE_NONE, .reach = WN_REACH_FLAG,
                         .help = "print the reference as Markdown"},
    [WN_OPT_CONFIGURATION] = {WN_FOR(HELP), "configuration", 0, NULL, WN_VALUE_NONE,
                              .reach = WN_REACH_FLAG,
                              .help = "print the server's settings as Markdown"},
    [WN_OPT_QUIET] = {WN_FOR(RANK) | WN_FOR(EMBED) | WN_FOR(EVAL) | WN_FOR(BENCH) | WN_FOR(VERIFY) |
                          WN_FOR(QUANTIZE),
                      "quiet", 0, NULL, WN_VALUE_NONE,
                      .help = "print nothing but results and errors"},
    [WN_OPT_HELP] = {WN_FOR_ALL, "help", 'h', NULL, WN_VALUE_NONE, .reach = WN_REACH_FLAG,
                     .help = "explain the command"},
};

/* HOSTNAME is not one of them: every container has it, with another meaning. */
const wn_alias wn_aliases[] = {
    {.variable = "SAGEMAKER_BIND_TO_PORT", .option = WN_OPT_PORT},
    {.variable = "AIP_HTTP_PORT", .option = WN_OPT_PORT},
    {.variable = "AIP_PREDICT_ROUTE", .option = WN_OPT_PREDICT_ROUTE},
    {.variable = "AIP_HEALTH_ROUTE", .option = WN_OPT_HEALTH_ROUTE},
    {.variable = "PORT", .option = WN_OPT_PORT},
    {.name = "hostname", .option = WN_OPT_HOST},
    {.name = "model-id", .variable = "MODEL_ID", .option = WN_OPT_MODEL},
    {.name = "model_name", .option = WN_OPT_SERVED_MODEL_NAME},
    {.variable = "SERVED_MODEL_NAME", .option = WN_OPT_SERVED_MODEL_NAME},
    {.variable = "API_KEY", .option = WN_OPT_API_KEY},
    {.variable = "TOKENIZATION_WORKERS", .option = WN_OPT_WORKERS},
    {.name = "max-batch-tokens", .variable = "MAX_BATCH_TOKENS", .option = WN_OPT_BATCH_TOKENS},
    {.name = "payload-limit", .variable = "PAYLOAD_LIMIT", .option = WN_OPT_BODY_LIMIT},
    {.name = "json-output",
     .variable = "JSON_OUTPUT",
     .option = WN_OPT_LOG_FORMAT,
     .on = "json",
     .off = "logfmt",
     .is_switch = true},
    {.name = "auto-truncate",
     .variable = "AUTO_TRUNCATE",
     .option = WN_OPT_COUNT,
     .is_switch = true,
     .note = "a long document is scored in windows, unless the request says otherwise"},
    {.name = "max-client-batch-size",
     .variable = "MAX_CLIENT_BATCH_SIZE",
     .option = WN_OPT_COUNT,
     .note = "a request may have 10,000 documents, within --body-limit"},
    {.name = "max-concurrent-requests",
     .variable = "MAX_CONCURRENT_REQUESTS",
     .option = WN_OPT_COUNT,
     .note = "requests are admitted by the time that their tokens will take"},
    {.name = "max-batch-requests",
     .variable = "MAX_BATCH_REQUESTS",
     .option = WN_OPT_COUNT,
     .note = "a batch is bounded by its tokens, --batch-tokens"},
    {.name = "revision",
     .variable = "REVISION",
     .option = WN_OPT_COUNT,
     .note = "a model directory has one revision"},
    {.variable = "DTYPE", .option = WN_OPT_DTYPE},
    {.name = "pooling",
     .variable = "POOLING",
     .option = WN_OPT_COUNT,
     .note = "a reranker has its own head"},
    {.name = "default-prompt",
     .variable = "DEFAULT_PROMPT",
     .option = WN_OPT_COUNT,
     .note = "rerankers take no prompt"},
    {.name = "default-prompt-name",
     .variable = "DEFAULT_PROMPT_NAME",
     .option = WN_OPT_COUNT,
     .note = "rerankers take no prompt"},
    {.name = "dense-path",
     .variable = "DENSE_PATH",
     .option = WN_OPT_COUNT,
     .note = "rerankers have no dense layers apart"},
    {.name = "hf-token", .option = WN_OPT_COUNT, .note = "nothing is fetched"},
    {.name = "hf-api-token", .option = WN_OPT_COUNT, .note = "nothing is fetched"},
    {.name = "huggingface-hub-cache", .option = WN_OPT_COUNT, .note = "nothing is fetched"},
    {.name = "otlp-endpoint",
     .variable = "OTLP_ENDPOINT",
     .option = WN_OPT_COUNT,
     .note = "traces are not sent"},
    {.name = "otlp-service-name",
     .variable = "OTLP_SERVICE_NAME",
     .option = WN_OPT_COUNT,
     .note = "traces are not sent"},
    {.name = "disable-spans",
     .option = WN_OPT_COUNT,
     .is_switch = true,
     .note = "there are no spans"},
    {.name = "prometheus-port",
     .variable = "PROMETHEUS_PORT",
     .option = WN_OPT_COUNT,
     .note = "/metrics is on the port of the server"},
    {.variable = "CORS_ALLOW_ORIGIN", .option = WN_OPT_CORS_ALLOW_ORIGIN},
    {.name = "uds-path",
     .variable = "UDS_PATH",
     .option = WN_OPT_COUNT,
     .note = "it listens on TCP only"},
    {0},
};

const wn_fact wn_environment[] = {
    {"WINNOW_NAME",
     "the option --name of any command, such as WINNOW_MODEL or WINNOW_BATCH_TOKENS; "
     "a flag comes first"},
    {"NO_COLOR", "when set, nothing is coloured"},
    {"CI", "when set, no progress is drawn"},
    {"TERM", "when it is 'dumb', nothing is coloured and no progress drawn"},
    {"STATE_DIRECTORY", "where systemd wants keys and usage to be kept, without --state-dir"},
    {"XDG_STATE_HOME", "the directory in which a user's keys and usage are kept as winnow/"},
    {"COLUMNS", "the width of a terminal that does not tell its width"},
    {"CREDENTIALS_DIRECTORY", "where systemd lays secrets: a file of an option's name holds it"},
    {"XDG_CONFIG_HOME", "where winnow/winnow.yaml of the user lies; ~/.config without it"},
    {"NOTIFY_SOCKET", "where systemd wants to hear that the server is ready"},
    {"WATCHDOG_USEC", "how often systemd wants to hear of the server"},
    {"WATCHDOG_PID", "the process that WATCHDOG_USEC is meant for"},
    {"LISTEN_FDS", "1: descriptor 3 is a socket to listen on, from systemd or the like"},
    {"LISTEN_PID", "the process that LISTEN_FDS is meant for"},
    {"JOURNAL_STREAM", "where the journal is: lines of the log to it begin with their priority"},
    {"RUNTIME_DIRECTORY", "where systemd wants files that last as long as the server"},
    {"HOME", "without the XDG variables, .config and .local/state lie below it"},
    {0},
};

const wn_fact wn_exit_codes[] = {
    {"0", "success; also when the reader of standard output has gone"},
    {"1", "a failure at run time: a file cannot be read or written, memory is short"},
    {"2", "usage: an unknown word, a value out of range, an empty query"},
    {"3", "partial: some lines of a stream could not be ranked"},
    {"4", "a model or an input file that cannot be used: damaged, not text, over a limit, or, for "
          "verify and quantize, scores that are not as they should be"},
    {"5", "settings that are wrong: a configuration file or an environment variable"},
    {"130", "stopped by Ctrl-C"},
    {"143", "stopped by SIGTERM; a stream of requests finishes its line and ends with 0"},
    {0},
};

const wn_fact wn_input_limits[] = {
    {"64 MiB", "one line of input, one request, one text to tokenize"},
    {"1,048,576", "JSON values in a line or request"},
    {"10,000,000", "documents of one query"},
    {0},
};

const char *wn_options_env(const char *name)
{
    for (size_t i = 0; wn_environment[i].name != NULL; i++) {
        if (wn_str_equal(wn_str_from(name), wn_str_from(wn_environment[i].name))) {
            const char *value = getenv(name);
            return value != NULL && value[0] != '\0' ? value : NULL;
        }
    }
    WN_ASSERT(false); /* every name is in the table */
    return NULL;
}
