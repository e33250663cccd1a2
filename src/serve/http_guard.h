/* The rules of RFC 9110 and 9112 that http-parser does not keep.
 * Distributions compile the library without its strict checks: Debian's takes "Content-Length : 5",
 * a bare LF, anything at all in place of the CR LF behind a chunk, and raw bytes in a target.  In
 * any build it takes several blanks in a request line, every version, a request without a version
 * or with two Host fields, "Transfer-Encoding: identity, chunked", obsolete folding, and whatever
 * stands behind the size of a chunk.  So each line is checked here before the parser sees it, and
 * each head once more when it is complete.
 * Checks return false with the fault filled; a fault's text quotes the client's bytes escaped.
 * Thread rule: any. */
#ifndef WN_SERVE_HTTP_GUARD_H
#define WN_SERVE_HTTP_GUARD_H

#include "serve/http_request.h"

/* The longest chunk-size line without extension: 16 digits and CR LF. */
#define WN_HTTP_CHUNK_LINE_BYTES 18

#define WN_HTTP_QUOTE_BYTES 65

/* Why a request is refused. */
typedef struct wn_http_fault {
    int status; /* of the answer, 4xx or 5xx; 0: none */
    char detail[200];
} wn_http_fault;

/* Fill *fault; returns false, so that a check can end with it. */
bool wn_http_refuse(wn_http_fault *fault, int status, const char *format, ...) WN_PRINTF(3, 4);

/* A line with its LF: it ends with CR LF and holds no other CR and no control byte but the tab. */
bool wn_http_check_line(wn_str line, wn_http_fault *fault);

/* "METHOD TARGET HTTP/1.x", without its CR LF; fills method, target and minor_version.
 * Owns:    *request borrows the line. */
bool wn_http_read_request_line(wn_http_request *request, wn_str line, size_t target_bytes,
                               wn_http_fault *fault);

/* A field line without its CR LF, of a head or a trailer: it is not folded and has a name. */
bool wn_http_check_field(wn_str line, wn_http_fault *fault);

/* A field line of a trailer, besides: it does not say where the message ends or where it goes. */
bool wn_http_check_trailer(wn_str line, wn_http_fault *fault);

/* A chunk-size line without its CR LF: hexadecimal digits, and extensions behind a ';'. */
bool wn_http_check_chunk_line(wn_str line, wn_http_fault *fault);

/* A whole head whose lines are checked; fills path, query, host, chunked and wants_continue.
 * Needs:   method, target, minor_version and the fields. */
bool wn_http_check_head(wn_http_request *request, wn_http_fault *fault);

/* The first bytes of s into out [WN_HTTP_QUOTE_BYTES], printable: others as "\xNN", without the
 * CR LF at its end, and "..." when it is longer.
 * Returns out. */
const char *wn_http_quote(char *out, wn_str s);

#endif
