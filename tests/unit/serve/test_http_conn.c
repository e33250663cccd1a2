/* The connection: every vector of tests/api/http whole, byte by byte and cut at random gives the
 * same requests and the same fault; bodies, time, skipping and memory besides. */
#include "tests/support/check.h"
#include "tests/support/check_vectors.h"

#include "serve/http_conn.h"

#define SECOND 1000000000ull

static const wn_conn_limits vector_limits = {.header_bytes = 16384,
                                             .n_headers = 100,
                                             .target_bytes = 8192,
                                             .body_bytes = 65536,
                                             .n_requests = 5,
                                             .header_ms = 10000,
                                             .idle_ms = 75000,
                                             .body_bytes_per_s = 1024};

static wn_conn *conn_new(const wn_conn_limits *limits)
{
    wn_conn *conn = NULL;
    wn_error err = {0};
    assert_ok(wn_conn_new(&conn, limits, 0, &err), &err);
    return conn;
}

static const char *method_name(wn_http_method method)
{
    static const char *const names[] = {"OTHER", "GET",    "HEAD",    "POST",
                                        "PUT",   "DELETE", "OPTIONS", "PATCH"};
    return names[method];
}

/* ---- vectors --------------------------------------------------------------------------------- */

/* What became of a connection: the requests that were served, then a fault or not. */
typedef struct outcome {
    wn_buf served[CHECK_EXPECTED_MAX]; /* "POST /path body" */
    size_t n_served;
    size_t n_used;
    int status;       /* 0: closed without a fault */
    char detail[200]; /* of the fault */
} outcome;

static void outcome_deinit(outcome *out)
{
    for (size_t i = 0; i < out->n_served; i++)
        wn_buf_deinit(&out->served[i]);
}

static void serve(outcome *out, wn_conn *conn)
{
    const wn_http_request *request = wn_conn_request(conn);
    assert_true(out->n_served < CHECK_EXPECTED_MAX);
    wn_buf *text = &out->served[out->n_served++];
    wn_buf_printf(text, "%s %.*s", method_name(request->method), (int)request->target.len,
                  request->target.ptr);
    wn_buf body = wn_conn_move_body(conn);
    if (body.len > 0) {
        wn_buf_push_byte(text, ' ');
        wn_buf_push_str(text, wn_buf_str(&body));
    }
    wn_buf_deinit(&body);
    wn_buf_push_byte(text, '\0');
    assert_false(text->failed);
}

/* Act as the owner does, until bytes are needed or the connection is over. */
static wn_conn_state answer(outcome *out, wn_conn *conn, wn_conn_state state)
{
    if (state == WN_CONN_HEAD)
        state = wn_conn_take_body(conn, 0);
    if (state == WN_CONN_REQUEST) {
        serve(out, conn);
        state = wn_conn_next(conn, 0);
    }
    return state;
}

/* Run a connection over bytes in pieces of 1 to max_piece bytes, each in a block of its own. */
static void run(outcome *out, wn_str bytes, size_t max_piece)
{
    *out = (outcome){0};
    wn_conn *conn = conn_new(&vector_limits);
    wn_conn_state state = WN_CONN_READING;
    while (out->n_used < bytes.len && state == WN_CONN_READING) {
        size_t n = 1 + (max_piece == 1 ? 0 : check_random_below(max_piece)), n_used = 0;
        n = WN_MIN(max_piece == SIZE_MAX ? bytes.len : n, bytes.len - out->n_used);
        char *piece = malloc(n);
        assert_non_null(piece);
        memcpy(piece, bytes.ptr + out->n_used, n);
        state = wn_conn_feed(conn, (wn_str){piece, n}, &n_used, 0);
        free(piece);
        assert_true(n_used <= n && (n_used == n || state != WN_CONN_READING));
        out->n_used += n_used;
        state = answer(out, conn, state);
    }
    if (state == WN_CONN_READING)
        state = wn_conn_end(conn);
    if (state == WN_CONN_FAULT) {
        wn_conn_fault fault = wn_conn_get_fault(conn);
        out->status = fault.status;
        snprintf(out->detail, sizeof out->detail, "%s", fault.detail);
    }
    assert_true(out->status >= 400 || state == WN_CONN_CLOSED);
    size_t n_used = 1;
    assert_int_equal(wn_conn_feed(conn, WN_STR("GET / HTTP/1.1\r\n"), &n_used, 0), state);
    assert_int_equal(n_used, 0);
    wn_conn_free(conn);
}

static void assert_same(const char *name, const outcome *a, const outcome *b)
{
    bool same = a->n_served == b->n_served && a->n_used == b->n_used && a->status == b->status &&
                strcmp(a->detail, b->detail) == 0;
    for (size_t i = 0; same && i < a->n_served; i++)
        same = wn_str_equal(wn_buf_str(&a->served[i]), wn_buf_str(&b->served[i]));
    if (!same)
        fail_msg("%s: whole: %zu requests, %zu bytes, %d %s; in pieces: %zu, %zu, %d %s", name,
                 a->n_served, a->n_used, a->status, a->detail, b->n_served, b->n_used, b->status,
                 b->detail);
}

/* The outcome is what the vector expects; returns false after printing what differs. */
static bool is_expected(const check_vector *vector, const outcome *out)
{
    size_t n = out->n_served + (out->status != 0);
    bool good = n == vector->n_expected;
    for (size_t i = 0; good && i < out->n_served; i++)
        good = strcmp(out->served[i].ptr, vector->expected[i]) == 0;
    if (good && out->status != 0) {
        const char *expected = vector->expected[n - 1];
        good = atoi(expected) == out->status && strlen(expected) > 4 &&
               strstr(out->detail, expected + 4) != NULL;
    }
    if (good)
        return true;
    print_message("%s\n", vector->name);
    for (size_t i = 0; i < vector->n_expected; i++)
        print_message("  expected %s\n", vector->expected[i]);
    for (size_t i = 0; i < out->n_served; i++)
        print_message("  served   %.300s\n", out->served[i].ptr);
    if (out->status != 0)
        print_message("  fault    %d %s\n", out->status, out->detail);
    return false;
}

static void visit(const check_vector *vector, void *arg)
{
    outcome whole, pieces;
    wn_str bytes = wn_buf_str(&vector->bytes);
    run(&whole, bytes, SIZE_MAX);
    *(size_t *)arg += !is_expected(vector, &whole);
    for (size_t i = 0; i < 20; i++) {
        run(&pieces, bytes, i == 0 ? 1 : 2 + i * i);
        assert_same(vector->name, &whole, &pieces);
        outcome_deinit(&pieces);
    }
    outcome_deinit(&whole);
}

static void vectors_give_what_they_expect_however_they_are_cut(void **state)
{
    (void)state;
    size_t n_wrong = 0, n = check_vectors_each(visit, &n_wrong);
    print_message("%zu vectors\n", n);
    assert_int_equal(n_wrong, 0);
    assert_true(n >= 150);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_give_what_they_expect_however_they_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
