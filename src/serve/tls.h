/* TLS for accepted sockets: versions 1.2 and 1.3, suites with authenticated encryption only, ALPN
 * http/1.1, no renegotiation; with a client CA, only clients that bring its certificates.
 * Connections keep the certificates that they began with, also when their wn_tls is freed.
 * Thread rule: as each function says. */
#ifndef WN_SERVE_TLS_H
#define WN_SERVE_TLS_H

#include "base/status.h"

#include <openssl/ssl.h>

typedef struct wn_tls wn_tls;

typedef struct wn_tls_options {
    const char *cert_file;      /* PEM: the certificate, then those that lead to its CA */
    const char *key_file;       /* PEM, without a passphrase */
    const char *client_ca_file; /* PEM; NULL: clients need no certificate */
} wn_tls_options;

/* Read certificates and key.
 * Fails:   WN_ERR_FORMAT, naming the file, when one cannot be read or they do not belong together;
 *          WN_ERR_MEMORY.
 * Owns:    caller frees *out with wn_tls_free().
 * Thread:  any. */
WN_MUST_USE wn_status wn_tls_new(wn_tls **out, const wn_tls_options *options, wn_error *err);

/* NULL is allowed. */
void wn_tls_free(wn_tls *tls);

/* The server's end of a new connection; NULL when memory is short.
 * Owns:    caller frees with SSL_free(), or gives it to a bufferevent. */
SSL *wn_tls_open(const wn_tls *tls);

#endif
