/* What licences allow, by the words for them.  See license.h. */
#include "data/license.h"

#include "base/str.h"

#include <string.h>
#include <strings.h>

#define WN_WHERE "data/license"

/* Words of a kind, a space between them. */
static const char *const words_of[] = {
    [WN_LICENSE_PERMISSIVE] =
        "apache-2.0 mit mit-0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear isc zlib bsl-1.0 "
        "ecl-2.0 afl-3.0 artistic-2.0 ms-pl ncsa postgresql odc-by cdla-permissive-1.0 "
        "cdla-permissive-2.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0",
    [WN_LICENSE_FREE] = "cc0-1.0 unlicense wtfpl pddl 0bsd",
    [WN_LICENSE_COPYLEFT] =
        "gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 mpl-2.0 epl-1.0 epl-2.0 cc-by-sa-3.0 "
        "cc-by-sa-4.0 odbl cdla-sharing-1.0",
    [WN_LICENSE_NETWORK] = "agpl-3.0 osl-3.0 eupl-1.1 eupl-1.2",
    [WN_LICENSE_UNCHANGED] = "cc-by-nd-4.0",
    [WN_LICENSE_NON_COMMERCIAL] =
        "cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 "
        "cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 intel-research fair-noncommercial-research-license",
    [WN_LICENSE_OWN] =
        "openrail openrail++ bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0 "
        "bigcode-openrail-m llama2 llama3 llama3.1 llama3.2 llama3.3 llama4 gemma "
        "deepfloyd-if-license apple-amlr apple-ascl h-research",
};

static const char *const kind_names[] = {
    [WN_LICENSE_UNKNOWN] = "unknown",
    [WN_LICENSE_PERMISSIVE] = "permissive",
    [WN_LICENSE_FREE] = "free",
    [WN_LICENSE_COPYLEFT] = "copyleft",
    [WN_LICENSE_NETWORK] = "network",
    [WN_LICENSE_UNCHANGED] = "unchanged",
    [WN_LICENSE_NON_COMMERCIAL] = "non-commercial",
    [WN_LICENSE_OWN] = "own",
};

static bool has_word(const char *words, const char *word)
{
    size_t len = strlen(word), n;
    for (; *words != '\0'; words += n + (words[n] == ' ')) {
        n = strcspn(words, " ");
        if (n == len && strncasecmp(words, word, n) == 0)
            return true;
    }
    return false;
}

wn_license_kind wn_license_kind_of(const char *word)
{
    for (size_t i = WN_LICENSE_PERMISSIVE; i < WN_ARRAY_LEN(words_of); i++)
        if (has_word(words_of[i], word))
            return (wn_license_kind)i;
    return WN_LICENSE_UNKNOWN;
}

const char *wn_license_kind_name(wn_license_kind kind)
{
    return kind_names[kind];
}

/* The known words are in lower case. */
static bool has_part(const char *word, const char *part)
{
    for (size_t n = strlen(part); strlen(word) >= n; word++)
        if (strncasecmp(word, part, n) == 0)
            return true;
    return false;
}

wn_license_answer wn_license_judge(const char *word, wn_license_place place, bool commercial)
{
    wn_license_kind kind = wn_license_kind_of(word);
    bool shipped = place == WN_LICENSE_SHIPPED;
    bool shared = kind == WN_LICENSE_COPYLEFT || kind == WN_LICENSE_NETWORK;
    unsigned duties = 0;
    if (kind == WN_LICENSE_UNKNOWN)
        return (wn_license_answer){WN_LICENSE_ASK, WN_DUTY_AUTHOR};
    if (kind == WN_LICENSE_OWN)
        return (wn_license_answer){WN_LICENSE_ASK, WN_DUTY_READ};
    if (kind == WN_LICENSE_NON_COMMERCIAL && commercial)
        return (wn_license_answer){WN_LICENSE_NO, WN_DUTY_BUY};
    if (shipped && kind != WN_LICENSE_FREE)
        duties |= WN_DUTY_NOTICE;
    if (shipped && (shared || has_part(word, "-sa-")))
        duties |= WN_DUTY_SAME;
    if (place == WN_LICENSE_AS_A_SERVICE && kind == WN_LICENSE_NETWORK)
        duties |= WN_DUTY_SOURCE;
    if (has_part(word, "-nd-"))
        duties |= WN_DUTY_UNCHANGED;
    if (kind == WN_LICENSE_NON_COMMERCIAL)
        duties |= WN_DUTY_GAIN;
    return (wn_license_answer){WN_LICENSE_YES, duties};
}

wn_status wn_license_require_commercial(const char *word, const char *model, wn_error *err)
{
    if (wn_license_judge(word, WN_LICENSE_ON_OWN_MACHINES, true).verdict == WN_LICENSE_YES)
        return WN_OK;
    if (word[0] == '\0')
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "model '%s' names no licence for its weights, and one that allows commercial use "
                "is required",
                model);
    WN_FAIL(err, WN_ERR_UNSUPPORTED,
            "model '%s' is under '%s' (%s), and a licence that is known to allow commercial use is "
            "required",
            model, word, wn_license_kind_name(wn_license_kind_of(word)));
}
