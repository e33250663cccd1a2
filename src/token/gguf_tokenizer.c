/* See gguf_tokenizer.h.  One table tells the parts of each kind of tokenizer; the rest is writing
 * tokens in the spelling of tokenizer.json:
 *   bert  "##x" is stored as "x", "x" as U+2581 x; special tokens, in old files all in brackets, as
 *         they are
 *   t5    pieces with scores, at the end filled up with "[PADn]"; a <mask> that the SentencePiece
 *         model did not have is one of these
 *   gpt2  as they are; ids without a token are "[PADn]"
 *   llama pieces with scores, from which the merges follow, and a piece for each byte; runs of
 *         U+2581 among the tokens that are no pieces are stored as spaces */
#include "token/gguf_tokenizer.h"

#include "base/mem.h"
#include "base/str.h"
#include "data/json_text.h"
#include "data/unicode.h"
#include "token/gguf_merges.h"

#include <inttypes.h>

#define WN_WHERE "token/gguf_tokenizer"

#define KEY(name)  "tokenizer.ggml." name
#define WORD_MARK  "\xE2\x96\x81" /* U+2581 */
#define MASK_TOKEN "<mask>"
#define PAD_PREFIX "[PAD"
#define TAB_BYTE   "<0x09>"
#define NO_TOKEN   (-1)

/* Of the pieces of a vocabulary: from so many in a hundred on they tell how its text was made. */
#define TELLING_PERCENT 1

/* Types of tokens, as numbered in files. */
typedef enum token_type {
    TOKEN_NORMAL = 1,
    TOKEN_UNKNOWN,
    TOKEN_CONTROL,
    TOKEN_USER_DEFINED,
    TOKEN_UNUSED,
    TOKEN_BYTE
} token_type;

typedef enum algorithm {
    WORDPIECE,
    UNIGRAM,
    BPE,
    SCORED_BPE /* SentencePiece's: merges follow from scores */
} algorithm;

/* What stands around the texts. */
typedef enum frame {
    FRAME_BERT,    /* [CLS] A [SEP] B [SEP], B and the last of type 1 */
    FRAME_ROBERTA, /* <s> A </s></s> B </s> */
    FRAME_GEMMA, /* <bos> A <bos> B, the second <bos> and B of type 1; or with <eos> behind both */
    FRAME_NONE
} frame;

/* A kind of tokenizer; normalizers that depend on the file are NULL. */
typedef struct kind {
    const char *model, *pre; /* pre NULL: any */
    algorithm algorithm;
    frame frame;
    const char *normalizer, *pre_tokenizer, *decoder;
} kind;

#define BYTE_LEVEL(regex)                                                                          \
    "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_"              \
    "regex\":" regex "}"
#define QWEN_PATTERN                                                                               \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}| "              \
    "?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"
#define QWEN_SPLIT                                                                                 \
    "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":"        \
    "\"" QWEN_PATTERN "\"},\"behavior\":\"Isolated\",\"invert\":false}," BYTE_LEVEL("false") "]}"
#define METASPACE                                                                                  \
    "{\"type\":\"Metaspace\",\"replacement\":\"" WORD_MARK                                         \
    "\",\"prepend_scheme\":\"always\",\"split\":true}"
#define NFC "{\"type\":\"NFC\"}"
#define REPLACE(from, to)                                                                          \
    "{\"type\":\"Replace\",\"pattern\":{\"String\":\"" from "\"},\"content\":\"" to "\"}"
#define MARK_TO_SPACE REPLACE(WORD_MARK, " ")
#define BYTES_TO_TEXT                                                                              \
    "{\"type\":\"Sequence\",\"decoders\":[" MARK_TO_SPACE                                          \
    ",{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"}]}"

static const kind kinds[] = {
    {"bert", NULL, WORDPIECE, FRAME_BERT, NULL, "{\"type\":\"BertPreTokenizer\"}",
     "{\"type\":\"WordPiece\",\"prefix\":\"##\",\"cleanup\":true}"},
    {"t5", NULL, UNIGRAM, FRAME_ROBERTA, NULL, METASPACE, METASPACE},
    {"llama", NULL, SCORED_BPE, FRAME_GEMMA, REPLACE(" ", WORD_MARK), "null", BYTES_TO_TEXT},
    {"gpt2", "roberta-bpe", BPE, FRAME_ROBERTA, "null", BYTE_LEVEL("true"), BYTE_LEVEL("true")},
    {"gpt2", "jina-v1-en", BPE, FRAME_ROBERTA, "null", BYTE_LEVEL("true"), BYTE_LEVEL("true")},
    {"gpt2", "modern-bert", BPE, FRAME_BERT, NFC, BYTE_LEVEL("true"), BYTE_LEVEL("true")},
    {"gpt2", "qwen2", BPE, FRAME_NONE, NFC, QWEN_SPLIT, BYTE_LEVEL("true")},
};

/* What files of a kind say of white space, without exception as far as they say; what a file does
 * not say is what llama.cpp takes then. */
static const struct demand {
    algorithm algorithm;
    const char *key;
    bool value, fallback;
} demands[] = {
    {UNIGRAM, KEY("add_space_prefix"), true, true},
    {UNIGRAM, KEY("remove_extra_whitespaces"), true, true},
    {SCORED_BPE, KEY("add_space_prefix"), false, true},
    {SCORED_BPE, KEY("remove_extra_whitespaces"), false, false},
};

/* What is written, and to where. */
typedef struct writer {
    const wn_gguf *gguf;
    const kind *kind;
    wn_buf *out;
    wn_error *err;
    wn_str *tokens; /* [n], valid UTF-8 */
    size_t n;
    const wn_gguf_value *types, *scores; /* [n]; scores of UNIGRAM and SCORED_BPE only */
    int64_t cls, sep, unk, mask;         /* ids or NO_TOKEN */
    bool mask_is_lost;                   /* its token was made up by the converter */
    wn_buf spare;
} writer;

/* ---- reading --------------------------------------------------------------------------------- */

static wn_status find_array(const writer *w, const wn_gguf_value **out, const char *key,
                            bool of_strings)
{
    const wn_gguf_value *value = wn_gguf_find(w->gguf, key);
    if (value == NULL)
        WN_FAIL(w->err, WN_ERR_FORMAT, "key '%s' is missing", key);
    if (!value->is_array || of_strings != (value->type == WN_GGUF_STRING))
        WN_FAIL(w->err, WN_ERR_FORMAT, "key '%s': is not an array of %s", key,
                of_strings ? "strings" : "numbers");
    *out = value;
    return WN_OK;
}

/* As many as there are tokens. */
static wn_status find_numbers(const writer *w, const wn_gguf_value **out, const char *key)
{
    WN_TRY(find_array(w, out, key, false));
    if ((*out)->n != w->n)
        WN_FAIL(w->err, WN_ERR_FORMAT, "key '%s': has %zu items, " KEY("tokens") " has %zu", key,
                (*out)->n, w->n);
    return WN_OK;
}

static bool has_scores(const writer *w)
{
    return w->kind->algorithm == UNIGRAM || w->kind->algorithm == SCORED_BPE;
}

static wn_status read_tokens(writer *w)
{
    const wn_gguf_value *tokens;
    WN_TRY(find_array(w, &tokens, KEY("tokens"), true));
    if (tokens->n == 0 || tokens->n > WN_GGUF_TOKENS_MAX)
        WN_FAIL(w->err, WN_ERR_LIMIT, "key '" KEY("tokens") "': has %zu items, expected 1..%d",
                tokens->n, WN_GGUF_TOKENS_MAX);
    w->tokens = wn_mem_alloc(tokens->n, sizeof *w->tokens);
    if (w->tokens == NULL)
        WN_FAIL(w->err, WN_ERR_MEMORY, "no memory for %zu tokens", tokens->n);
    const unsigned char *at = tokens->data;
    for (w->n = 0; w->n < tokens->n; w->n++) {
        wn_str token = wn_gguf_next_string(&at);
        if (wn_utf8_check(token) != token.len)
            WN_FAIL(w->err, WN_ERR_FORMAT, "key '" KEY("tokens") "': token %zu is not UTF-8", w->n);
        w->tokens[w->n] = token;
    }
    WN_TRY(find_numbers(w, &w->types, KEY("token_type")));
    return has_scores(w) ? find_numbers(w, &w->scores, KEY("scores")) : WN_OK;
}

/* The value of a switch; NULL when the key is not there or something else. */
static const wn_gguf_value *find_switch(const writer *w, const char *key)
{
    const wn_gguf_value *value = wn_gguf_find(w->gguf, key);
    return value != NULL && value->type == WN_GGUF_BOOL && !value->is_array ? value : NULL;
}

static bool read_switch(const writer *w, const char *key, bool fallback)
{
    const wn_gguf_value *value = find_switch(w, key);
    return value == NULL ? fallback : value->data[0] != 0;
}

static wn_status check_white_space(const writer *w)
{
    for (size_t i = 0; i < WN_ARRAY_LEN(demands); i++) {
        const struct demand *d = &demands[i];
        if (d->algorithm == w->kind->algorithm && read_switch(w, d->key, d->fallback) != d->value)
            WN_FAIL(w->err, WN_ERR_UNSUPPORTED,
                    "key '%s': is %s, those of %s that are supported have %s", d->key,
                    find_switch(w, d->key) == NULL ? "missing"
                    : d->value                     ? "false"
                                                   : "true",
                    w->kind->model, d->value ? "true" : "false");
    }
    return WN_OK;
}

static token_type type_of(const writer *w, size_t id)
{
    double type = wn_gguf_number(w->types, id);
    return type >= TOKEN_NORMAL && type <= TOKEN_BYTE ? (token_type)type : TOKEN_NORMAL;
}

/* Set *id to what a key gives; without the key it stays. */
static wn_status read_id(const writer *w, int64_t *id, const char *key)
{
    const wn_gguf_value *value = wn_gguf_find(w->gguf, key);
    if (value == NULL)
        return WN_OK;
    double number =
        value->is_array || value->type == WN_GGUF_STRING ? -1 : wn_gguf_number(value, 0);
    if (!(number >= 0 && number < (double)w->n))
        WN_FAIL(w->err, WN_ERR_FORMAT, "key '%s': is %.0f, expected an id from 0 to %zu", key,
                number, w->n - 1);
    *id = (int64_t)number;
    return WN_OK;
}

static int64_t default_id(const writer *w, int64_t id)
{
    return w->kind->algorithm == WORDPIECE && id < (int64_t)w->n ? id : NO_TOKEN;
}

/* The converter makes up a token for each id that has none. */
static bool is_made_up(const writer *w, size_t id)
{
    return type_of(w, id) == TOKEN_UNUSED && wn_str_starts(w->tokens[id], WN_STR(PAD_PREFIX));
}

/* The last key of each that is there counts; the defaults are those of llama.cpp. */
static wn_status read_ids(writer *w)
{
    w->cls = default_id(w, 101);
    w->sep = default_id(w, 102);
    w->unk = default_id(w, 100);
    w->mask = NO_TOKEN;
    for (size_t i = 0; i < w->n && has_scores(w) && w->unk == NO_TOKEN; i++)
        w->unk = type_of(w, i) == TOKEN_UNKNOWN ? (int64_t)i : NO_TOKEN;
    WN_TRY(read_id(w, &w->cls, KEY("cls_token_id")));
    WN_TRY(read_id(w, &w->cls, KEY("bos_token_id")));
    WN_TRY(read_id(w, &w->sep, KEY("eos_token_id")));
    WN_TRY(read_id(w, &w->sep, KEY("seperator_token_id")));
    WN_TRY(read_id(w, &w->unk, KEY("unknown_token_id")));
    WN_TRY(read_id(w, &w->mask, KEY("mask_token_id")));
    w->mask_is_lost = w->mask != NO_TOKEN && is_made_up(w, (size_t)w->mask);
    if (w->kind->frame != FRAME_NONE && (w->cls == NO_TOKEN || w->sep == NO_TOKEN))
        WN_FAIL(w->err, WN_ERR_FORMAT, "key '%s' is missing",
                w->cls == NO_TOKEN ? KEY("bos_token_id") : KEY("eos_token_id"));
    if (w->kind->algorithm != BPE && w->unk == NO_TOKEN)
        WN_FAIL(w->err, WN_ERR_FORMAT, "key '" KEY("unknown_token_id") "' is missing");
    return WN_OK;
}

/* ---- tokens ---------------------------------------------------------------------------------- */

static bool is_spaces(wn_str token)
{
    size_t n = 0;
    while (n < token.len && token.ptr[n] == ' ')
        n++;
    return n > 0 && n == token.len;
}

/* Give the tokens of a SentencePiece model the spelling of its tokenizer.json: runs of spaces were
 * U+2581 before conversion; the tab, where it is no piece, is one there in place of its byte.  A
 * run that is too long stays too long. */
static wn_status respell(writer *w)
{
    bool has_tab = false;
    size_t tab_byte = w->n;
    for (size_t i = 0; i < WN_MERGED_PIECE_MAX; i++)
        wn_buf_push_str(&w->spare, WN_STR(WORD_MARK));
    if (w->spare.failed)
        WN_FAIL(w->err, WN_ERR_MEMORY, "no memory for %d marks", WN_MERGED_PIECE_MAX);
    for (size_t id = 0; id < w->n; id++) {
        wn_str *token = &w->tokens[id];
        size_t n_marks = WN_MIN(token->len, (size_t)WN_MERGED_PIECE_MAX);
        has_tab |= wn_str_equal(*token, WN_STR("\t"));
        if (type_of(w, id) == TOKEN_BYTE && wn_str_equal(*token, WN_STR(TAB_BYTE)))
            tab_byte = id;
        if (type_of(w, id) == TOKEN_USER_DEFINED && is_spaces(*token))
            *token = wn_str_slice(wn_buf_str(&w->spare), 0, n_marks * (sizeof WORD_MARK - 1));
    }
    if (!has_tab && tab_byte < w->n)
        w->tokens[tab_byte] = WN_STR("\t");
    return WN_OK;
}

/* A piece of a WordPiece vocabulary without its mark; *begins: it begins a word. */
static wn_str bare_piece(const writer *w, size_t id, bool *begins)
{
    wn_str token = w->tokens[id];
    token_type type = type_of(w, id);
    bool marked = wn_str_starts(token, WN_STR(WORD_MARK));
    bool special = type == TOKEN_CONTROL || type == TOKEN_UNKNOWN ||
                   (token.len > 1 && token.ptr[0] == '[' && token.ptr[token.len - 1] == ']');
    *begins = marked || special;
    return marked && !special ? wn_str_slice(token, sizeof WORD_MARK - 1, token.len) : token;
}

/* A token as tokenizer.json spells it; valid until the next one is spelled. */
static wn_str spell(writer *w, size_t id)
{
    bool begins;
    if (w->mask_is_lost && (int64_t)id == w->mask)
        return WN_STR(MASK_TOKEN);
    if (w->kind->algorithm != WORDPIECE)
        return w->tokens[id];
    wn_str piece = bare_piece(w, id, &begins);
    if (begins)
        return piece;
    wn_buf_clear(&w->spare);
    wn_buf_push_str(&w->spare, WN_STR("##"));
    wn_buf_push_str(&w->spare, piece);
    w->out->failed |= w->spare.failed;
    return wn_buf_str(&w->spare);
}

/* Tokens that are found in a text before anything else is done with it.  Which of them look left
 * for white space is not in the file: in the published ones it is the mask, but not BERT's and
 * Gemma's.  Nor is which are found in what the normalizer made of it: none of Gemma's. */
static void push_added(writer *w)
{
    bool first = true, is_gemma = w->kind->frame == FRAME_GEMMA;
    for (size_t id = 0; id < w->n; id++) {
        token_type type = type_of(w, id);
        bool is_mask = (int64_t)id == w->mask;
        bool special = type == TOKEN_CONTROL || type == TOKEN_UNKNOWN || is_mask;
        if (!special && type != TOKEN_USER_DEFINED)
            continue;
        wn_buf_printf(w->out, "%s{\"id\":%zu,\"content\":", first ? "" : ",", id);
        wn_json_push_string(w->out, spell(w, id));
        wn_buf_printf(w->out,
                      ",\"single_word\":false,\"lstrip\":%s,\"rstrip\":false,"
                      "\"normalized\":%s,\"special\":%s}",
                      is_mask && w->kind->algorithm != WORDPIECE && !is_gemma ? "true" : "false",
                      special || is_gemma ? "false" : "true", special ? "true" : "false");
        first = false;
    }
}

/* ---- normalizers ----------------------------------------------------------------------------- */

/* What the pieces of a vocabulary have that some normalizers would have removed. */
typedef struct traces {
    size_t n, n_upper, n_accents, n_joined_cjk, n_marked; /* pieces */
} traces;

static bool has_accent(uint32_t c)
{
    uint32_t parts[WN_UNICODE_PARTS_MAX];
    size_t n = wn_unicode_decompose(parts, c, false);
    for (size_t i = 0; i < n; i++) {
        if ((wn_unicode_flags(parts[i]) & WN_UC_NONSPACING) != 0)
            return true;
    }
    return false;
}

static traces find_traces(const writer *w)
{
    traces t = {0};
    for (size_t id = 0; id < w->n; id++) {
        bool begins, upper = false, accent = false, cjk = false;
        wn_str piece = bare_piece(w, id, &begins);
        if (type_of(w, id) != TOKEN_NORMAL || (piece.len > 1 && piece.ptr[0] == '['))
            continue;
        size_t len, n = 0;
        for (size_t at = 0; at < piece.len; at += len, n++) {
            uint32_t c = wn_utf8_decode(piece.ptr + at, &len), flags = wn_unicode_flags(c);
            upper |= (flags & WN_UC_UPPER) != 0;
            cjk |= (flags & WN_UC_CJK) != 0;
            accent |= has_accent(c);
        }
        t.n++;
        t.n_marked += begins && wn_str_starts(piece, WN_STR(WORD_MARK));
        t.n_upper += upper;
        t.n_accents += accent;
        t.n_joined_cjk += cjk && n > 1;
    }
    return t;
}

/* Whether pieces with a trace are there on purpose.  None: no; many: yes; a few tell nothing. */
static wn_status tell(const writer *w, bool *out, size_t n_with, size_t n, const char *what,
                      const char *key)
{
    *out = !read_switch(w, key, n_with == 0);
    if (find_switch(w, key) != NULL)
        return WN_OK;
    if (n_with > 0 && n_with < n * TELLING_PERCENT / 100)
        WN_FAIL(w->err, WN_ERR_UNSUPPORTED,
                "%zu of %zu pieces have %s, too few to tell whether texts keep them, and there is "
                "no key '%s'; load the model's safetensors and tokenizer.json instead",
                n_with, n, what, key);
    return WN_OK;
}

static wn_status push_bert_normalizer(writer *w)
{
    bool keeps_case, keeps_accents = true, keeps_cjk;
    traces t = find_traces(w);
    if (t.n_marked > t.n / 4)
        WN_FAIL(
            w->err, WN_ERR_UNSUPPORTED,
            "%zu of %zu pieces begin with two U+2581: this is a vocabulary of SentencePiece, which "
            "conversion took for WordPiece; load the model's safetensors and tokenizer.json "
            "instead",
            t.n_marked, t.n);
    WN_TRY(tell(w, &keeps_case, t.n_upper, t.n, "capital letters", KEY("normalizer.lowercase")));
    if (!keeps_case || wn_gguf_find(w->gguf, KEY("normalizer.strip_accents")) != NULL)
        WN_TRY(
            tell(w, &keeps_accents, t.n_accents, t.n, "accents", KEY("normalizer.strip_accents")));
    WN_TRY(tell(w, &keeps_cjk, t.n_joined_cjk, t.n, "more than one Chinese character",
                KEY("normalizer.handle_chinese_chars")));
    wn_buf_printf(w->out,
                  "{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":%s,"
                  "\"strip_accents\":%s,\"lowercase\":%s}",
                  keeps_cjk ? "false" : "true", keeps_accents ? "false" : "true",
                  keeps_case ? "false" : "true");
    return WN_OK;
}

static void push_base64(wn_buf *out, const unsigned char *bytes, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        uint32_t three = (uint32_t)bytes[i] << 16;
        three |= i + 1 < n ? (uint32_t)bytes[i + 1] << 8 : 0;
        three |= i + 2 < n ? bytes[i + 2] : 0;
        const char four[4] = {digits[three >> 18], digits[three >> 12 & 63],
                              i + 1 < n ? digits[three >> 6 & 63] : '=',
                              i + 2 < n ? digits[three & 63] : '='};
        wn_buf_push(out, four, sizeof four);
    }
}

/* As in the files of XLM-R models since 2024. */
static wn_status push_unigram_normalizer(writer *w)
{
    const wn_gguf_value *map = wn_gguf_find(w->gguf, KEY("precompiled_charsmap"));
    wn_buf_printf(w->out, "{\"type\":\"Sequence\",\"normalizers\":[");
    if (map != NULL && map->n > 0) {
        if (!map->is_array || (map->type != WN_GGUF_U8 && map->type != WN_GGUF_I8))
            WN_FAIL(w->err, WN_ERR_FORMAT,
                    "key '" KEY("precompiled_charsmap") "': is not an array of bytes");
        wn_buf_printf(w->out, "{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"");
        push_base64(w->out, map->data, map->n);
        wn_buf_printf(w->out, "\"},");
    }
    wn_buf_printf(w->out, "{\"type\":\"Strip\",\"strip_left\":false,\"strip_right\":true},"
                          "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\" {2,}\"},"
                          "\"content\":\"" WORD_MARK "\"}]}");
    return WN_OK;
}

static wn_status push_normalizer(writer *w)
{
    if (w->kind->normalizer != NULL) {
        wn_buf_push_str(w->out, wn_str_from(w->kind->normalizer));
        return WN_OK;
    }
    return w->kind->algorithm == UNIGRAM ? push_unigram_normalizer(w) : push_bert_normalizer(w);
}

/* What stands around one text, or two. */
static void push_parts(writer *w, bool pair)
{
    const char *gap = "[";
    for (int type = 0; type <= pair; type++) {
        const struct {
            bool is_there;
            const char *kind, *id;
        } parts[] = {{read_switch(w, KEY("add_bos_token"), true), "SpecialToken", "bos"},
                     {true, "Sequence", type == 0 ? "A" : "B"},
                     {read_switch(w, KEY("add_eos_token"), false), "SpecialToken", "eos"}};
        for (size_t i = 0; i < WN_ARRAY_LEN(parts); i++) {
            if (!parts[i].is_there)
                continue;
            wn_buf_printf(w->out, "%s{\"%s\":{\"id\":\"%s\",\"type_id\":%d}}", gap, parts[i].kind,
                          parts[i].id, type);
            gap = ",";
        }
    }
    wn_buf_push_byte(w->out, ']');
}

/* The names of special tokens are for people. */
static void push_template(writer *w)
{
    wn_buf_printf(w->out, "{\"type\":\"TemplateProcessing\",\"single\":");
    push_parts(w, false);
    wn_buf_printf(w->out, ",\"pair\":");
    push_parts(w, true);
    wn_buf_printf(w->out,
                  ",\"special_tokens\":{"
                  "\"bos\":{\"id\":\"bos\",\"ids\":[%" PRId64 "],\"tokens\":[\"bos\"]},"
                  "\"eos\":{\"id\":\"eos\",\"ids\":[%" PRId64 "],\"tokens\":[\"eos\"]}}}",
                  w->cls, w->sep);
}

static void push_frame(writer *w)
{
    if (w->kind->frame == FRAME_NONE) {
        wn_buf_push_str(w->out, WN_STR("null"));
        return;
    }
    if (w->kind->frame == FRAME_GEMMA) {
        push_template(w);
        return;
    }
    wn_buf_printf(w->out, "{\"type\":\"%s\",\"cls\":[",
                  w->kind->frame == FRAME_BERT ? "BertProcessing" : "RobertaProcessing");
    wn_json_push_string(w->out, w->tokens[w->cls]);
    wn_buf_printf(w->out, ",%" PRId64 "],\"sep\":[", w->cls);
    wn_json_push_string(w->out, w->tokens[w->sep]);
    wn_buf_printf(w->out, ",%" PRId64 "],\"trim_offsets\":true,\"add_prefix_space\":false}",
                  w->sep);
}

/* ---- models ---------------------------------------------------------------------------------- */

/* {"piece":id, ...} */
static void push_vocab(writer *w)
{
    const char *gap = "{";
    for (size_t id = 0; id < w->n; id++) {
        if (is_made_up(w, id))
            continue;
        wn_buf_printf(w->out, "%s", gap);
        wn_json_push_string(w->out, spell(w, id));
        wn_buf_printf(w->out, ":%zu", id);
        gap = ",";
    }
    wn_buf_push_str(w->out, gap[0] == '{' ? WN_STR("{}") : WN_STR("}"));
}

static void push_wordpiece(writer *w)
{
    wn_buf_printf(w->out, "{\"type\":\"WordPiece\",\"unk_token\":");
    wn_json_push_string(w->out, spell(w, (size_t)w->unk));
    wn_buf_printf(w->out, ",\"continuing_subword_prefix\":\"##\",\"max_input_chars_per_word\":100,"
                          "\"vocab\":");
    push_vocab(w);
    wn_buf_push_byte(w->out, '}');
}

/* All of a BPE model but its merges and what ends it. */
static void push_bpe_front(writer *w, bool falls_back)
{
    const char *flag = falls_back ? "true" : "false";
    wn_buf_printf(w->out, "{\"type\":\"BPE\",\"dropout\":null,\"unk_token\":");
    if (falls_back)
        wn_json_push_string(w->out, w->tokens[w->unk]);
    else
        wn_buf_printf(w->out, "null");
    wn_buf_printf(w->out,
                  ",\"continuing_subword_prefix\":null,\"end_of_word_suffix\":null,"
                  "\"fuse_unk\":%s,\"byte_fallback\":%s,\"vocab\":",
                  flag, flag);
    push_vocab(w);
    wn_buf_printf(w->out, ",\"merges\":");
}

static wn_status push_bpe(writer *w)
{
    const wn_gguf_value *merges;
    WN_TRY(find_array(w, &merges, KEY("merges"), true));
    push_bpe_front(w, false);
    wn_buf_push_byte(w->out, '[');
    const unsigned char *at = merges->data;
    for (size_t i = 0; i < merges->n; i++) {
        wn_str merge = wn_gguf_next_string(&at);
        if (wn_utf8_check(merge) != merge.len)
            WN_FAIL(w->err, WN_ERR_FORMAT, "key '" KEY("merges") "': merge %zu is not UTF-8", i);
        wn_buf_printf(w->out, "%s", i > 0 ? "," : "");
        wn_json_push_string(w->out, merge);
    }
    wn_buf_printf(w->out, "]}");
    return WN_OK;
}

/* A score that can be compared. */
static wn_status read_score(const writer *w, double *out, size_t id)
{
    *out = wn_gguf_number(w->scores, id);
    if (!(*out > -1e30 && *out < 1e30))
        WN_FAIL(w->err, WN_ERR_FORMAT, "key '" KEY("scores") "': score %zu is not a number", id);
    return WN_OK;
}

/* Tokens that are no pieces have a score of 0 in a SentencePiece model; conversion gives some of
 * them another one. */
static wn_status list_pieces(const writer *w, wn_scored_piece *out, size_t *n)
{
    *n = 0;
    for (size_t id = 0; id < w->n; id++) {
        double score = 0;
        if (type_of(w, id) == TOKEN_NORMAL)
            WN_TRY(read_score(w, &score, id));
        if (!is_made_up(w, id))
            out[(*n)++] = (wn_scored_piece){w->tokens[id], score, (int32_t)id};
    }
    return WN_OK;
}

static wn_status push_scored_bpe(writer *w)
{
    size_t n;
    wn_scored_piece *pieces = wn_mem_alloc(w->n, sizeof *pieces);
    if (pieces == NULL)
        WN_FAIL(w->err, WN_ERR_MEMORY, "no memory for %zu pieces", w->n);
    push_bpe_front(w, true);
    wn_status status = list_pieces(w, pieces, &n);
    if (status == WN_OK)
        status = wn_gguf_merges_push(w->out, pieces, n, w->err);
    wn_buf_push_byte(w->out, '}');
    wn_mem_free(pieces);
    return status;
}

/* Made-up pieces must not count: their scores would be the lowest ones, and an unknown character's
 * is measured from there.  The list is cut before those at its end; but for the mask behind them
 * they are empty pieces. */
static wn_status push_unigram(writer *w)
{
    size_t n = w->n;
    while (n > 0 && is_made_up(w, n - 1) && (int64_t)n - 1 != w->mask)
        n--;
    wn_buf_printf(
        w->out, "{\"type\":\"Unigram\",\"unk_id\":%" PRId64 ",\"byte_fallback\":false,\"vocab\":[",
        w->unk);
    for (size_t id = 0; id < n; id++) {
        bool made_up = is_made_up(w, id);
        double score = 0;
        if (!made_up)
            WN_TRY(read_score(w, &score, id));
        wn_buf_printf(w->out, "%s[", id > 0 ? "," : "");
        wn_json_push_string(w->out, made_up && (int64_t)id != w->mask ? WN_STR("") : spell(w, id));
        wn_buf_push_byte(w->out, ',');
        wn_json_push_double(w->out, score);
        wn_buf_push_byte(w->out, ']');
    }
    wn_buf_printf(w->out, "]}");
    return WN_OK;
}

/* ---- all ------------------------------------------------------------------------------------- */

static wn_status write_all(writer *w)
{
    WN_TRY(read_tokens(w));
    WN_TRY(read_ids(w));
    WN_TRY(check_white_space(w));
    if (w->kind->algorithm == SCORED_BPE)
        WN_TRY(respell(w));
    wn_buf_printf(w->out, "{\"version\":\"1.0\",\"added_tokens\":[");
    push_added(w);
    wn_buf_printf(w->out, "],\"normalizer\":");
    WN_TRY(push_normalizer(w));
    wn_buf_printf(w->out, ",\"pre_tokenizer\":%s,\"post_processor\":", w->kind->pre_tokenizer);
    push_frame(w);
    wn_buf_printf(w->out, ",\"decoder\":%s,\"model\":", w->kind->decoder);
    switch (w->kind->algorithm) {
    case WORDPIECE:
        push_wordpiece(w);
        break;
    case UNIGRAM:
        WN_TRY(push_unigram(w));
        break;
    case BPE:
        WN_TRY(push_bpe(w));
        break;
    case SCORED_BPE:
        WN_TRY(push_scored_bpe(w));
        break;
    }
    wn_buf_push_byte(w->out, '}');
    if (w->out->failed)
        WN_FAIL(w->err, WN_ERR_MEMORY, "no memory for a tokenizer of %zu tokens", w->n);
    return WN_OK;
}

static wn_status find_kind(const kind **out, const wn_gguf *gguf, wn_error *err)
{
    wn_str model = wn_gguf_string(gguf, KEY("model")), pre = wn_gguf_string(gguf, KEY("pre"));
    bool known = false;
    if (model.ptr == NULL)
        WN_FAIL(err, WN_ERR_FORMAT, "key '" KEY("model") "' is missing: the file has no tokenizer");
    for (size_t i = 0; i < WN_ARRAY_LEN(kinds); i++) {
        if (!wn_str_equal(model, wn_str_from(kinds[i].model)))
            continue;
        known = true;
        if (kinds[i].pre == NULL || wn_str_equal(pre, wn_str_from(kinds[i].pre))) {
            *out = &kinds[i];
            return WN_OK;
        }
    }
    if (!known)
        WN_FAIL(
            err, WN_ERR_UNSUPPORTED,
            "key '" KEY("model") "': '%.*s' is not supported; supported are bert, t5, llama, gpt2",
            WN_STR_ARG(model));
    WN_FAIL(err, WN_ERR_UNSUPPORTED,
            "key '" KEY("pre") "': '%.*s' is not supported; supported are roberta-bpe, jina-v1-en, "
                               "modern-bert, qwen2",
            WN_STR_ARG(pre));
}

wn_status wn_gguf_tokenizer_write(wn_buf *out, const wn_gguf *gguf, wn_error *err)
{
    wn_str whole = wn_gguf_string(gguf, "tokenizer.huggingface.json");
    writer w = {.gguf = gguf, .out = out, .err = err};
    if (whole.ptr != NULL) {
        if (!wn_buf_push_str(out, whole))
            WN_FAIL(err, WN_ERR_MEMORY, "no memory for a tokenizer of %zu bytes", whole.len);
        return WN_OK;
    }
    WN_TRY(find_kind(&w.kind, gguf, err));
    wn_status status = write_all(&w);
    wn_mem_free(w.tokens);
    wn_buf_deinit(&w.spare);
    return status;
}
