/* winnow licence: what the licence of a model's weights allows, in the words of the page
 * /licence. */
#include "cli/hub_options.h"

#include "base/str.h"
#include "data/json_text.h"
#include "data/license.h"
#include "hub/inventory.h"

#include <stdio.h>
#include <sys/stat.h>

#define WN_WHERE "cli/licence"

/* ---- words ----------------------------------------------------------------------------------- */

static const char *const kind_words[] = {
    [WN_LICENSE_UNKNOWN] = "unknown",
    [WN_LICENSE_PERMISSIVE] = "permissive",
    [WN_LICENSE_FREE] = "given up to everybody",
    [WN_LICENSE_COPYLEFT] = "copyleft",
    [WN_LICENSE_NETWORK] = "copyleft, for services too",
    [WN_LICENSE_UNCHANGED] = "no changed versions",
    [WN_LICENSE_NON_COMMERCIAL] = "non-commercial",
    [WN_LICENSE_OWN] = "terms of its own",
};

static const struct {
    const char *name; /* in JSON */
    const char *words;
} places[] = {
    [WN_LICENSE_ON_OWN_MACHINES] = {"own", "on machines of your own"},
    [WN_LICENSE_AS_A_SERVICE] = {"service", "as a service for others"},
    [WN_LICENSE_SHIPPED] = {"shipped", "shipped to others"},
};

static const char *const verdicts[] = {
    [WN_LICENSE_YES] = "yes",
    [WN_LICENSE_NO] = "no",
    [WN_LICENSE_ASK] = "ask",
};

/* In the order of the bits of wn_license_duty. */
static const struct {
    const char *name;
    const char *words;
} duties[WN_LICENSE_DUTIES] = {
    {"author", "Ask its author before you use it."},
    {"read", "Read its terms: they say who may use it for what."},
    {"buy", "Ask its author for a commercial licence, or take another model."},
    {"notice", "Pass on the licence and the name of the author with the weights."},
    {"same", "Pass on the weights, changed ones too, under the same licence."},
    {"source", "Offer changed weights to those who use the service."},
    {"unchanged", "Do not pass on changed weights, such as fine-tuned ones."},
    {"gain", "Only as long as nobody earns by it."},
};

/* ---- whose licence --------------------------------------------------------------------------- */

static wn_status read_builtin(char out[WN_LICENSE_MAX + 1], wn_error *err)
{
    const wn_engine_options options = WN_ENGINE_OPTIONS_INIT;
    wn_engine_info info = WN_ENGINE_INFO_INIT;
    wn_engine *engine;
    WN_TRY(wn_engine_open(&engine, &options, err));
    wn_status status = wn_engine_get_info(engine, &info, err);
    if (status == WN_OK)
        snprintf(out, WN_LICENSE_MAX + 1, "%s", info.license);
    wn_engine_close(engine);
    return status;
}

static wn_status find_license(char out[WN_LICENSE_MAX + 1], wn_args *args, wn_error *err)
{
    const char *given = args->n_operands > 0 ? args->operands[0] : "built-in", *dir, *id;
    struct stat info;
    if (strcmp(given, "built-in") == 0)
        return read_builtin(out, err);
    WN_TRY(wn_hub_find_model(&dir, &id, args, given, err));
    if (stat(dir, &info) == 0)
        return wn_inventory_read_license(out, dir, err);
    if (wn_license_kind_of(given) == WN_LICENSE_UNKNOWN)
        WN_FAIL(err, WN_ERR_INPUT,
                "'%s' is neither a model nor the word for a licence that is known", given);
    snprintf(out, WN_LICENSE_MAX + 1, "%s", given);
    return WN_OK;
}

/* ---- printing -------------------------------------------------------------------------------- */

static void push_use_json(wn_buf *out, const char *license, wn_license_place place, bool commercial)
{
    wn_license_answer answer = wn_license_judge(license, place, commercial);
    wn_buf_printf(out, "{\"where\":\"%s\",\"commercial\":%s,\"verdict\":\"%s\",\"duties\":[",
                  places[place].name, commercial ? "true" : "false", verdicts[answer.verdict]);
    for (size_t i = 0, n = 0; i < WN_LICENSE_DUTIES; i++)
        if ((answer.duties >> i & 1) != 0)
            wn_buf_printf(out, "%s\"%s\"", n++ > 0 ? "," : "", duties[i].name);
    wn_buf_printf(out, "]}");
}

static void push_json(wn_buf *out, const char *license)
{
    wn_buf_printf(out, "{\"license\":");
    if (license[0] != '\0')
        wn_json_push_string(out, wn_str_from(license));
    else
        wn_buf_printf(out, "null");
    wn_buf_printf(out, ",\"kind\":\"%s\",\"uses\":[",
                  wn_license_kind_name(wn_license_kind_of(license)));
    for (size_t i = 0; i < 2 * WN_ARRAY_LEN(places); i++) {
        wn_buf_printf(out, "%s", i > 0 ? "," : "");
        push_use_json(out, license, (wn_license_place)(i / 2), i % 2 != 0);
    }
    wn_buf_printf(out, "]}\n");
}

/* "yes a,b": the letters say which of the duties below follow. */
static void push_answer(wn_buf *out, wn_license_answer answer, unsigned all, size_t columns)
{
    char text[48];
    int n = snprintf(text, sizeof text, "%s", verdicts[answer.verdict]);
    char letter = 'a', before = ' ';
    for (size_t d = 0; d < WN_LICENSE_DUTIES; d++) {
        if ((answer.duties >> d & 1) != 0) {
            n += snprintf(text + n, sizeof text - (size_t)n, "%c%c", before, letter);
            before = ',';
        }
        letter = (char)(letter + ((all >> d & 1) != 0));
    }
    wn_buf_printf(out, "  %-*s", (int)columns, text);
}

static void push_table(wn_buf *out, const char *license)
{
    wn_license_answer answers[WN_ARRAY_LEN(places)][2];
    unsigned all = 0;
    for (size_t i = 0; i < 2 * WN_ARRAY_LEN(places); i++) {
        answers[i / 2][i % 2] = wn_license_judge(license, (wn_license_place)(i / 2), i % 2 != 0);
        all |= answers[i / 2][i % 2].duties;
    }
    if (license[0] != '\0')
        wn_buf_printf(out, " The weights are under %s: %s.\n\n", license,
                      kind_words[wn_license_kind_of(license)]);
    else
        wn_buf_printf(out, " The model names no licence for its weights.\n\n");
    wn_buf_printf(out, " %-24s  %-16s  %s\n", "", "non-commercial", "commercial");
    for (size_t i = 0; i < WN_ARRAY_LEN(places); i++) {
        wn_buf_printf(out, " %-24s", places[i].words);
        push_answer(out, answers[i][0], all, 16);
        push_answer(out, answers[i][1], all, 0);
        wn_buf_push_byte(out, '\n');
    }
    wn_buf_push_byte(out, '\n');
    char letter = 'a';
    for (size_t d = 0; d < WN_LICENSE_DUTIES; d++)
        if ((all >> d & 1) != 0)
            wn_buf_printf(out, " %c  %s\n", letter++, duties[d].words);
    wn_buf_printf(out,
                  "\n Winnow itself is under Apache-2.0: use it for anything, and pass on its "
                  "licence with it.\n This is no legal advice: the text of the licence decides.\n");
}

wn_status wn_cmd_licence(wn_program *program, wn_error *err)
{
    wn_args *args = &program->args;
    char license[WN_LICENSE_MAX + 1] = "";
    wn_buf out = WN_BUF_INIT;
    WN_TRY(find_license(license, args, err));
    if (wn_args_has(args, WN_OPT_JSON))
        push_json(&out, license);
    else
        push_table(&out, license);
    wn_status status = wn_program_write(program, &out, err);
    wn_buf_deinit(&out);
    if (status == WN_OK && wn_args_int(args, WN_OPT_REQUIRE_LICENCE) == 1)
        status = wn_license_require_commercial(
            license, args->n_operands > 0 ? args->operands[0] : "built-in", err);
    return status;
}
