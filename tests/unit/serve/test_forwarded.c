/* Who a client is behind proxies: nobody is believed who is not trusted. */
#include "tests/support/check.h"

#include "base/str.h"
#include "serve/forwarded.h"

static wn_error err;

static wn_networks networks_of(const char *list)
{
    wn_networks networks;
    assert_ok(wn_networks_parse(&networks, wn_str_from(list), &err), &err);
    return networks;
}

static void addresses_are_in_their_networks(void **state)
{
    (void)state;
    static const struct {
        const char *networks, *address;
        bool in;
    } rows[] = {
        {"10.0.0.0/8", "10.255.0.1", true},
        {"10.0.0.0/8", "11.0.0.1", false},
        {"192.168.16.0/20", "192.168.31.255", true},
        {"192.168.16.0/20", "192.168.32.0", false},
        {"127.0.0.1", "127.0.0.1", true},
        {"127.0.0.1", "127.0.0.2", false},
        {"127.0.0.1", "::ffff:127.0.0.1", true},
        {"0.0.0.0/0", "8.8.8.8", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "2001:db8::1", true},
        {"::1, fd00::/8 ,10.1.2.3/32", "fdff::2", true},
        {"::1, fd00::/8 ,10.1.2.3/32", "10.1.2.3", true},
        {"::1, fd00::/8 ,10.1.2.3/32", "fc00::2", false},
        {"2001:db8:8000::/33", "2001:db8:8000::1", true},
        {"2001:db8:8000::/33", "2001:db8:7fff::1", false},
        {"", "10.0.0.1", false},
        {"::/0", "localhost", false},
        {"::/0", "", false},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(rows); i++) {
        wn_networks networks = networks_of(rows[i].networks);
        if (wn_networks_have(&networks, wn_str_from(rows[i].address)) != rows[i].in)
            fail_msg("'%s' in '%s', expected %d", rows[i].address, rows[i].networks, rows[i].in);
    }
}

static void wrong_network_is_named(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "10.0.0.0/33", "::/129",    "10.0.0.0/",     "10.0.0.0/8x", "10.0.0/8", "localhost",
        "10.0.0.1,,",  "fd00::/-1", "10.0.0.0/0008", "1.2.3.4.5",   " ",
    };
    wn_networks networks;
    char many[WN_NETWORKS_MAX * 5 + 5] = "";
    for (size_t i = 0; i < WN_ARRAY_LEN(wrong); i++)
        assert_fails(wn_networks_parse(&networks, wn_str_from(wrong[i]), &err), WN_ERR_ARGUMENT,
                     &err, "is no address or network");
    for (size_t i = 0; i <= WN_NETWORKS_MAX; i++)
        (void)strcat(many, "::1,");
    assert_fails(wn_networks_parse(&networks, wn_str_from(many), &err), WN_ERR_ARGUMENT, &err,
                 "more than 32");
    const wn_str with_nul = {"::1\0x", 5};
    assert_int_equal(wn_networks_parse(&networks, with_nul, &err), WN_ERR_ARGUMENT);
}

#define FIELD(value)                                                                               \
    {                                                                                              \
        {"x-forwarded-for", 15},                                                                   \
        {                                                                                          \
            value, sizeof(value) - 1                                                               \
        }                                                                                          \
    }
#define OTHER                                                                                      \
    {                                                                                              \
        {"X-Other", 7},                                                                            \
        {                                                                                          \
            "9.9.9.9", 7                                                                           \
        }                                                                                          \
    }

static void client_is_the_last_that_is_not_trusted(void **state)
{
    (void)state;
    static const struct {
        const char *trusted, *peer, *client;
        wn_http_field fields[3];
    } rows[] = {
        /* The peer is not trusted: whatever it says. */
        {"", "1.1.1.1", "1.1.1.1", {FIELD("2.2.2.2"), OTHER, OTHER}},
        {"10.0.0.0/8", "1.1.1.1", "1.1.1.1", {FIELD("2.2.2.2"), OTHER, OTHER}},
        {"10.0.0.0/8", "10.0.0.1", "10.0.0.1", {OTHER, OTHER, OTHER}},
        {"10.0.0.0/8", "10.0.0.1", "2.2.2.2", {FIELD("2.2.2.2"), OTHER, OTHER}},
        /* What the client itself has written comes before. */
        {"10.0.0.0/8", "10.0.0.1", "2.2.2.2", {FIELD("6.6.6.6, 2.2.2.2"), OTHER, OTHER}},
        {"10.0.0.0/8", "10.0.0.1", "2.2.2.2", {FIELD("6.6.6.6"), OTHER, FIELD("2.2.2.2")}},
        {"10.0.0.0/8", "10.0.0.1", "2.2.2.2", {FIELD("6.6.6.6,2.2.2.2,10.9.9.9"), OTHER, OTHER}},
        {"10.0.0.0/8",
         "10.0.0.1",
         "2.2.2.2",
         {FIELD("2.2.2.2"), FIELD("10.3.3.3 ,10.2.2.2"), OTHER}},
        /* Only proxies: the first of them. */
        {"10.0.0.0/8", "10.0.0.1", "10.3.3.3", {FIELD("10.3.3.3, 10.2.2.2"), OTHER, OTHER}},
        /* Ports and brackets. */
        {"::1", "::1", "2.2.2.2", {FIELD("2.2.2.2:4711"), OTHER, OTHER}},
        {"::1", "::1", "2001:db8::7", {FIELD("[2001:db8::7]:4711"), OTHER, OTHER}},
        {"::1", "::1", "2001:db8::7", {FIELD("2001:db8::7"), OTHER, OTHER}},
        /* Nonsense ends the way. */
        {"::1", "::1", "::1", {FIELD("2.2.2.2, unknown"), OTHER, OTHER}},
        {"::1", "::1", "::1", {FIELD("2.2.2.2,"), OTHER, OTHER}},
        {"::1", "::1", "::1", {FIELD(""), OTHER, OTHER}},
        {"::1", "::1", "::1", {FIELD("["), OTHER, OTHER}},
        {"::1, 10.0.0.0/8", "::1", "10.0.0.1", {FIELD("2.2.2.2, a, 10.0.0.1"), OTHER, OTHER}},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(rows); i++) {
        char client[WN_ADDRESS_MAX + 1];
        wn_networks trusted = networks_of(rows[i].trusted);
        const wn_http_request request = {.fields = rows[i].fields, .n_fields = 3};
        wn_forwarded_client(client, rows[i].peer, &request, &trusted);
        if (strcmp(client, rows[i].client) != 0)
            fail_msg("row %zu: client is '%s', expected '%s'", i, client, rows[i].client);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_in_their_networks),
        cmocka_unit_test(wrong_network_is_named),
        cmocka_unit_test(client_is_the_last_that_is_not_trusted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
