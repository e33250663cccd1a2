/* The commands, see options.h. */
#include "cli/options.h"

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
                "line, which may have an \"id\" of any kind, \"return_documents\" and an "
                "\"instruction\". One line is "
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
                "and, where known, relevance), and compares them to 1e-4. A model of the shape of "
                "a published one (BAAI/bge-reranker-v2-m3) is shown the scores that are published "
                "for it, with their source, and warned of when it is far from them. Then, for any "
                "model: scores are finite; the best kernels of this machine agree with the scalar "
                "ones; a "
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
    [WN_CMD_PULL] =
        {
            .name = "pull",
            .synopsis = "ORG/NAME[@REVISION] [FILE.gguf]",
            .summary = "fetch a published model",
            .details =
                "Fetches what a model needs (configuration, tokenizer, safetensors, card, licence) "
                "from the Hugging Face hub into the cache that its own tools use, checks every "
                "file's checksum, and prints the model's directory. Then --model ORG/NAME finds "
                "it, without a network. What is there already is not fetched again; a revision is "
                "a branch, a tag or a commit.\n"
                "\n"
                "A pull that was cut off or stopped goes on where it was. Files in Python's pickle "
                "format are never fetched: reading one may run any program.\n"
                "\n"
                "For a model that is gated or private, set HF_TOKEN, or log in with hf auth login. "
                "Proxies are those of https_proxy and no_proxy.",
            .examples = "winnow pull cross-encoder/ms-marco-MiniLM-L6-v2\n"
                        "winnow pull BAAI/bge-reranker-v2-m3@main\n"
                        "winnow pull gpustack/bge-reranker-v2-m3-GGUF --gguf '*Q8_0*'\n"
                        "winnow serve --model cross-encoder/ms-marco-MiniLM-L6-v2",
            .operand = WN_VALUE_TEXT,
            .min_operands = 1,
            .max_operands = 2,
        },
    [WN_CMD_MODELS] =
        {
            .name = "models",
            .synopsis = "list\n"
                        "verify [ORG/NAME[@REVISION]]\n"
                        "rm ORG/NAME[@REVISION]\n"
                        "export ORG/NAME[@REVISION] FILE.tar\n"
                        "import FILE.tar",
            .summary = "list, check, remove and carry the models that were pulled",
            .details =
                "They lie in the cache that Hugging Face's own tools use, so that those see what "
                "is done here, and the other way round.\n"
                "\n"
                "verify computes every checksum again and names the files that are damaged or "
                "missing; then the status is 4. rm removes a revision, or all of a model, with the "
                "files that no other revision has.\n"
                "\n"
                "export writes a revision as one tar with a SHA256SUMS, for machines without a "
                "network; import takes one, after it has checked all of it.",
            .examples = "winnow models list\n"
                        "winnow models verify BAAI/bge-reranker-v2-m3\n"
                        "winnow models export BAAI/bge-reranker-v2-m3 bge.tar\n"
                        "winnow models import bge.tar",
            .operand = WN_VALUE_TEXT,
            .min_operands = 1,
            .max_operands = 3,
        },
    [WN_CMD_LICENCE] =
        {
            .name = "licence",
            .synopsis = "[MODEL]",
            .summary = "tell what the licence of the weights of a model allows",
            .details =
                "MODEL is a directory, the name of a model that was pulled, or the word for a "
                "licence, such as cc-by-nc-4.0; without it, it is the built-in model. Printed is "
                "whether the weights may be used on machines of one's own, as a service for "
                "others, and shipped to others, for money or not, and what follows. The page "
                "/licence of a server asks the same.\n"
                "\n"
                "This is no legal advice: the text of the licence decides.",
            .examples = "winnow licence\n"
                        "winnow licence jinaai/jina-reranker-v2-base-multilingual\n"
                        "winnow licence cc-by-nc-4.0 --json",
            .operand = WN_VALUE_TEXT,
            .max_operands = 1,
        },
};
