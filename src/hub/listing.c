/* See listing.h. */
#include "hub/listing.h"

#include "base/mem.h"
#include "base/str.h"
#include "data/json_bind.h"

#include <fnmatch.h>
#include <stdio.h>

#define WN_WHERE "hub/listing"

/* ---- reading --------------------------------------------------------------------------------- */

static wn_str string_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_string(value) ? (wn_str){json_string_value(value), json_string_length(value)}
                                 : (wn_str){0};
}

static uint64_t size_of(const json_t *object)
{
    const json_t *value = json_object_get(object, "size");
    json_int_t n = json_is_integer(value) ? json_integer_value(value) : -1;
    return n >= 0 ? (uint64_t)n : UINT64_MAX;
}

/* Whether a name would lead out of its folder. */
static bool leads_out(wn_str name)
{
    bool out = name.len > 0 && name.ptr[0] == '/';
    for (size_t i = 0; i + 2 <= name.len; i++)
        out |= (i == 0 || name.ptr[i - 1] == '/') && name.ptr[i] == '.' && name.ptr[i + 1] == '.' &&
               (i + 2 == name.len || name.ptr[i + 2] == '/');
    return out;
}

static wn_status read_file(wn_listing *out, const json_t *json, const wn_repo *repo, wn_error *err)
{
    wn_listed_file *file = &out->files[out->n_files];
    const json_t *large = json_object_get(json, "lfs");
    wn_str name = string_of(json, "rfilename");
    wn_str blob = string_of(json, "blobId");
    *file = (wn_listed_file){.size = size_of(json)};
    if (name.len == 0 || leads_out(name))
        WN_FAIL(err, WN_ERR_FORMAT, "it lists a file '%.*s' of '%s': no name of a file",
                WN_STR_ARG(name), repo->id);
    if (!wn_repo_is_file(name)) /* .gitattributes, onnx/.gitignore, a strange name: of no use */
        return WN_OK;
    if (json_is_object(large)) {
        blob = string_of(large, "sha256");
        file->size = size_of(large);
    }
    if (blob.len > 0 && (!wn_repo_is_digest(blob) || (json_is_object(large) && blob.len != 64)))
        WN_FAIL(err, WN_ERR_FORMAT, "the digest of '%.*s' is '%.*s', expected a SHA",
                WN_STR_ARG(name), WN_STR_ARG(blob));
    snprintf(file->blob, sizeof file->blob, "%.*s", (int)blob.len, blob.len == 0 ? "" : blob.ptr);
    file->name = wn_arena_str(&out->arena, name).ptr;
    if (file->name == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for the files of '%s'", repo->id);
    out->n_files++;
    return WN_OK;
}

static wn_status read_all(wn_listing *out, const json_t *json, const wn_repo *repo, wn_error *err)
{
    const json_t *files = json_object_get(json, "siblings");
    wn_str commit = string_of(json, "sha");
    size_t n = json_array_size(files);
    if (!json_is_array(files) || !wn_repo_is_commit(commit))
        WN_FAIL(err, WN_ERR_FORMAT, "what it tells of '%s' has no \"%s\"", repo->id,
                json_is_array(files) ? "sha" : "siblings");
    if (n > WN_LISTING_FILES_MAX)
        WN_FAIL(err, WN_ERR_LIMIT, "model '%s' has %zu files, at most %d", repo->id, n,
                WN_LISTING_FILES_MAX);
    memcpy(out->commit, commit.ptr, WN_COMMIT_LEN);
    out->files = wn_arena_alloc(&out->arena, n + 1, sizeof *out->files);
    if (out->files == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for the files of '%s'", repo->id);
    for (size_t i = 0; i < n; i++)
        WN_TRY(read_file(out, json_array_get(files, i), repo, err));
    return WN_OK;
}

wn_status wn_listing_parse(wn_listing *out, wn_str json, const wn_repo *repo, wn_error *err)
{
    json_t *root;
    *out = (wn_listing){.arena = WN_ARENA_INIT};
    WN_TRY(wn_json_parse(&root, json, "the list of files", err));
    wn_status status = read_all(out, root, repo, err);
    json_decref(root);
    return status;
}

void wn_listing_deinit(wn_listing *listing)
{
    wn_arena_deinit(&listing->arena);
    *listing = (wn_listing){0};
}

/* ---- choosing -------------------------------------------------------------------------------- */

/* What else a model directory may have, as patterns; '*' does not match a slash. */
static const char *const companions[] = {
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "*.model", /* of SentencePiece */
    "chat_template.jinja",
    "chat_template.json",
    "config_sentence_transformers.json",
    "sentence_bert_config.json",
    "modules.json",
    "[0-9]_*/*.json",
    "artifact.metadata",
    "reference.jsonl",
};

/* What belongs to any model. */
static const char *const papers[] = {"README.md", "MODEL_CARD.md", "LICEN[CS]E*", "NOTICE*"};

static bool matches(const char *pattern, const char *name)
{
    return fnmatch(pattern, name, FNM_PATHNAME | FNM_PERIOD) == 0;
}

static size_t want(wn_listing *listing, const char *pattern)
{
    size_t n = 0;
    for (size_t i = 0; i < listing->n_files; i++) {
        if (!matches(pattern, listing->files[i].name))
            continue;
        listing->files[i].wanted = true;
        n++;
    }
    return n;
}

bool wn_listing_is_pickle(wn_str name)
{
    static const char *const endings[] = {".bin",  ".pt",     ".pth",   ".pkl",
                                          ".ckpt", ".pickle", ".joblib"};
    for (size_t i = 0; i < WN_ARRAY_LEN(endings); i++)
        if (wn_str_ends(name, wn_str_from(endings[i])))
            return true;
    return false;
}

/* The names that end so, up to three, as "a, b, ...". */
static void push_names(wn_buf *out, const wn_listing *listing, bool (*is)(wn_str name))
{
    size_t n = 0;
    for (size_t i = 0; i < listing->n_files; i++)
        if (is(wn_str_from(listing->files[i].name)) && n++ < 3)
            wn_buf_printf(out, "%s%.60s", n > 1 ? ", " : "", listing->files[i].name);
    if (n > 3)
        wn_buf_printf(out, ", ...");
    wn_buf_push_byte(out, '\0');
}

static bool is_gguf(wn_str name)
{
    return wn_str_ends(name, WN_STR(".gguf"));
}

static bool is_onnx(wn_str name)
{
    return wn_str_ends(name, WN_STR(".onnx"));
}

static bool has_any(const wn_listing *listing, bool (*is)(wn_str name))
{
    for (size_t i = 0; i < listing->n_files; i++)
        if (is(wn_str_from(listing->files[i].name)))
            return true;
    return false;
}

static wn_status fail_without_weights(const wn_listing *listing, const wn_repo *repo, wn_error *err)
{
    wn_buf names = WN_BUF_INIT;
    wn_status status = WN_ERR_UNSUPPORTED;
    if (has_any(listing, is_gguf)) {
        push_names(&names, listing, is_gguf);
        status = wn_error_set(err, status, WN_WHERE,
                              "model '%s' has GGUF files (%s): choose one, winnow pull %s FILE",
                              repo->id, names.failed ? "" : names.ptr, repo->id);
    } else if (has_any(listing, wn_listing_is_pickle)) {
        push_names(&names, listing, wn_listing_is_pickle);
        status = wn_error_set(
            err, status, WN_WHERE,
            "model '%s' has its weights as pickles alone (%s): reading one may run any program, so "
            "they are not fetched; find a revision with safetensors, or make them where that is "
            "safe: AutoModel.from_pretrained(\"%s\").save_pretrained(\"DIR\"), with the AutoModel "
            "class of its config.json",
            repo->id, names.failed ? "" : names.ptr, repo->id);
    } else {
        status =
            wn_error_set(err, status, WN_WHERE,
                         "model '%s' has no safetensors%s; take a revision that has them, or "
                         "the model that it was made from",
                         repo->id, has_any(listing, is_onnx) ? ": ONNX files are not read" : "");
    }
    wn_buf_deinit(&names);
    return status;
}

static wn_status pick_gguf(wn_listing *listing, const wn_repo *repo, const char *pattern,
                           wn_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < listing->n_files; i++) {
        wn_listed_file *file = &listing->files[i];
        bool fits = is_gguf(wn_str_from(file->name)) && fnmatch(pattern, file->name, 0) == 0;
        file->wanted |= fits;
        n += fits;
    }
    if (n > 0)
        return WN_OK;
    wn_buf names = WN_BUF_INIT;
    push_names(&names, listing, is_gguf);
    bool some = has_any(listing, is_gguf);
    (void)wn_error_set(err, WN_ERR_INPUT, WN_WHERE, "model '%s' has no GGUF file '%s'%s%s",
                       repo->id, pattern, some ? "; it has " : "",
                       some && !names.failed ? names.ptr : "");
    wn_buf_deinit(&names);
    return WN_ERR_INPUT;
}

wn_status wn_listing_pick(wn_listing *listing, const wn_repo *repo, const char *gguf_pattern,
                          wn_error *err)
{
    for (size_t i = 0; i < WN_ARRAY_LEN(papers); i++)
        (void)want(listing, papers[i]);
    if (gguf_pattern != NULL) /* which has its configuration and tokenizer in it */
        return pick_gguf(listing, repo, gguf_pattern, err);
    for (size_t i = 0; i < WN_ARRAY_LEN(companions); i++)
        (void)want(listing, companions[i]);
    /* A file beside the whole model is an adapter, or the same weights for other programs. */
    size_t n = want(listing, "model.safetensors");
    if (n == 0 && want(listing, "model.safetensors.index.json") > 0)
        n = want(listing, "model-*.safetensors");
    if (n == 0)
        n = want(listing, "*.safetensors");
    (void)want(listing, "[0-9]_*/*.safetensors");
    if (n == 0)
        return fail_without_weights(listing, repo, err);
    if (want(listing, "config.json") == 0)
        WN_FAIL(err, WN_ERR_UNSUPPORTED, "model '%s' has no config.json", repo->id);
    return WN_OK;
}
