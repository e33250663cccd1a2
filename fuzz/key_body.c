/* A body of /v1/admin/keys: either its mistakes are told as JSON, or the record that it changes is
 * one that the store takes, and is JSON. */
#include "base/str.h"
#include "data/json_bind.h"
#include "serve/api.h"
#include "serve/key_order.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_json(const wn_buf *text)
{
    json_t *json;
    wn_error err;
    if (text->failed || wn_json_parse(&json, wn_buf_str(text), "answer", &err) != WN_OK)
        abort();
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *body;
    wn_error err;
    if (wn_json_parse(&body, (wn_str){(const char *)data, size}, "body", &err) != WN_OK)
        return 0;
    const wn_form *form = &wn_form_key_create;
    const char *wrong;
    wn_problem problem = {0};
    wn_buf out = WN_BUF_INIT;
    wn_key_edit edit = WN_KEY_EDIT_INIT;
    wn_key_record record = wn_key_record_default();
    wn_fields_read(&edit, form->fields, form->n_fields, body, &problem);
    wn_form_refuse_others(form, body, &problem);
    if (problem.status == 0 && wn_key_edit_apply(&edit, &record, &wrong, &err) != WN_OK)
        wn_problem_note(&problem, wrong, "value_error", NULL, "Input %s", err.message);
    if (problem.status != 0)
        wn_push_problem_flat(&out, &problem, "id");
    else if (wn_key_record_check(&record, &err) == WN_OK)
        wn_key_push_json(&out, &record, NULL, 1);
    else
        abort();
    check_json(&out);
    wn_buf_deinit(&out);
    wn_problem_deinit(&problem);
    json_decref(body);
    return 0;
}
