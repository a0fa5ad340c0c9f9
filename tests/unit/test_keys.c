#define _XOPEN_SOURCE 700
/* The tables of keys: what `refit schema` prints and what the reader accepts are the same. Every
 * key of every mapping is put into a pipeline file with good and with bad values; both must agree.
 */
#include "near.h"

#include "sandbox.h"
#include "schemacheck.h"

#include "runner/cli/jsonschema.h"
#include "runner/read/keys.h"

static json_t *schema;

/* Any mapping with keys: where its parent lies in the file, and a member that it cannot do without.
 */
struct place {
    const struct key *table;
    const char *path; /* "stages/a/retry", from the root of `base` */
    bool list;        /* `path` is a list of such mappings */
    const char
        *with; /* JSON of the other members; of a file's own mapping NULL: as `base` has it */
};

/* The output is told twice (the dollar is one of the text), so that each of cmd, env and outs may
 * be replaced alone. */
static const char base[] =
    "{\"refit\": 1, \"name\": \"test\", \"secrets\": {\"KEY\": {\"env\": \"HOME\"}}, \"stages\": "
    "{\"a\": {\"cmd\": [\"true\", \"$${outs.o}\"], \"env\": {\"O\": \"$${outs.o}\"}, \"deps\": "
    "{\"d\": {\"path\": \"d.txt\", \"optional\": true}}, "
    "\"outs\": {\"o\": {\"path\": \"o.txt\"}}}}}";

static bool reads(const json_t *doc, char *why, size_t room)
{
    struct manifest m = { 0 };
    struct err e = { 0 };
    char *text = json_dumps(doc, 0);
    bool good = project_read(&m, text, NULL, NULL, &e) == 0;
    snprintf(why, room, "%s", e.text);
    manifest_release(&m);
    free(text);
    return good;
}

static bool fits(json_t *doc, char *why, size_t room)
{
    struct schemacheck s = { .root = schema };
    bool good = schemacheck_valid(&s, schema, doc, "");
    assert_false(s.unknown);
    snprintf(why, room, "%s", good ? "" : s.why);
    return good;
}

/* The file with `key: value` (taken over) in a place. */
static json_t *file_with(const struct place *p, const char *key, json_t *value)
{
    json_t *doc = json_loads(base, 0, NULL), *at = doc;
    char *path = mem_strdup(p->path), *save = NULL;
    for (char *part = strtok_r(path, "/", &save); part; part = strtok_r(NULL, "/", &save)) {
        json_t *next = json_object_get(at, part);
        if (!next)
            json_object_set_new(at, part, next = p->list && !*save ? json_array() : json_object());
        at = next;
    }
    if (p->list) {
        json_array_append_new(at, json_object());
        at = json_array_get(at, 0);
    }
    if (p->with)
        json_object_update_new(at, json_loads(p->with, 0, NULL));
    json_object_set_new(at, key, value);
    free(path);
    return doc;
}

static void agree(const struct place *p, const char *key, json_t *value, bool good)
{
    char reader[1024], editor[1024], *text = json_dumps(value, JSON_ENCODE_ANY);
    json_t *doc = file_with(p, key, value);
    bool read = reads(doc, reader, sizeof reader), fit = fits(doc, editor, sizeof editor);
    if (read != good || fit != good)
        fail_msg("%s/%s: %s is to be %s; the reader says '%s', the schema '%s'", p->path, key, text,
                 good ? "good" : "refused", reader, editor);
    free(text);
    json_decref(doc);
}

static json_t *wrapped(const struct key *k, json_t *value)
{
    return k->list ? json_pack("[o]", value) : value;
}

static void check_key(const struct place *p, const struct key *k)
{
    bool whole = k->kind == KEY_INT;
    switch (k->kind) {
    case KEY_INT:
    case KEY_REAL:
        agree(p, k->name, wrapped(k, json_real(k->max + 1)), false);
        agree(p, k->name, wrapped(k, json_real(k->min - 1)), false);
        agree(p, k->name, wrapped(k, json_string("many")), false);
        agree(p, k->name, wrapped(k, whole ? json_integer((json_int_t)k->min) : json_real(k->min)),
              true);
        agree(p, k->name, wrapped(k, whole ? json_integer((json_int_t)k->max) : json_real(k->max)),
              true);
        break;
    case KEY_BOOL:
        agree(p, k->name, json_true(), true);
        agree(p, k->name, json_string("off"), true);
        agree(p, k->name, json_string("maybe"), false);
        break;
    case KEY_DURATION:
        agree(p, k->name, json_string("500ms"), true);
        agree(p, k->name, json_string("15m"), true);
        agree(p, k->name, json_string("5"), false);
        agree(p, k->name, json_string("0s"), false);
        agree(p, k->name, json_string("5 minutes"), false);
        agree(p, k->name, json_string("none"), k->word && strcmp(k->word, "none") == 0);
        break;
    case KEY_SIZE:
        agree(p, k->name, json_string("64M"), true);
        agree(p, k->name, json_string("64 apples"), false);
        break;
    case KEY_CHOICE:
        for (size_t i = 0; k->choice[i]; i++)
            agree(p, k->name, wrapped(k, json_string(k->choice[i])), true);
        agree(p, k->name, wrapped(k, json_string("nosuch")), false);
        break;
    case KEY_NAME:
        agree(p, k->name, wrapped(k, json_string("two words")), false);
        agree(p, k->name, wrapped(k, json_pack("{s:s}", "a", "b")), false);
        break;
    case KEY_TEXT:
        agree(p, k->name, wrapped(k, json_pack("{s:s}", "a", "b")), false);
        break;
    default:
        if (k->kind != KEY_SHAPE || strstr(k->shape, "object"))
            agree(p, k->name, json_string("no mapping"), false);
        break;
    }
    if (!k->required && strcmp(k->name, "cmd") != 0) /* without it there is no program 'a' */
        agree(p, k->name, json_null(), true);
}

static void check_place(const struct place *p)
{
    for (const struct key *k = p->table; k->name; k++) {
        if (p->with && strstr(p->with, k->name))
            continue; /* it says when: of another kind than any value here */
        check_key(p, k);
        if (k->kind != KEY_MAP || k->list || p->list)
            continue;
        char *path = str_format("%s/%s", p->path, k->name);
        check_place(&(struct place){ .table = k->keys, .path = path });
        free(path);
    }
    agree(p, "nosuch", json_integer(1), false);
}

static void every_value_of_every_key_is_judged_alike(void **state)
{
    (void)state;
    check_place(&(struct place){ .table = stage_keys, .path = "stages/a" });
    check_place(&(struct place){ .table = dep_keys, .path = "stages/a/deps/d" });
    check_place(&(struct place){ .table = out_keys, .path = "stages/a/outs/o" });
    check_place(&(struct place){ .table = keys_below(pipeline_keys, "schedule"),
                                 .path = "schedule",
                                 .list = true,
                                 .with = "{\"weekly\": \"monday 00:00\"}" });
    check_place(
        &(struct place){ .table = keys_below(keys_below(pipeline_keys, "notify"), "on_failure"),
                         .path = "notify/on_failure",
                         .list = true,
                         .with = "{\"webhook\": \"https://hooks.example.org/x\"}" });
}

static void every_key_of_the_pipeline_is_judged_alike(void **state)
{
    (void)state;
    const struct place top = { .table = pipeline_keys, .path = "" };
    for (const struct key *k = pipeline_keys; k->name; k++) {
        char *path = str_format("/%s", k->name);
        if (k->kind == KEY_INT || k->kind == KEY_DURATION || k->kind == KEY_MAP)
            check_key(&top, k);
        if (k->kind == KEY_MAP && !k->list)
            check_place(&(struct place){
                .table = k->keys,
                .path = path,
                .with = strcmp(k->name, "on_exit") == 0 ? "{\"cmd\": [\"true\"]}" : NULL });
        free(path);
    }
    agree(&top, "refit", json_integer(2), false);
    agree(&top, "refit", json_string("1"), true);
    agree(&top, "name", json_string("two words"), false);
    agree(&top, "jobs", json_integer(0), false);
    agree(&top, "jobs", json_string("4"), true);
    agree(&top, "jobs", json_null(), true);
    agree(&top, "nosuch", json_integer(1), false);
    agree(&top, "stages", json_object(), false);
    agree(&top, "stages", json_pack("{s:n}", "a"), false);
    agree(&top, "stages", json_pack("{s:{s:[s]}}", "a b", "cmd", "true"), false);
    agree(&top, "pools", json_pack("{s:i, s:s}", "disk", KEYS_MAX_SLOTS, "net", "2"), true);
    agree(&top, "pools", json_pack("{s:i}", "disk", KEYS_MAX_SLOTS + 1), false);
    agree(&top, "pools", json_pack("{s:s}", "disk", "many"), false);
    agree(&top, "params", json_pack("{s:{}}", "a"), false);
    agree(&top, "secrets", json_pack("{s:{s:s, s:s}}", "A", "env", "A", "file", "f"), false);
    agree(&top, "secrets", json_pack("{s:{s:s}}", "A", "file", "f"), true);
    agree(&top, "defaults", json_pack("{s:s}", "timeout", "1h"), true);
    agree(&top, "defaults", json_pack("{s:[s]}", "cmd", "true"), false);
    agree(&top, "schedule", json_pack("[{s:s, s:s}]", "daily", "21:00", "weekly", "monday 1:00"),
          false);
    agree(&top, "schedule", json_pack("[{s:s}]", "timezone", "UTC"), false);
    agree(&top, "notify", json_pack("{s:[{s:s}]}", "on_fail", "mail", "a@b"), false);
    agree(&top, "notify", json_pack("{s:{s:s}}", "on_failure", "mail", "a@b"), false);
    agree(&top, "notify", json_pack("{s:[{s:i}]}", "on_failure", "tail", 5), false);
    agree(&top, "notify", json_pack("{s:[{s:s, s:[s]}]}", "on_missed", "mail", "a@b", "cmd", "x"),
          false);
    agree(&top, "notify",
          json_pack("{s:[{s:[s, s]}, {s:s}]}", "on_success", "mail", "a@b", "root", "cmd",
                    "./tell.sh now"),
          true);
    agree(&top, "notify",
          json_pack("{s:[{s:s, s:{s:i}}]}", "on_success", "webhook", "https://x", "header",
                    "X-Priority", 5),
          true);
    agree(&top, "schedule", json_pack("[{s:s, s:{s:s}}]", "daily", "2:30", "dst", "gap", "skip"),
          true);
    agree(&top, "schedule", json_pack("[{s:s, s:{s:s}}]", "daily", "2:30", "dst", "fold", "next"),
          false);
    agree(&top, "schedule", json_pack("[{s:s, s:{s:s}}]", "daily", "2:30", "dst", "hole", "skip"),
          false);
}

static void what_may_stand_in_a_profile_is_judged_alike(void **state)
{
    (void)state;
    for (const struct key *k = pipeline_keys; k->name; k++) {
        json_t *doc = json_loads(base, 0, NULL);
        char reader[1024], editor[1024];
        json_object_set_new(doc, "profiles", json_pack("{s:{s:n}}", "ci", k->name));
        char *text = json_dumps(doc, 0);
        struct manifest m = { 0 };
        struct err e = { 0 };
        bool read = project_read(&m, text, "ci", NULL, &e) == 0 || !strstr(e.text, "unknown key");
        manifest_release(&m);
        snprintf(reader, sizeof reader, "%s", e.text);
        /* A profile without stages is one that restores what is required anyway. */
        bool fit = fits(doc, editor, sizeof editor) || !strstr(editor, "unknown key");
        if (read != fit || fit != ((k->where & KEY_PROFILE) != 0))
            fail_msg("profiles.ci.%s: the reader says '%s', the schema '%s'", k->name, reader,
                     editor);
        free(text);
        json_decref(doc);
    }
}

int main(void)
{
    struct err e = { 0 };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_of_every_key_is_judged_alike),
        cmocka_unit_test(every_key_of_the_pipeline_is_judged_alike),
        cmocka_unit_test(what_may_stand_in_a_profile_is_judged_alike),
    };
    if (schema_build(false, &schema, &e))
        return err_report(&e, "test_keys");
    int failed = cmocka_run_group_tests(tests, project_setup, project_teardown);
    json_decref(schema);
    return failed;
}
