/* Who sends a request that came through proxies: the last address in X-Forwarded-For that is no
 * trusted proxy's, reading from the peer backwards.  What stands before it anybody can have
 * written.
 * Thread rule: any. */
#ifndef WN_SERVE_FORWARDED_H
#define WN_SERVE_FORWARDED_H

#include "base/status.h"
#include "serve/http_request.h"

#define WN_NETWORKS_MAX 32
#define WN_ADDRESS_MAX  63 /* bytes of an address as text */

typedef struct wn_network {
    uint8_t address[16]; /* IPv6, or IPv4 as ::ffff:a.b.c.d */
    uint8_t n_bits;
} wn_network;

typedef struct wn_networks {
    wn_network at[WN_NETWORKS_MAX];
    size_t n;
} wn_networks;

/* Read networks with commas between them, such as "10.0.0.0/8, ::1".
 * Fails:   WN_ERR_ARGUMENT; it names the network. */
WN_MUST_USE wn_status wn_networks_parse(wn_networks *out, wn_str list, wn_error *err);

/* Whether an address, as text, is in one of them. */
bool wn_networks_have(const wn_networks *networks, wn_str address);

/* Write the address of the client whose request came from peer. */
void wn_forwarded_client(char out[WN_ADDRESS_MAX + 1], const char *peer,
                         const wn_http_request *request, const wn_networks *trusted);

#endif
