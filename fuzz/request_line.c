/* A line of the stream, and a line of a file of documents: read, or refused with a reason; every
 * text that is handed out may be read, and every source text is that of its value. */
#include "base/str.h"
#include "cli/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned char sum_of(wn_str s)
{
    unsigned char sum = 0;
    for (size_t i = 0; i < s.len; i++)
        sum = (unsigned char)(sum + (unsigned char)s.ptr[i]);
    return sum;
}

/* The source of a document is JSON that holds the document's text. */
static void check_source(const wn_document *document)
{
    json_t *value = json_loadb(document->json.ptr, document->json.len,
                               JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
    WN_ASSERT(value != NULL);
    const json_t *text = json_is_object(value) ? json_object_get(value, "text") : value;
    WN_ASSERT(json_is_string(text));
    wn_str decoded = {json_string_value(text), json_string_length(text)};
    WN_ASSERT(wn_str_equal(decoded, document->text));
    json_decref(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wn_str line = {(const char *)data, size};
    wn_rank_request request = {0};
    wn_error err = {0};
    volatile unsigned char sum = 0;
    wn_status status = wn_rank_request_parse(&request, line, "request", &err);
    WN_ASSERT(status == WN_OK || err.message[0] != '\0');
    sum = (unsigned char)(sum + sum_of(request.id));
    if (status == WN_OK) {
        WN_ASSERT(request.query.len > 0 && request.n_documents > 0 &&
                  request.top_n <= WN_TOP_N_MAX);
        for (size_t i = 0; i < request.n_documents; i++) {
            WN_ASSERT(wn_str_equal(request.documents[i].text, request.texts[i]));
            check_source(&request.documents[i]);
            sum =
                (unsigned char)(sum + sum_of(request.documents[i].json) + sum_of(request.texts[i]));
        }
    }
    wn_rank_request_deinit(&request);
    wn_document document = {0};
    json_t *holder = NULL;
    status = wn_document_parse(&document, &holder, line, "line", &err);
    WN_ASSERT(status == WN_OK || err.message[0] != '\0');
    if (status == WN_OK)
        sum = (unsigned char)(sum + sum_of(document.text) + sum_of(document.json));
    json_decref(holder);
    return 0;
}
