/* Lists of files that come from strangers, and which files are taken. */
#include "tests/support/check.h"

#include "base/str.h"
#include "hub/listing.h"

#define SHA    "\"sha\":\"0123456789abcdef0123456789abcdef01234567\""
#define SHA1   "0123456789abcdef0123456789abcdef01234567"
#define SHA256 SHA1 "89abcdef0123456789abcdef"

static const wn_repo repo = {.id = "a/b", .folder = "models--a--b", .revision = "main"};

static void refused(const char *json, const char *why)
{
    wn_listing listing;
    wn_error err;
    wn_status status = wn_listing_parse(&listing, wn_str_from(json), &repo, &err);
    wn_listing_deinit(&listing);
    assert_int_equal(status, WN_ERR_FORMAT);
    if (strstr(err.message, why) == NULL)
        fail_msg("'%s' does not contain '%s'", err.message, why);
}

static void a_list_has_names_sizes_and_digests(void **state)
{
    (void)state;
    wn_listing listing;
    wn_error err = {0};
    const char *json =
        "{" SHA ",\"siblings\":[{\"rfilename\":\"config.json\",\"size\":3,\"blobId\":"
        "\"" SHA1 "\"},{\"rfilename\":\"model.safetensors\",\"size\":9,\"blobId\":\"" SHA1
        "\",\"lfs\":{\"sha256\":\"" SHA256 "\",\"size\":9}},{\"rfilename\":\"x\"},"
        "{\"rfilename\":\".gitattributes\"},{\"rfilename\":\"onnx/.gitignore\"},"
        "{\"rfilename\":\"a//b\"},{\"rfilename\":\"a\\\\b/c\"}]}";
    assert_ok(wn_listing_parse(&listing, wn_str_from(json), &repo, &err), &err);
    assert_string_equal(listing.commit, SHA1);
    assert_int_equal(listing.n_files, 3);
    assert_int_equal(listing.files[0].size, 3);
    assert_string_equal(listing.files[0].blob, SHA1);
    assert_string_equal(listing.files[1].blob, SHA256);
    assert_int_equal(listing.files[2].size, UINT64_MAX);
    assert_string_equal(listing.files[2].blob, "");
    wn_listing_deinit(&listing);
}

static void hostile_lists_are_refused(void **state)
{
    (void)state;
    refused("[]", "has no \"siblings\"");
    refused("{\"siblings\":[]}", "has no \"sha\"");
    refused("{\"sha\":\"../..\",\"siblings\":[]}", "has no \"sha\"");
    refused("{" SHA ",\"siblings\":[{\"rfilename\":\"a/../../b\"}]}", "no name of a file");
    refused("{" SHA ",\"siblings\":[{\"rfilename\":\"/etc/passwd\"}]}", "no name of a file");
    refused("{" SHA ",\"siblings\":[{\"rfilename\":\"..\"}]}", "no name of a file");
    refused("{" SHA ",\"siblings\":[{\"rfilename\":\"a/..\"}]}", "no name of a file");
    refused("{" SHA ",\"siblings\":[{}]}", "no name of a file");
    refused("{" SHA ",\"siblings\":[3]}", "no name of a file");
    refused("{" SHA ",\"siblings\":[{\"rfilename\":\"x\",\"blobId\":\"../x\"}]}", "expected a SHA");
    refused("{" SHA ",\"siblings\":[{\"rfilename\":\"x\",\"lfs\":{\"sha256\":\"" SHA1 "\"}}]}",
            "expected a SHA");
}

/* The names that are taken of a list of names, in its order, with spaces between. */
static wn_status pick(char *out, const char *const *names, const char *pattern, wn_error *err)
{
    wn_listed_file files[16] = {0};
    wn_listing listing = {.files = files};
    for (; names[listing.n_files] != NULL; listing.n_files++)
        files[listing.n_files].name = names[listing.n_files];
    wn_status status = wn_listing_pick(&listing, &repo, pattern, err);
    out[0] = '\0';
    for (size_t i = 0; i < listing.n_files; i++)
        if (files[i].wanted)
            sprintf(out + strlen(out), "%s ", files[i].name);
    return status;
}

static void expect(const char *const *names, const char *pattern, const char *want)
{
    char got[1024];
    wn_error err = {0};
    assert_ok(pick(got, names, pattern, &err), &err);
    assert_string_equal(got, want);
}

static void fails(const char *const *names, const char *pattern, const char *why)
{
    char got[1024];
    wn_error err = {0};
    assert_int_not_equal(pick(got, names, pattern, &err), WN_OK);
    if (strstr(err.message, why) == NULL)
        fail_msg("'%s' does not contain '%s'", err.message, why);
}

static void what_a_model_needs_is_taken(void **state)
{
    (void)state;
    const char *const usual[] = {"README.md",
                                 "config.json",
                                 "model.safetensors",
                                 "adapter.safetensors",
                                 "pytorch_model.bin",
                                 "onnx/model.onnx",
                                 "sentencepiece.bpe.model",
                                 "1_Pooling/config.json",
                                 "2_Dense/model.safetensors",
                                 "modeling_x.py",
                                 NULL};
    expect(usual, NULL,
           "README.md config.json model.safetensors sentencepiece.bpe.model 1_Pooling/config.json "
           "2_Dense/model.safetensors ");
    const char *const shards[] = {"config.json", "model-00001-of-00002.safetensors",
                                  "model.safetensors.index.json", "other.safetensors", NULL};
    expect(shards, NULL,
           "config.json model-00001-of-00002.safetensors model.safetensors.index.json ");
    const char *const other[] = {"config.json", "weights.safetensors", NULL};
    expect(other, NULL, "config.json weights.safetensors ");
    const char *const gguf[] = {"a-Q8_0.gguf",    "sub/b-Q8_0.gguf", "c-F16.gguf", "config.json",
                                "tokenizer.json", "LICENSE",         NULL};
    expect(gguf, "*Q8_0*", "a-Q8_0.gguf sub/b-Q8_0.gguf LICENSE ");
    expect(gguf, "c-F16.gguf", "c-F16.gguf LICENSE ");
}

static void what_lacks_weights_says_what_it_has(void **state)
{
    (void)state;
    const char *const pickle[] = {"config.json", "pytorch_model.bin", NULL};
    const char *const gguf[] = {"config.json", "a.gguf", NULL};
    const char *const onnx[] = {"config.json", "model.onnx", NULL};
    const char *const nothing[] = {"model.safetensors", NULL};
    fails(pickle, NULL, "pytorch_model.bin");
    fails(gguf, NULL, "winnow pull a/b FILE");
    fails(gguf, "*Q8*", "it has a.gguf");
    fails(onnx, NULL, "ONNX files are not read");
    fails(nothing, NULL, "has no config.json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_has_names_sizes_and_digests),
        cmocka_unit_test(hostile_lists_are_refused),
        cmocka_unit_test(what_a_model_needs_is_taken),
        cmocka_unit_test(what_lacks_weights_says_what_it_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
