/* Typed fields of a tokenizer.json, with the JSON path of a mistake in its error:
 * "normalizer.normalizers[2].content: is a number, expected a string".
 * Also the walk over the steps of a component that may be a (nested) Sequence.
 * Thread rule: any. */
#ifndef WN_TOKEN_COMPONENT_H
#define WN_TOKEN_COMPONENT_H

#include "base/status.h"
#include "base/str.h"
#include "token/field.h"

#include <jansson.h>

#define WN_COMPONENT_PATH_MAX    200 /* bytes of a JSON path in a message */
#define WN_COMPONENT_NESTING_MAX 8   /* Sequences inside Sequences */
#define WN_COMPONENT_STEPS_MAX   64  /* steps of one normalizer or pre-tokenizer */

/* An object of the file and where it is. */
typedef struct wn_component {
    const json_t *object;
    char path[WN_COMPONENT_PATH_MAX];
} wn_component;

/* Read a string, which may hold NUL.  fallback NULL: the field must be there and not null.
 * Fails:   WN_ERR_FORMAT with the path and both types.
 * Owns:    *out points into the JSON. */
WN_MUST_USE wn_status wn_component_str(wn_str *out, const wn_component *fields, const char *key,
                                       const wn_str *fallback, wn_error *err);

/* Read true or false, likewise. */
WN_MUST_USE wn_status wn_component_bool(bool *out, const wn_component *fields, const char *key,
                                        const bool *fallback, wn_error *err);

typedef wn_status wn_component_step(void *arg, const wn_component *fields, wn_str type,
                                    wn_error *err);

/* Call step for the component, or for each part of it in order when its type is Sequence.
 * name is the component's key ("normalizer"), list the key of a Sequence's parts ("normalizers").
 * Fails:   WN_ERR_FORMAT for what is not an object with a type, WN_ERR_LIMIT for nesting or number
 *          of steps, and what step says. */
WN_MUST_USE wn_status wn_component_walk(const json_t *component, const char *name, const char *list,
                                        wn_component_step *step, void *arg, wn_error *err);

#endif
