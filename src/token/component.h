/* The walk over a component of a tokenizer.json that is one step or a (nested) Sequence of steps:
 * normalizer, pre_tokenizer, post_processor.
 * Thread rule: any. */
#ifndef WN_TOKEN_COMPONENT_H
#define WN_TOKEN_COMPONENT_H

#include "token/field.h"

#define WN_COMPONENT_PATH_MAX    200 /* bytes of a JSON path in a message */
#define WN_COMPONENT_NESTING_MAX 8   /* Sequences inside Sequences */
#define WN_COMPONENT_STEPS_MAX   64  /* steps of one component */

/* One step: its object, and the type that is written there. */
typedef wn_status wn_component_step(void *arg, const wn_fields *fields, wn_str type, wn_error *err);

/* Call step for the component, or for each part of it in order when its type is Sequence.
 * name is the component's key ("normalizer"), list the key of a Sequence's parts ("normalizers").
 * Fails:   WN_ERR_FORMAT for what is not an object with a type, WN_ERR_LIMIT for nesting or number
 *          of steps, and what step says. */
WN_MUST_USE wn_status wn_component_walk(const json_t *component, const char *name, const char *list,
                                        wn_component_step *step, void *arg, wn_error *err);

#endif
