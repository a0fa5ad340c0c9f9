/* schema: the JSON Schema (draft 2020-12) of the pipeline file, made from the tables of keys.c that
 * the reader takes its keys from, and from what the programs say of themselves. */
#include "runner/cli/jsonschema.h"

#include <dirent.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/cli/cli.h"
#include "runner/cli/project.h"
#include "runner/show/report.h"
#include "runner/read/keys.h"
#include "runner/read/path.h"
#include "runner/read/program.h"

/* ---- pieces ---- */

static json_t *parse(const char *text)
{
    json_t *doc = json_loads(text, 0, NULL);
    if (!doc)
        abort(); /* a literal of ours */
    return doc;
}

/* A scalar, as the reader takes it: 42 and "42" are the same to it. */
static json_t *scalar(const char *type, const char *pattern)
{
    json_t *doc = json_pack("{s:[s, s]}", "type", type, "string");
    json_object_set_new(doc, "pattern", json_string(pattern));
    return doc;
}

static json_t *text_schema(void)
{
    return parse("{\"type\": [\"string\", \"number\", \"boolean\"]}");
}

static void add_bounds(json_t *doc, double min, double max, bool whole)
{
    const char *const name[2] = { "minimum", "maximum" };
    const double bound[2] = { min, max };
    for (int i = 0; i < 2; i++)
        if (isfinite(bound[i]) && fabs(bound[i]) < 1e300)
            json_object_set_new(doc, name[i],
                                whole ? json_integer((json_int_t)bound[i]) : json_real(bound[i]));
}

static json_t *words_schema(const char *const *word)
{
    json_t *list = json_array();
    for (; *word; word++) {
        long long n;
        json_array_append_new(list, json_string(*word));
        if (str_to_int(*word, &n)) /* 1 and "1" */
            json_array_append_new(list, json_integer(n));
    }
    return json_pack("{s:o}", "enum", list);
}

/* `null` stands for the default; it may do so for every key that is not required. */
static json_t *or_null(json_t *doc)
{
    json_t *type = json_object_get(doc, "type"), *words = json_object_get(doc, "enum");
    if (words) {
        json_array_append_new(words, json_null());
    } else if (json_is_array(type)) {
        json_array_append_new(type, json_string("null"));
    } else if (type) {
        json_object_set_new(doc, "type", json_pack("[O, s]", type, "null"));
    } else {
        return json_pack("{s:[o, {s:s}]}", "anyOf", doc, "type", "null");
    }
    return doc;
}

/* ---- tables ---- */

static json_t *table_schema(const struct key *table, enum key_where where);

/* One value of a key, without its help and without what `shape` adds. */
static json_t *kind_schema(const struct key *k)
{
    json_t *doc;
    switch (k->kind) {
    case KEY_TEXT:
        return text_schema();
    case KEY_NAME:
        doc = text_schema();
        json_object_set_new(doc, "pattern", json_string("^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$"));
        return doc;
    case KEY_INT:
        doc = scalar("integer", "^[+-]?[0-9]+$");
        add_bounds(doc, k->min, k->max, true);
        return doc;
    case KEY_REAL:
        doc = scalar("number", "^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$");
        add_bounds(doc, k->min, k->max, false);
        return doc;
    case KEY_BOOL:
        return scalar("boolean", "^(true|false|yes|no|on|off)$");
    case KEY_DURATION:
        return parse("{\"type\": \"string\", \"pattern\": \"^0*[1-9][0-9]*(ms|s|m|h|d)$\"}");
    case KEY_SIZE:
        return scalar("integer", "^0*[1-9][0-9]*[KMGT]?$");
    case KEY_CHOICE:
        return words_schema(k->choice);
    case KEY_MAP:
        return table_schema(k->keys, KEY_ANYWHERE);
    case KEY_NAMED:
        doc = table_schema(k->keys, KEY_ANYWHERE);
        if (k->shape)
            json_object_update_new(doc, parse(k->shape));
        return json_pack("{s:s, s:o}", "type", "object", "additionalProperties", doc);
    case KEY_SHAPE:
        break;
    }
    return parse(k->shape);
}

static json_t *key_schema(const struct key *k)
{
    json_t *doc = kind_schema(k);
    if (k->shape && k->kind == KEY_MAP)
        json_object_update_new(doc, parse(k->shape));
    else if (k->shape && !k->list && k->kind != KEY_SHAPE && k->kind != KEY_NAMED)
        doc = json_pack("{s:[o, o]}", "anyOf", doc, parse(k->shape));
    if (k->word)
        doc = json_pack("{s:[o, {s:s}]}", "anyOf", doc, "const", k->word);
    if (k->list)
        doc = json_pack("{s:s, s:o}", "type", "array", "items", doc);
    if (k->shape && k->list && k->kind != KEY_MAP) {
        json_t *more = parse(k->shape);
        json_object_update_recursive(doc, more);
        json_decref(more);
    }
    if (!k->required)
        doc = or_null(doc);
    json_object_set_new(doc, "description", json_string(k->help));
    return doc;
}

static json_t *table_schema(const struct key *table, enum key_where where)
{
    json_t *properties = json_object(), *required = json_array();
    for (; table->name; table++) {
        if (where != KEY_ANYWHERE && !(table->where & (int)where))
            continue;
        json_object_set_new(properties, table->name, key_schema(table));
        if (table->required && where == KEY_ANYWHERE)
            json_array_append_new(required, json_string(table->name));
    }
    json_t *doc = json_pack("{s:s, s:o, s:b}", "type", "object", "properties", properties,
                            "additionalProperties", 0);
    if (json_array_size(required))
        json_object_set(doc, "required", required);
    json_decref(required);
    return doc;
}

/* A path, or the mapping of `table`; a dep may be a list of paths too. */
static json_t *file_schema(const struct key *table, bool list)
{
    json_t *any = json_array();
    json_array_append_new(any, text_schema());
    if (list)
        json_array_append_new(any, json_pack("{s:s, s:i, s:o}", "type", "array", "minItems", 1,
                                             "items", text_schema()));
    json_array_append_new(any, table_schema(table, KEY_ANYWHERE));
    json_array_append_new(any, json_pack("{s:s}", "type", "null"));
    return json_pack("{s:o}", "anyOf", any);
}

/* ---- programs ---- */

/* A value of an option; a text may still hold a reference. */
static json_t *option_schema(const struct program_option *o)
{
    json_t *doc, *words;
    switch (o->type) {
    case PROGRAM_INT:
    case PROGRAM_REAL:
        doc = json_pack("{s:[s, s, s]}", "type", o->type == PROGRAM_INT ? "integer" : "number",
                        "string", "null");
        if (o->ranged)
            add_bounds(doc, o->min, o->max, o->type == PROGRAM_INT);
        break;
    case PROGRAM_BOOL:
        doc = parse("{\"type\": [\"boolean\", \"string\", \"null\"]}");
        break;
    case PROGRAM_CHOICE:
        words = json_array();
        for (size_t i = 0; i < o->n_choice; i++)
            json_array_append_new(words, json_string(o->choice[i]));
        json_array_append_new(words, json_null());
        doc = json_pack("{s:[{s:o}, {s:s, s:s}]}", "anyOf", "enum", words, "type", "string",
                        "pattern", "[$][{]");
        break;
    default:
        doc = or_null(text_schema());
    }
    if (o->list)
        doc = json_pack("{s:[O, {s:s, s:o}]}", "anyOf", doc, "type", "array", "items", doc);
    return doc;
}

static json_t *described(json_t *doc, const struct program_option *o)
{
    struct str help = { 0 };
    str_addz(&help, o->help ? o->help : o->name);
    if (o->unit)
        str_addf(&help, " [%s]", o->unit);
    if (o->def && *o->def)
        str_addf(&help, " (%s)", o->def);
    json_object_set_new(doc, "description", json_string(str_text(&help)));
    str_release(&help);
    return doc;
}

static json_t *program_schema(const struct program *p)
{
    static const char *const section[] = { "deps", "outs", "params" };
    json_t *properties = json_object();
    for (int kind = 0; kind < 3; kind++) {
        json_t *options = json_object();
        for (size_t i = 0; i < p->n_option; i++) {
            const struct program_option *o = &p->option[i];
            if ((int)o->kind == kind)
                json_object_set_new(
                    options, o->name,
                    described(o->kind == PROGRAM_PARAM ? option_schema(o) : json_object(), o));
        }
        json_object_set_new(
            properties, section[kind],
            json_pack("{s:o, s:b}", "properties", options, "additionalProperties", 0));
    }
    return json_pack("{s:o}", "properties", properties);
}

/* The programs of libexec/refit that answer --describe; the helpers of refit do not. */
static int programs_list(struct path_list *out, struct err *e)
{
    char *directory = NULL;
    int rc = program_directory(&directory, e);
    DIR *dir = rc ? NULL : opendir(directory);
    const struct dirent *d;
    if (rc == 0 && !dir)
        rc = err_sys(e, "cannot read the directory '%s'", directory);
    while (dir && (d = readdir(dir)))
        if (*d->d_name != '.' && !str_starts(d->d_name, "refit-"))
            path_list_take(out, str_format("%s/%s", directory, d->d_name));
    if (dir)
        closedir(dir);
    path_list_sort(out);
    free(directory);
    return rc;
}

/* For a stage `run: NAME`, and for a stage of that name that says nothing else. */
static int add_programs(json_t *defs, json_t *stages, struct err *e)
{
    struct path_list list = { 0 };
    json_t *all = json_array(), *named = json_object();
    int rc = programs_list(&list, e);
    struct program **program = mem_calloc(list.n + 1, sizeof *program);

    if (rc == 0)
        rc = program_describe(program, list.path, list.n, NULL, e); /* the memory keeps no help */
    for (size_t i = 0; i < list.n && rc == 0; i++) {
        const char *name = strrchr(list.path[i], '/') + 1;
        char *def = str_format("program-%s", name), *ref = str_format("#/$defs/%s", def);
        json_object_set_new(defs, def, program_schema(program[i]));
        json_array_append_new(all, json_pack("{s:{s:{s:{s:s}}, s:[s]}, s:{s:s}}", "if",
                                             "properties", "run", "const", name, "required", "run",
                                             "then", "$ref", ref));
        json_object_set_new(named, name,
                            json_pack("{s:s, s:{s:{s:[{s:[s]}, {s:[s]}]}}, s:{s:s}}", "$ref",
                                      "#/$defs/stage", "if", "not", "anyOf", "required", "run",
                                      "required", "cmd", "then", "$ref", ref));
        free(ref);
        free(def);
    }
    json_object_set(json_object_get(defs, "stage"), "allOf", all);
    json_object_set(stages, "properties", named);
    for (size_t i = 0; i < list.n; i++)
        program_free(program[i]);
    free(program);
    json_decref(named);
    json_decref(all);
    path_list_release(&list);
    return rc;
}

/* ---- the whole ---- */

int schema_build(bool programs, json_t **out, struct err *e)
{
    json_t *doc = table_schema(pipeline_keys, KEY_ANYWHERE), *defs = json_object();
    json_t *stage = table_schema(stage_keys, KEY_ANYWHERE);
    int rc = 0;

    json_object_set_new(stage, "not",
                        parse("{\"required\": [\"run\", \"cmd\"], \"properties\": {\"run\": "
                              "{\"not\": {\"type\": \"null\"}}, "
                              "\"cmd\": {\"not\": {\"type\": \"null\"}}}}"));
    json_object_set_new(defs, "stage", stage);
    json_object_set_new(defs, "defaults", or_null(table_schema(stage_keys, KEY_DEFAULTS)));
    json_object_set_new(defs, "profile", or_null(table_schema(pipeline_keys, KEY_PROFILE)));
    json_object_set_new(defs, "dep", file_schema(dep_keys, true));
    json_object_set_new(defs, "out", file_schema(out_keys, false));
    if (programs)
        rc = add_programs(defs, json_object_get(json_object_get(doc, "properties"), "stages"), e);
    json_object_set_new(doc, "$schema",
                        json_string("https://json-schema.org/draft/2020-12/schema"));
    json_object_set_new(doc, "title", json_string("refit pipeline file"));
    json_object_set_new(doc, "$defs", defs);
    *out = doc;
    return rc;
}

int command_schema(const struct cli *c, struct err *e)
{
    json_t *doc = NULL;
    int rc = schema_build(c->programs, &doc, e);
    if (rc == 0)
        return report_print(doc, e);
    json_decref(doc);
    return rc;
}
