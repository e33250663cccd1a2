/* See probe.h. */
#define _GNU_SOURCE /* getaddrinfo */
#include "serve/probe.h"

#include "base/clock.h"
#include "base/str.h"
#include "serve/key.h"

#include <errno.h>
#include <http_parser.h>
#include <netdb.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define WN_WHERE    "serve/probe"
#define TIMEOUT_S   5 /* for each of connecting, sending, receiving, and for the whole answer */
#define PIECE_BYTES 16384

/* ---- the URL --------------------------------------------------------------------------------- */

static bool copy(char *out, size_t size, const char *text, size_t n)
{
    if (n >= size)
        return false;
    memcpy(out, text, n);
    out[n] = '\0';
    return true;
}

wn_status wn_probe_parse(wn_probe *out, const char *url, wn_error *err)
{
    wn_probe probe = {0};
    const char *rest = url;
    probe.secure = strncmp(url, "https://", 8) == 0;
    if (probe.secure || strncmp(url, "http://", 7) == 0)
        rest += probe.secure ? 8 : 7;
    const char *end = rest + strcspn(rest, "/"), *colon = end;
    while (colon > rest && *colon != ':' && *colon != ']')
        colon--;
    bool has_port = *colon == ':';
    const char *host_end = has_port ? colon : end;
    bool bracket = *rest == '[' && host_end > rest && host_end[-1] == ']';
    const char *port = has_port ? colon + 1 : probe.secure ? "443" : "80";
    size_t host_len = (size_t)(host_end - rest) - (bracket ? 2 : 0);
    if (rest == url || host_end == rest ||
        !copy(probe.host, sizeof probe.host, rest + bracket, host_len) ||
        !copy(probe.port, sizeof probe.port, port,
              has_port ? (size_t)(end - port) : strlen(port)) ||
        !copy(probe.path, sizeof probe.path, end, strlen(end)))
        WN_FAIL(err, WN_ERR_ARGUMENT, "--url is '%.100s', expected http://HOST:PORT/PATH", url);
    *out = probe;
    return WN_OK;
}

/* ---- the connection -------------------------------------------------------------------------- */

static wn_status connect_to(int *out, const wn_probe *probe, wn_error *err)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    const struct timeval timeout = {.tv_sec = TIMEOUT_S};
    struct addrinfo *found;
    int code = getaddrinfo(probe->host, probe->port, &hints, &found);
    if (code != 0)
        WN_FAIL(err, WN_ERR_IO, "%s port %s: %s", probe->host, probe->port, gai_strerror(code));
    int fd = -1, reason = 0;
    for (const struct addrinfo *a = found; a != NULL && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) != 0 ||
                        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) != 0 ||
                        connect(fd, a->ai_addr, a->ai_addrlen) != 0)) {
            reason = errno;
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(found);
    if (fd < 0)
        WN_FAIL(err, WN_ERR_IO, "%s port %s: %s", probe->host, probe->port, strerror(reason));
    *out = fd;
    return WN_OK;
}

static SSL_CTX *new_context(const wn_probe *probe)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (context != NULL && !probe->trust_any) {
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
        if (SSL_CTX_set_default_verify_paths(context) != 1) {
            SSL_CTX_free(context);
            return NULL;
        }
    }
    return context;
}

/* The socket as a stream of bytes, in TLS if wanted; it owns the socket. */
static BIO *open_stream(int fd, const wn_probe *probe, SSL_CTX *context)
{
    SSL *ssl = NULL;
    BIO *stream = BIO_new_socket(fd, BIO_CLOSE);
    if (stream == NULL) {
        close(fd);
        return NULL;
    }
    if (context == NULL)
        return stream;
    BIO *tls = BIO_new_ssl(context, 1);
    if (tls == NULL || BIO_get_ssl(tls, &ssl) != 1 || SSL_set1_host(ssl, probe->host) != 1) {
        BIO_free_all(tls);
        BIO_free_all(stream);
        return NULL;
    }
    return BIO_push(tls, stream);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static wn_status ask(BIO *stream, const wn_probe *probe, const char *target, wn_error *err)
{
    wn_buf text = WN_BUF_INIT;
    bool v6 = strchr(probe->host, ':') != NULL;
    wn_buf_printf(&text,
                  "GET %s HTTP/1.1\r\nHost: %s%s%s:%s\r\nUser-Agent: winnow/%s\r\n"
                  "Connection: close\r\n",
                  target, v6 ? "[" : "", probe->host, v6 ? "]" : "", probe->port, wn_version());
    if (probe->key != NULL)
        wn_buf_printf(&text, "Authorization: Bearer %s\r\n", probe->key);
    wn_buf_push_str(&text, WN_STR("\r\n"));
    wn_status status = WN_OK;
    if (text.failed)
        status = wn_error_set(err, WN_ERR_MEMORY, WN_WHERE, "no memory for a request");
    else if (BIO_write(stream, text.ptr, (int)text.len) != (int)text.len)
        status = wn_error_set(err, WN_ERR_IO, WN_WHERE, "%s port %s: takes no request%s",
                              probe->host, probe->port,
                              probe->secure && !probe->trust_any
                                  ? ", or has a certificate that this system does not trust"
                                  : "");
    wn_secret_wipe(text.ptr, text.len);
    wn_buf_deinit(&text);
    return status;
}

/* What is read of an answer. */
typedef struct answer {
    wn_buf *body; /* NULL: not wanted */
    bool complete, too_long;
} answer;

static int on_body(http_parser *parser, const char *at, size_t n)
{
    answer *own = parser->data;
    if (own->body == NULL)
        return 0;
    own->too_long = own->body->len + n > WN_PROBE_BODY_MAX;
    return own->too_long || !wn_buf_push(own->body, at, n);
}

static int on_complete(http_parser *parser)
{
    answer *own = parser->data;
    own->complete = true;
    return 0;
}

static wn_status read_answer(BIO *stream, const wn_probe *probe, int *status_code, wn_buf *body,
                             wn_error *err)
{
    const http_parser_settings settings = {.on_body = on_body, .on_message_complete = on_complete};
    answer own = {.body = body};
    http_parser parser;
    char piece[PIECE_BYTES];
    uint64_t deadline_ns = wn_clock_ns() + (uint64_t)TIMEOUT_S * 1000000000;
    http_parser_init(&parser, HTTP_RESPONSE);
    parser.data = &own;
    if (body != NULL)
        wn_buf_clear(body);
    for (bool more = true; more && !own.complete;) {
        int n = BIO_read(stream, piece, sizeof piece);
        more = n > 0 && wn_clock_ns() < deadline_ns;
        size_t got = n > 0 ? (size_t)n : 0; /* nothing is the end, which may complete it */
        if (http_parser_execute(&parser, &settings, piece, got) != got && !own.complete)
            break;
    }
    if (own.too_long)
        WN_FAIL(err, WN_ERR_LIMIT, "%s port %s: answers with more than %u MiB", probe->host,
                probe->port, WN_PROBE_BODY_MAX >> 20);
    if (body != NULL && body->failed)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for an answer");
    if (!own.complete)
        WN_FAIL(err, WN_ERR_IO, "%s port %s: gives no whole answer in HTTP", probe->host,
                probe->port);
    *status_code = (int)parser.status_code;
    return WN_OK;
}

wn_status wn_probe_get(const wn_probe *probe, const char *target, int *status_code, wn_buf *body,
                       wn_error *err)
{
    int fd = -1;
    wn_status status = WN_OK;
    SSL_CTX *context = NULL;
    BIO *stream = NULL;
    if (probe->secure && (context = new_context(probe)) == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for TLS");
    WN_TRY_OUT(connect_to(&fd, probe, err));
    stream = open_stream(fd, probe, context);
    if (stream == NULL)
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for a connection");
    WN_TRY_OUT(ask(stream, probe, target, err));
    status = read_answer(stream, probe, status_code, body, err);
out:
    BIO_free_all(stream);
    SSL_CTX_free(context);
    return status;
}
