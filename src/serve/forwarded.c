/* See forwarded.h.  A proxy appends to the field or adds one of its own behind those that came, so
 * fields of the name are one list in the order of their coming. */
#include "serve/forwarded.h"

#include "base/str.h"

#include <arpa/inet.h>
#include <stdio.h>

#define WN_WHERE  "serve/forwarded"
#define IPV4_BITS 96 /* in front of an IPv4 address that is written as IPv6 */

/* Read an address; *bits is the size of its own kind. */
static bool parse_address(uint8_t out[16], uint8_t *bits, wn_str text)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    char name[WN_ADDRESS_MAX + 1];
    if (text.len >= sizeof name)
        return false;
    snprintf(name, sizeof name, "%.*s", (int)text.len, text.ptr);
    *bits = 128;
    if (strlen(name) == text.len && inet_pton(AF_INET6, name, out) == 1)
        return true;
    *bits = 32;
    memcpy(out, mapped, sizeof mapped);
    return strlen(name) == text.len && inet_pton(AF_INET, name, out + 12) == 1;
}

static bool parse_network(wn_network *out, wn_str text)
{
    size_t slash = 0;
    uint8_t bits;
    while (slash < text.len && text.ptr[slash] != '/')
        slash++;
    if (!parse_address(out->address, &bits, wn_str_slice(text, 0, slash)))
        return false;
    unsigned n_bits = bits;
    if (slash < text.len) {
        n_bits = 0;
        if (text.len == slash + 1 || text.len > slash + 4)
            return false;
        for (size_t i = slash + 1; i < text.len; i++) {
            if (text.ptr[i] < '0' || text.ptr[i] > '9')
                return false;
            n_bits = n_bits * 10 + (unsigned)(text.ptr[i] - '0');
        }
    }
    if (n_bits > bits)
        return false;
    out->n_bits = (uint8_t)(bits == 32 ? IPV4_BITS + n_bits : n_bits);
    return true;
}

wn_status wn_networks_parse(wn_networks *out, wn_str list, wn_error *err)
{
    *out = (wn_networks){0};
    for (wn_str text; wn_http_next_item(&list, &text);) {
        if (out->n == WN_NETWORKS_MAX)
            WN_FAIL(err, WN_ERR_ARGUMENT, "more than %d networks", WN_NETWORKS_MAX);
        if (!parse_network(&out->at[out->n++], text))
            WN_FAIL(err, WN_ERR_ARGUMENT,
                    "'%.*s' is no address or network, such as 10.0.0.0/8 or ::1", WN_STR_ARG(text));
    }
    return WN_OK;
}

static bool has(const wn_network *network, const uint8_t address[16])
{
    size_t bytes = network->n_bits / 8, rest = network->n_bits % 8;
    return memcmp(network->address, address, bytes) == 0 &&
           (rest == 0 || (network->address[bytes] ^ address[bytes]) >> (8 - rest) == 0);
}

bool wn_networks_have(const wn_networks *networks, wn_str text)
{
    uint8_t address[16], bits;
    if (!parse_address(address, &bits, text))
        return false;
    for (size_t i = 0; i < networks->n; i++) {
        if (has(&networks->at[i], address))
            return true;
    }
    return false;
}

/* The address of "1.2.3.4", "1.2.3.4:567", "::1" or "[::1]:567"; empty when it is none. */
static wn_str address_of(wn_str node)
{
    uint8_t address[16], bits;
    size_t n_colons = 0, colon = 0;
    for (size_t i = 0; i < node.len; i++) {
        if (node.ptr[i] == ':' && n_colons++ == 0)
            colon = i;
    }
    if (node.len > 0 && node.ptr[0] == '[') {
        size_t end = 1;
        while (end < node.len && node.ptr[end] != ']')
            end++;
        node = wn_str_slice(node, 1, end);
    } else if (n_colons == 1) {
        node.len = colon;
    }
    return parse_address(address, &bits, node) ? node : (wn_str){0};
}

/* Go through the addresses of one field from its end; false when the client is found. */
static bool walk(char out[WN_ADDRESS_MAX + 1], wn_str list, const wn_networks *trusted)
{
    for (size_t end = list.len + 1, start; end > 0; end = start) {
        for (start = end - 1; start > 0 && list.ptr[start - 1] != ',';)
            start--;
        wn_str address = address_of(wn_http_trim(wn_str_slice(list, start, end - 1)));
        if (address.len == 0)
            return false; /* who wrote this cannot be believed further */
        snprintf(out, WN_ADDRESS_MAX + 1, "%.*s", (int)address.len, address.ptr);
        if (!wn_networks_have(trusted, address))
            return false;
    }
    return true;
}

void wn_forwarded_client(char out[WN_ADDRESS_MAX + 1], const char *peer,
                         const wn_http_request *request, const wn_networks *trusted)
{
    snprintf(out, WN_ADDRESS_MAX + 1, "%s", peer);
    bool more = wn_networks_have(trusted, wn_str_from(peer));
    for (size_t i = request->n_fields; more && i > 0; i--) {
        const wn_http_field *field = &request->fields[i - 1];
        if (wn_http_same(field->name, WN_STR("X-Forwarded-For")))
            more = walk(out, field->value, trusted);
    }
}
