#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/json_keys.h"
#include "io/stopwords.h"
#include "io/text.h"

static const char *const charset_name[] = { "unicode", "ascii", "letters" };
static const char *const unit_name[] = { "words", "characters" };
enum {
    N_CHARSET = sizeof charset_name / sizeof *charset_name,
    N_UNIT = sizeof unit_name / sizeof *unit_name
};

struct text_options text_defaults(void)
{
    return (struct text_options){ .language = "none",
                                  .lower = true,
                                  .stop_words = true,
                                  .html = true,
                                  .ngram_min = 1,
                                  .ngram_max = 1 };
}

int text_charset_parse(const char *name, enum text_charset *out, struct err *e)
{
    for (int i = 0; i < N_CHARSET; i++) {
        if (strcmp(name, charset_name[i]) == 0) {
            *out = (enum text_charset)i;
            return 0;
        }
    }
    return err_set(e, ERR_USAGE, "charset '%s' is not one of " TEXT_CHARSETS, name);
}

int text_unit_parse(const char *name, enum text_unit *out, struct err *e)
{
    for (int i = 0; i < N_UNIT; i++) {
        if (strcmp(name, unit_name[i]) == 0) {
            *out = (enum text_unit)i;
            return 0;
        }
    }
    return err_set(e, ERR_USAGE, "ngram_of '%s' is not one of " TEXT_UNITS, name);
}

/* The name as it stands in TEXT_LANGUAGES, in storage that lasts; NULL if it is none. */
static const char *language_find(const char *name)
{
    static const char list[][12] = {
        "none",    "arabic",    "armenian",   "basque",   "catalan", "danish",
        "dutch",   "english",   "finnish",    "french",   "german",  "greek",
        "hindi",   "hungarian", "indonesian", "irish",    "italian", "lithuanian",
        "nepali",  "norwegian", "portuguese", "romanian", "russian", "serbian",
        "spanish", "swedish",   "tamil",      "turkish",  "yiddish"
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (strcmp(name, list[i]) == 0)
            return list[i];
    return NULL;
}

bool text_has_stop_words(const struct text_options *o)
{
    size_t n;
    return stopwords(o->language, &n) != NULL;
}

int text_check(const struct text_options *o, struct err *e)
{
    if (!language_find(o->language))
        return err_set(e, ERR_USAGE, "language '%s' is not one of " TEXT_LANGUAGES, o->language);
    if (o->max_words < 0)
        return err_set(e, ERR_USAGE, "max_words is %lld: want 0 (all) or more",
                       (long long)o->max_words);
    if (o->stem && strcmp(o->language, "none") == 0)
        return err_set(e, ERR_USAGE, "stem needs a language, and language is none");
    if (o->stem && !o->lower)
        return err_set(e, ERR_USAGE, "stem needs lower case words, and lower is false");
    if (o->stop_words && text_has_stop_words(o) && !o->lower)
        return err_set(e, ERR_USAGE, "stop_words needs lower case words, and lower is false");
    if (o->ngram_min < 1 || o->ngram_max < o->ngram_min || o->ngram_max > TEXT_MAX_NGRAM)
        return err_set(e, ERR_USAGE,
                       "n-grams of %lld to %lld: want 1 <= ngram_min <= ngram_max <= %d",
                       (long long)o->ngram_min, (long long)o->ngram_max, TEXT_MAX_NGRAM);
    return 0;
}

char *text_recipe(const struct text_options *o)
{
    json_t *root = json_pack(
        "{s:i,s:s,s:s,s:b,s:b,s:b,s:b,s:b,s:b,s:I,s:s,s:I,s:I}", "version", TEXT_RECIPE_VERSION,
        "language", o->language, "charset", charset_name[o->charset], "lower", o->lower,
        "stop_words", o->stop_words && text_has_stop_words(o), "stem", o->stem, "html", o->html,
        "mask_digits", o->mask_digits, "mask_urls", o->mask_urls, "max_words",
        (json_int_t)o->max_words, "ngram_of", unit_name[o->ngram_of], "ngram_min",
        (json_int_t)o->ngram_min, "ngram_max", (json_int_t)o->ngram_max);
    char *dumped = json_dumps(root, JSON_COMPACT), *text = mem_strdup(dumped);
    free(dumped);
    json_decref(root);
    return text;
}

int text_recipe_parse(struct text_options *out, const char *json, struct err *e)
{
    static const char *const keys[] = { "version",    "language",  "charset",  "lower",
                                        "stop_words", "stem",      "html",     "mask_digits",
                                        "mask_urls",  "max_words", "ngram_of", "ngram_min",
                                        "ngram_max",  NULL };
    static const char what[] = "text recipe";
    struct text_options o = text_defaults();
    json_t *root = NULL;
    const char *language, *charset, *unit;
    int64_t version;
    int rc;

    if ((rc = json_keys_load(&root, what, json, keys, e)) ||
        (rc = json_keys_int(root, what, "version", TEXT_RECIPE_VERSION, TEXT_RECIPE_VERSION,
                            &version, e)) ||
        (rc = json_keys_text(root, what, "language", &language, e)) ||
        (rc = json_keys_text(root, what, "charset", &charset, e)) ||
        (rc = json_keys_bool(root, what, "lower", &o.lower, e)) ||
        (rc = json_keys_bool(root, what, "stop_words", &o.stop_words, e)) ||
        (rc = json_keys_bool(root, what, "stem", &o.stem, e)) ||
        (rc = json_keys_bool(root, what, "html", &o.html, e)) ||
        (rc = json_keys_bool(root, what, "mask_digits", &o.mask_digits, e)) ||
        (rc = json_keys_bool(root, what, "mask_urls", &o.mask_urls, e)) ||
        (rc = json_keys_int(root, what, "max_words", 0, INT64_MAX, &o.max_words, e)) ||
        (rc = json_keys_text(root, what, "ngram_of", &unit, e)) ||
        (rc = json_keys_int(root, what, "ngram_min", 1, TEXT_MAX_NGRAM, &o.ngram_min, e)) ||
        (rc = json_keys_int(root, what, "ngram_max", 1, TEXT_MAX_NGRAM, &o.ngram_max, e)))
        goto out;
    o.language = language_find(language);
    if (!o.language) {
        rc = err_set(e, ERR_DATA, "text recipe: language '%s' is not one of " TEXT_LANGUAGES,
                     language);
    } else if (text_charset_parse(charset, &o.charset, e) ||
               text_unit_parse(unit, &o.ngram_of, e) || text_check(&o, e)) {
        err_wrap(e, "text recipe");
        rc = e->code = ERR_DATA; /* not the command line: a file that lies */
    }
    if (rc == 0)
        *out = o;
out:
    json_decref(root);
    return rc;
}
