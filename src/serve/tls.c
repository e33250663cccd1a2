/* See tls.h. */
#include "serve/tls.h"

#include "base/mem.h"
#include "base/str.h"
#include "serve/key.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#define WN_WHERE   "serve/tls"
#define TLS12_ONLY "ECDHE+AESGCM:ECDHE+CHACHA20" /* those of 1.3 are all as good */

struct wn_tls {
    SSL_CTX *context;
};

/* The first reason that OpenSSL has, from which later ones followed, and forget all. */
static wn_status fail(const char *what, const char *file, wn_error *err)
{
    unsigned long code = ERR_peek_error();
    const char *reason = ERR_reason_error_string(code);
    if (ERR_SYSTEM_ERROR(code))
        reason = strerror(ERR_GET_REASON(code));
    else if (ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE)
        reason = "has none in the form of PEM";
    ERR_clear_error();
    WN_FAIL(err, WN_ERR_FORMAT, "%s '%s': %s", what, file,
            reason != NULL ? reason : "cannot be used");
}

/* A passphrase would be asked for on a terminal, at a reload too. */
static int no_passphrase(char *buf, int size, int writing, void *user)
{
    (void)buf, (void)size, (void)writing, (void)user;
    return 0;
}

/* RFC 7301: a client that names protocols, but not this one, is told so. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *n,
                           const unsigned char *in, unsigned n_in, void *user)
{
    static const unsigned char own[] = "\x08http/1.1";
    unsigned char *chosen = NULL;
    (void)ssl, (void)user;
    int found = SSL_select_next_proto(&chosen, n, own, sizeof own - 1, in, n_in);
    *out = chosen;
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static wn_status set_rules(SSL_CTX *context, wn_error *err)
{
    static const unsigned char id[] = "winnow";
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
    if (!SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) ||
        !SSL_CTX_set_cipher_list(context, TLS12_ONLY) ||
        !SSL_CTX_set_session_id_context(context, id, sizeof id - 1))
        return fail("TLS", "its rules", err);
    return WN_OK;
}

static wn_status load(SSL_CTX *context, const wn_tls_options *o, wn_error *err)
{
    if (SSL_CTX_use_certificate_chain_file(context, o->cert_file) != 1)
        return fail("certificate", o->cert_file, err);
    if (SSL_CTX_use_PrivateKey_file(context, o->key_file, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1)
        return fail("key", o->key_file, err);
    if (o->client_ca_file == NULL)
        return WN_OK;
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(o->client_ca_file);
    if (names == NULL || SSL_CTX_load_verify_file(context, o->client_ca_file) != 1)
        return fail("client CA", o->client_ca_file, err);
    SSL_CTX_set_client_CA_list(context, names);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return WN_OK;
}

wn_status wn_tls_new(wn_tls **out, const wn_tls_options *options, wn_error *err)
{
    WN_TRY(wn_crypto_begin(err));
    wn_tls *tls = wn_mem_zalloc(1, sizeof *tls);
    wn_status status;
    if (tls == NULL || (tls->context = SSL_CTX_new(TLS_server_method())) == NULL)
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for TLS");
    WN_TRY_OUT(set_rules(tls->context, err));
    WN_TRY_OUT(load(tls->context, options, err));
    *out = tls;
    tls = NULL;
out:
    wn_tls_free(tls);
    return status;
}

void wn_tls_free(wn_tls *tls)
{
    if (tls == NULL)
        return;
    SSL_CTX_free(tls->context);
    wn_mem_free(tls);
}

SSL *wn_tls_open(const wn_tls *tls)
{
    return SSL_new(tls->context);
}
