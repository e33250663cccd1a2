/* GGUF files with damage of many kinds: each is refused with a reason, or is a model that scores.
 * Meant for the sanitizers; WINNOW_TEST_ROUNDS sets how many files are tried. */
#define _GNU_SOURCE /* mkstemps */
#include "tests/support/check.h"
#include "tests/support/check_engine.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/str.h"
#include "data/gguf.h"

#include <unistd.h>

#define ROOT        "tests/golden/gguf/"
#define COPY        "build/XXXXXX.gguf"
#define ROUNDS      240 /* without WINNOW_TEST_ROUNDS */
#define CHANGES_MAX 4

static const char *const files[] = {ROOT "bert.gguf",
                                    ROOT "xlmr.gguf",
                                    ROOT "roberta.gguf",
                                    ROOT "jina-flash.gguf",
                                    ROOT "qwen3-rank.gguf",
                                    ROOT "modern-cls.gguf",
                                    ROOT "jina-embed-split.gguf",
                                    ROOT "gemma.gguf"};

/* Where the data begins: most of what can go wrong is before it. */
static size_t header_bytes(const wn_buf *file)
{
    wn_gguf *gguf = NULL;
    wn_error err;
    assert_ok(wn_gguf_parse(&gguf, wn_buf_str(file), "m", &err), &err);
    size_t n = (size_t)((const char *)wn_tensors_at(wn_gguf_tensors(gguf), 0)->data - file->ptr);
    wn_gguf_close(gguf);
    return n;
}

static size_t random_place(size_t header, size_t size, size_t room)
{
    size_t n = check_random_below(5) > 0 ? WN_MIN(header, size) : size;
    return check_random_below(n > room ? n - room : 1);
}

/* Numbers that lengths, counts, types and offsets are worst as. */
static uint64_t random_number(void)
{
    static const uint64_t bad[] = {0,
                                   1,
                                   9,
                                   255,
                                   UINT32_MAX,
                                   (uint64_t)1 << 31,
                                   (uint64_t)1 << 32,
                                   (uint64_t)1 << 62,
                                   INT64_MAX,
                                   (uint64_t)1 << 63,
                                   UINT64_MAX};
    return check_random_below(2) == 0 ? check_random_below(64)
                                      : bad[check_random_below(WN_ARRAY_LEN(bad))];
}

/* One change; the file may become shorter. */
static void change(wn_buf *copy, size_t header)
{
    size_t at = random_place(header, copy->len, 8), from = random_place(header, copy->len, 8);
    size_t n = 1 + check_random_below(WN_MIN(copy->len - WN_MAX(at, from), (size_t)64));
    uint64_t number = random_number();
    switch (check_random_below(6)) {
    case 0:
        copy->ptr[at] = (char)(copy->ptr[at] ^ 1 << check_random_below(8));
        break;
    case 1:
        copy->ptr[at] = (char)check_random_below(256);
        break;
    case 2:
        memcpy(copy->ptr + at, &number, 4);
        break;
    case 3:
        memcpy(copy->ptr + at, &number, 8);
        break;
    case 4:
        memmove(copy->ptr + at, copy->ptr + from, n);
        break;
    default: /* bytes go missing, or the end does */
        if (check_random_below(4) > 0)
            memmove(copy->ptr + at, copy->ptr + at + n, copy->len - at - n);
        copy->len = check_random_below(4) > 0 ? copy->len - n : at + 8;
    }
}

static void write_file(const char *path, const wn_buf *bytes)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes->ptr, 1, bytes->len, f), bytes->len);
    assert_int_equal(fclose(f), 0);
}

/* Open the file and score a pair with it; whether it could be opened. */
static bool try_file(const char *path)
{
    wn_engine_options options = WN_ENGINE_OPTIONS_INIT;
    wn_engine *engine = NULL;
    wn_error err = {0};
    wn_str document = WN_STR("dimer fonis gutok");
    options.model_dir = path;
    options.n_threads = 1;
    wn_status status = wn_engine_open(&engine, &options, &err);
    if (status != WN_OK) {
        assert_true(status == WN_ERR_FORMAT || status == WN_ERR_LIMIT ||
                    status == WN_ERR_UNSUPPORTED);
        assert_true(err.message[0] != '\0');
        return false;
    }
    wn_request request = check_request(WN_STR("balan dimer"), &document, 1);
    wn_runner *runner = check_runner(engine, 1, 0);
    wn_job *job = NULL;
    wn_status ranked = wn_rank(&job, runner, &request, &err); /* weights may be of any size */
    assert_true(ranked == WN_OK || err.message[0] != '\0');
    wn_job_free(job);
    wn_runner_free(runner);
    wn_engine_close(engine);
    return true;
}

static void damaged_files_are_refused_or_score(void **state)
{
    (void)state;
    const char *given = getenv("WINNOW_TEST_ROUNDS");
    size_t rounds = given == NULL ? ROUNDS : strtoul(given, NULL, 10), n_opened = 0;
    char path[] = COPY;
    int fd = mkstemps(path, (int)strlen(".gguf"));
    assert_true(fd >= 0);
    close(fd);
    for (size_t i = 0; i < rounds; i++) {
        wn_buf file = WN_BUF_INIT, copy = WN_BUF_INIT;
        wn_error err;
        assert_ok(wn_file_read(&file, files[i % WN_ARRAY_LEN(files)], 1 << 20, &err), &err);
        assert_true(wn_buf_push_str(&copy, wn_buf_str(&file)));
        size_t header = header_bytes(&file), n_changes = 1 + check_random_below(CHANGES_MAX);
        for (size_t j = 0; j < n_changes && copy.len > 128; j++)
            change(&copy, header);
        write_file(path, &copy);
        n_opened += try_file(path);
        wn_buf_deinit(&copy);
        wn_buf_deinit(&file);
    }
    unlink(path);
    printf("# %zu files, %zu of them could be opened\n", rounds, n_opened);
    assert_true(n_opened > 0 && n_opened < rounds / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(damaged_files_are_refused_or_score)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
