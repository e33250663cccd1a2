/* See probe.h. */
#define _GNU_SOURCE /* getaddrinfo */
#include "serve/probe.h"

#include "base/str.h"

#include <errno.h>
#include <netdb.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define WN_WHERE  "serve/probe"
#define TIMEOUT_S 5 /* for each of connecting, sending, receiving */

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

/* The socket as a stream of bytes, in TLS if wanted; it owns the socket. */
static BIO *open_stream(int fd, SSL_CTX *context)
{
    BIO *stream = BIO_new_socket(fd, BIO_CLOSE);
    if (stream == NULL) {
        close(fd);
        return NULL;
    }
    if (context == NULL)
        return stream;
    BIO *tls = BIO_new_ssl(context, 1);
    if (tls == NULL) {
        BIO_free_all(stream);
        return NULL;
    }
    return BIO_push(tls, stream);
}

static wn_status ask(BIO *stream, const wn_probe *probe, int *status_code, wn_error *err)
{
    char text[1024];
    int n = snprintf(text, sizeof text,
                     "GET %s HTTP/1.1\r\nHost: %s:%s\r\nUser-Agent: winnow-check\r\n"
                     "Connection: close\r\n\r\n",
                     probe->target, probe->host, probe->port);
    if (n < 0 || (size_t)n >= sizeof text)
        WN_FAIL(err, WN_ERR_IO, "the URL is too long");
    if (BIO_write(stream, text, n) != n)
        WN_FAIL(err, WN_ERR_IO, "%s port %s: takes no request", probe->host, probe->port);
    int got = 0, more;
    do {
        more = BIO_read(stream, text + got, (int)sizeof text - 1 - got);
        got += more > 0 ? more : 0;
    } while (more > 0 && got < 12);
    text[got] = '\0';
    if (sscanf(text, "HTTP/1.%*1[01] %3d", status_code) != 1)
        WN_FAIL(err, WN_ERR_IO, "%s port %s: does not answer as HTTP", probe->host, probe->port);
    return WN_OK;
}

wn_status wn_probe_run(const wn_probe *probe, int *status_code, wn_error *err)
{
    int fd = -1;
    wn_status status = WN_OK;
    SSL_CTX *context = NULL;
    BIO *stream = NULL;
    if (probe->secure && (context = SSL_CTX_new(TLS_client_method())) == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for TLS");
    WN_TRY_OUT(connect_to(&fd, probe, err));
    stream = open_stream(fd, context);
    if (stream == NULL)
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for a connection");
    status = ask(stream, probe, status_code, err);
out:
    BIO_free_all(stream);
    SSL_CTX_free(context);
    return status;
}
