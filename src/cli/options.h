/* The one table of commands and options.  Its rows drive the command line, environment variables,
 * configuration files, range checks, defaults, --help, the nearest match for a word that does not
 * exist, the manual page, shell completions, docs/cli.md and docs/configuration.md.
 * A new option is a row of wn_options[] in options.c and its id below; a new command is a row of
 * wn_commands[] in commands.c, its id, and its function in main.c.  Thread rule: constant, any. */
#ifndef WN_CLI_OPTIONS_H
#define WN_CLI_OPTIONS_H

#include "base/status.h"

typedef enum wn_command_id {
    WN_CMD_RANK = 0,
    WN_CMD_SERVE,
    WN_CMD_TOKENIZE,
    WN_CMD_EMBED,
    WN_CMD_EVAL,
    WN_CMD_BENCH,
    WN_CMD_INFO,
    WN_CMD_VERIFY,
    WN_CMD_QUANTIZE,
    WN_CMD_VERSION,
    WN_CMD_HELP,
    WN_CMD_COMPLETION,
    WN_CMD_CHECK_CONFIG,
    WN_CMD_CHECK_READY,
    WN_CMD_RELOAD,
    WN_CMD_KEYS,
    WN_CMD_USAGE,
    WN_CMD_TOP,
    WN_CMD_PULL,
    WN_CMD_MODELS,
    WN_CMD_LICENCE,
    WN_CMD_COUNT
} wn_command_id;

/* What an operand or an option's value is; completions offer it, parsing checks it. */
typedef enum wn_value_kind {
    WN_VALUE_NONE = 0, /* an option without a value */
    WN_VALUE_TEXT,
    WN_VALUE_FILE,
    WN_VALUE_DIR,
    WN_VALUE_INT,    /* min..max */
    WN_VALUE_CHOICE, /* one of choices; the first is the default */
    WN_VALUE_SHARD,  /* I/N with 0 <= I < N <= WN_SHARDS_MAX */
    WN_VALUE_COMMAND
} wn_value_kind;

#define WN_SHARDS_MAX 1000000

typedef struct wn_command {
    const char *name;
    const char *synopsis; /* what may follow the name; one way a line */
    const char *summary;  /* one line without a full stop */
    const char *details;  /* paragraphs, an empty line between them; a line that starts with two
                             spaces is shown as it is */
    const char *examples; /* one command a line */
    wn_value_kind operand;
    const char *choices; /* of an operand that is a choice */
    size_t min_operands, max_operands;
} wn_command;

typedef enum wn_option_id {
    WN_OPT_QUERY = 0,
    WN_OPT_INSTRUCTION,
    WN_OPT_REQUEST,
    WN_OPT_INPUT,
    WN_OPT_TOP_N,
    WN_OPT_FORMAT,
    WN_OPT_WINDOWS,
    WN_OPT_EXPLAIN,
    WN_OPT_LONG_DOCS,
    WN_OPT_OUTPUT,
    WN_OPT_RESUME,
    WN_OPT_SHARD,
    WN_OPT_COUNT_ONLY,
    WN_OPT_NO_SPECIALS,
    WN_OPT_TOKEN_FORMAT,
    WN_OPT_POOLING,
    WN_OPT_NO_NORMALIZE,
    WN_OPT_REPORT_FORMAT,
    WN_OPT_HTML,
    WN_OPT_SCORES,
    WN_OPT_BM25_ONLY,
    WN_OPT_LIMIT,
    WN_OPT_TOP,
    WN_OPT_WORKLOAD,
    WN_OPT_REPEAT,
    WN_OPT_PEAK,
    WN_OPT_OPS,
    WN_OPT_CONFIG,
    WN_OPT_PRINT_CONFIG,
    WN_OPT_HOST,
    WN_OPT_PORT,
    WN_OPT_TLS_CERT,
    WN_OPT_TLS_KEY,
    WN_OPT_TLS_CLIENT_CA,
    WN_OPT_API_KEY,
    WN_OPT_ADMIN_KEY,
    WN_OPT_RPM,
    WN_OPT_TPM,
    WN_OPT_STATE_DIR,
    WN_OPT_KEY_NAME,
    WN_OPT_SCOPES,
    WN_OPT_TIER,
    WN_OPT_EXPIRES,
    WN_OPT_CONCURRENCY,
    WN_OPT_MONTHLY_TOKENS,
    WN_OPT_PREPAID_TOKENS,
    WN_OPT_WEIGHT,
    WN_OPT_OVERLAP,
    WN_OPT_BY,
    WN_OPT_FROM,
    WN_OPT_TO,
    WN_OPT_KEY,
    WN_OPT_USAGE_FORMAT,
    WN_OPT_STATEMENT,
    WN_OPT_PRICES,
    WN_OPT_TOP_URL,
    WN_OPT_TOP_KEY,
    WN_OPT_INTERVAL,
    WN_OPT_ONCE,
    WN_OPT_INSECURE_NO_AUTH,
    WN_OPT_SERVED_MODEL_NAME,
    WN_OPT_STRICT_MODELS,
    WN_OPT_NO_UI,
    WN_OPT_REPORTS,
    WN_OPT_CORS_ALLOW_ORIGIN,
    WN_OPT_TRUSTED_PROXIES,
    WN_OPT_PREDICT_ROUTE,
    WN_OPT_HEALTH_ROUTE,
    WN_OPT_TEI_HEADERS,
    WN_OPT_BODY_LIMIT,
    WN_OPT_MAX_CONNECTIONS,
    WN_OPT_WORKERS,
    WN_OPT_MEMORY_LIMIT,
    WN_OPT_SCORE_CACHE,
    WN_OPT_VECTOR_CACHE,
    WN_OPT_VECTOR_FORMAT,
    WN_OPT_CACHE_DIR,
    WN_OPT_CACHE_SCOPE,
    WN_OPT_REQUEST_TIMEOUT,
    WN_OPT_MAX_QUEUE_WAIT,
    WN_OPT_STUCK_AFTER,
    WN_OPT_METRICS_COMPAT,
    WN_OPT_DRAIN_DELAY,
    WN_OPT_DRAIN_TIMEOUT,
    WN_OPT_HALF_CLOSE,
    WN_OPT_USER,
    WN_OPT_SANDBOX,
    WN_OPT_PID_FILE,
    WN_OPT_URL,
    WN_OPT_LOG_FORMAT,
    WN_OPT_LOG_LEVEL,
    WN_OPT_MODEL,
    WN_OPT_MODEL_ROOT,
    WN_OPT_PLAIN_SPECIALS,
    WN_OPT_THREADS,
    WN_OPT_BATCH_TOKENS,
    WN_OPT_CPU_LEVEL,
    WN_OPT_DTYPE,
    WN_OPT_TASK,
    WN_OPT_JSON,
    WN_OPT_GGUF,
    WN_OPT_CONNECTIONS,
    WN_OPT_RETRIES,
    WN_OPT_FETCH_TIMEOUT,
    WN_OPT_YES,
    WN_OPT_REQUIRE_LICENCE,
    WN_OPT_MAN,
    WN_OPT_MARKDOWN,
    WN_OPT_CONFIGURATION,
    WN_OPT_QUIET,
    WN_OPT_HELP,
    WN_OPT_COUNT
} wn_option_id;

#define WN_FOR(command) (1u << WN_CMD_##command)
#define WN_FOR_ALL      ((1u << WN_CMD_COUNT) - 1)

/* Where an option may be set beside the command line: as WINNOW_NAME in the environment, and, when
 * it is one of the server's, in a configuration file. */
typedef enum wn_reach { WN_REACH_ALL = 0, WN_REACH_ENVIRONMENT, WN_REACH_FLAG } wn_reach;

typedef struct wn_option {
    unsigned commands; /* WN_FOR(...) of each command that has it */
    const char *name;  /* without the dashes */
    char letter;       /* 0: none */
    const char *value; /* as shown, such as "N"; NULL: takes none */
    wn_value_kind kind;
    int64_t min, max;
    const char *choices;  /* "table|json" */
    const char *initial;  /* its value when it is not set; NULL: none */
    const char *fallback; /* without an initial value, what happens, in words; or NULL */
    const char *help;     /* one sentence or two, without a full stop at the end */
    wn_reach reach;
    unsigned repeats; /* WN_FOR(...) of commands that take several of it: flags add up, in a file it
                         is a list, elsewhere one stands on each line */
    bool secret; /* never shown; --NAME-file FILE and WINNOW_NAME_FILE name a file that holds it */
    bool reload; /* a running server takes its new value over */
} wn_option;

/* Another name of an option of the server: those of text-embeddings-inference and of container
 * platforms. */
typedef struct wn_alias {
    const char *name;     /* of a flag, without the dashes; NULL: only a variable */
    const char *variable; /* of the environment; NULL: only a flag */
    wn_option_id option;  /* WN_OPT_COUNT: has no meaning here */
    const char *on, *off; /* a switch: the values of the option that it stands for */
    bool is_switch;       /* takes no value */
    const char *note;     /* why it has no meaning */
} wn_alias;

/* An environment variable, exit status or limit, for the documents. */
typedef struct wn_fact {
    const char *name;
    const char *help;
} wn_fact;

extern const wn_command wn_commands[WN_CMD_COUNT];
extern const wn_option wn_options[WN_OPT_COUNT];
extern const wn_alias wn_aliases[];    /* ends with a row without name and variable */
extern const wn_fact wn_environment[]; /* these three end with a row without name */
extern const wn_fact wn_exit_codes[];
extern const wn_fact wn_input_limits[];

/* The value of an environment variable that is listed in wn_environment[]; NULL when it is unset or
 * empty.  The only place that reads the environment. */
const char *wn_options_env(const char *name);

#endif
