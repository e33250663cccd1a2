#!/usr/bin/env python3
"""The words of the pages: every language says the same things, and the pages say nothing that has no words."""
import glob, os, re, sys

HERE = os.path.dirname(os.path.abspath(__file__))
WEB = os.path.join(HERE, "../../web")
sys.path[:0] = [os.path.join(HERE, "../support")]
import tap

# Plural forms of a language by CLDR, without those of round millions.
FORMS = {"en": {"one", "other"}, "de": {"one", "other"}, "es": {"one", "other"}, "ja": {"other"}, "zh": {"other"}}
# Words of a family: the first part of their keys, the file that names the rest, and how it does.
FAMILIES = [("file-", "app/*.js", r"new FileMistake\('([\w-]+)'"), ("example-", "app/examples.js", r"\bname: '([\w-]+)'"),
            ("tab-", "app/snippets.js", r"^    (\w+): \(")]

STRING = r"'([^'\\\n]+)'"
WORDS = rf"{STRING}(?:\s*\+\s*{STRING})*"
ENTRY = re.compile(rf"\s+'([a-z0-9-]+)':\s*(?:({WORDS})|\{{((?:\s*[a-z]+: {WORDS},?)+)\s*\}}),\n+")
PLACE = re.compile(r"\{(\w+)\}")
QUOTED = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`(?:\\.|[^`\\])*`""")
CALL = re.compile(r"(?<![\w.$])t\(")


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def join(words):
    return "".join(re.findall(STRING, words))


def table_of(text):
    """The table of a language: key -> {form: words}, with the form "" where there is only one."""
    head = re.match(r"//[^\n]+\nexport default \{\n", text)
    assert head, f"begins with {text[:40]!r}, expected a comment and 'export default {{'"
    at, table = head.end() - 1, {}
    while not text.startswith("};\n", at + 1):
        entry = ENTRY.match(text, at)
        line = text.count("\n", 0, at) + 2
        assert entry, f"line {line}: cannot read {text[at + 1:at + 61]!r}"
        assert entry[1] not in table, f"line {line}: '{entry[1]}' is there twice"
        forms = re.findall(rf"([a-z]+): ({WORDS})", entry[5] or "")
        table[entry[1]] = {form[0]: join(form[1]) for form in forms} or {"": join(entry[2])}
        at = entry.end() - 1
    assert text[at + 1:] == "};\n", f"more follows the table: {text[at + 4:at + 44]!r}"
    return table


def arguments(code, at):
    """The arguments of the call whose parenthesis ends before `at`, as they are written."""
    found, began, depth = [], at, 0
    while depth >= 0:
        quoted = QUOTED.match(code, at)
        if quoted:
            at = quoted.end()
            continue
        depth += (code[at] in "([{") - (code[at] in ")]}")
        if depth < 0 or (depth == 0 and code[at] == ","):
            found.append(code[began:at].strip())
            began = at + 1
        at += 1
    return found


def keys_of(argument):
    """What a first argument may be: (keys, patterns of keys), nothing when it is computed elsewhere."""
    outer = re.sub(r"\([^()]*\)|===? '[^']*'", "", argument)
    patterns = [re.sub(r"\\\$\\\{.*?\\\}", ".+", re.escape(words)) for words in re.findall(r"`([^`]*)`", outer)]
    return re.findall(r"'([^']*)'", outer), patterns


class Uses:
    """The keys that pages and scripts ask for."""

    def __init__(self):
        self.keys, self.patterns, self.maybe, self.values = {}, {}, set(), []
        for path in self.files("html"):
            for key in re.findall(r"\bdata-t(?:-label|-title|-placeholder)?=\"([^\"]*)\"", read(path)):
                self.keys.setdefault(key, os.path.relpath(path, WEB))
        for path in self.files("js"):
            if os.path.basename(os.path.dirname(path)) != "strings":
                self.add_script(os.path.relpath(path, WEB), read(path))

    @staticmethod
    def files(kind):
        return sorted(glob.glob(f"{WEB}/**/*.{kind}", recursive=True))

    def add_script(self, name, code):
        for call in CALL.finditer(code):
            if re.search(r"function $", code[:call.start()]):
                continue
            words = arguments(code, call.end())
            keys, patterns = keys_of(words[0])
            if not keys and not patterns:
                self.maybe |= set(re.findall(r"'([\w-]+)'", code))
            for key in keys:
                self.keys.setdefault(key, name)
                self.values.append((name, key, words[1] if len(words) > 1 else "{}"))
            for pattern in patterns:
                self.patterns.setdefault(pattern, name)

    def uses(self, key):
        return key in self.keys or key in self.maybe or any(re.fullmatch(p, key) for p in self.patterns)


TABLES = {os.path.basename(p)[:-3]: read(p) for p in sorted(glob.glob(f"{WEB}/strings/*.js"))}


def table(language):
    try:
        return table_of(TABLES[language])
    except AssertionError as mistake:
        raise AssertionError(f"strings/{language}.js: {mistake}") from None


def none_of(mistakes):
    assert not mistakes, "\n" + "\n".join(mistakes)


def test_the_reader_refuses_what_it_does_not_know():
    good = "// E.\nexport default {\n    'a': 'x {n}',\n    'b': { one: '1', other: 'n' },\n    'c':\n        'p '\n        + 'q',\n};\n"
    assert table_of(good) == {"a": {"": "x {n}"}, "b": {"one": "1", "other": "n"}, "c": {"": "p q"}}
    for old, new in [("'b'", "'a'"), ("'x {n}'", "f()"), ("'x {n}'", "'x\\n'"), ("'x {n}'", "''"), ("};\n", "};\nx"), ("// E.\n", "")]:
        try:
            table_of(good.replace(old, new, 1))
        except AssertionError:
            continue
        raise AssertionError(f"{new!r} is taken in place of {old!r}")


def test_the_pages_offer_the_languages_that_have_words():
    offered = re.search(r"export const languages = \{([^}]*)\}", read(f"{WEB}/app/strings.js"))[1]
    assert set(re.findall(r"(\w+): '", offered)) == set(TABLES) == set(FORMS), (offered, sorted(TABLES))


def test_every_language_has_the_keys_of_english():
    english, mistakes = table("en"), []
    for language in TABLES:
        own = table(language)
        mistakes += [f"strings/{language}.js: no '{key}'" for key in english if key not in own]
        mistakes += [f"strings/{language}.js: '{key}' is not in en.js" for key in own if key not in english]
    none_of(mistakes)


def test_pages_begin_with_the_words_of_english():
    english, mistakes = {key: forms.get("") for key, forms in table("en").items()}, []
    for path in Uses.files("html"):
        text, name = read(path), os.path.relpath(path, WEB)
        shown = re.findall(r'<(\w+)[^>]*\bdata-t="([^"]+)"[^>]*>([^<]*)</\1>', text)
        found = [(key, words) for _, key, words in shown] + re.findall(r'data-t-(?:label|placeholder|title)="([^"]+)" (?:aria-label|placeholder|title)="([^"]*)"', text)
        assert len(found) == len(re.findall(r"\bdata-t[a-z-]*=", text)) > 2, (name, found)
        mistakes += [f"{name}: '{words}', en.js has '{english.get(key)}'" for key, words in found if words != english.get(key)]
    none_of(mistakes)


def test_every_language_fills_the_same_places():
    english = {key: set(PLACE.findall(" ".join(forms.values()))) for key, forms in table("en").items()}
    none_of([f"strings/{language}.js: '{key}' has the places {sorted(PLACE.findall(words))}, en.js has {sorted(english[key])}"
             for language in TABLES for key, forms in table(language).items() for words in forms.values()
             if key in english and set(PLACE.findall(words)) != english[key]])


def test_plurals_have_the_forms_of_their_language():
    plural = {key for key, forms in table("en").items() if "" not in forms}
    none_of([f"strings/{language}.js: '{key}' has the forms {sorted(forms)}, expected {sorted(FORMS[language])}"
             for language in TABLES for key, forms in table(language).items()
             if set(forms) != (FORMS[language] if key in plural else {""})])


def test_every_key_that_is_used_has_words():
    english, uses = table("en"), Uses()
    assert len(uses.keys) > 50 and uses.patterns, (len(uses.keys), uses.patterns)
    none_of([f"{where}: no words for '{key}'" for key, where in uses.keys.items() if key not in english]
            + [f"{where}: no words for any '{p}'" for p, where in uses.patterns.items() if not any(re.fullmatch(p, k) for k in english)])


def test_every_member_of_a_family_has_words():
    english, mistakes = table("en"), []
    for first, files, pattern in FAMILIES:
        names = {name for path in glob.glob(f"{WEB}/{files}") for name in re.findall(pattern, read(path), re.M)}
        assert len(names) > 2, f"{files}: {pattern} finds {sorted(names)}"
        mistakes += [f"{files}: no words for '{first}{name}'" for name in sorted(names) if first + name not in english]
    none_of(mistakes)


def test_no_words_are_unused():
    uses = Uses()
    none_of([f"strings/en.js: nothing uses '{key}'" for key in table("en") if not uses.uses(key)])


def test_calls_give_the_values_that_the_words_have_places_for():
    english, mistakes = table("en"), []
    for where, key, values in Uses().values:
        if not values.startswith("{") or "..." in values or key not in english:
            continue
        given = {re.match(r"\w*", value)[0] for value in arguments(values, 1)}
        wanted = set(PLACE.findall(" ".join(english[key].values()))) | ({"n"} if "" not in english[key] else set())
        if wanted - given:
            mistakes.append(f"{where}: t('{key}') gives no {sorted(wanted - given)}")
    none_of(mistakes)


if __name__ == "__main__":
    tap.main(globals())
