/* The tables of keys: see keys.h. `shape` is JSON Schema (draft 2020-12). */
#include "runner/read/keys.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* ---- the pipeline's secrets ---- */

static const struct key secret_keys[] = {
    { "env", KEY_TEXT, .help = "the environment variable of refit that holds the value" },
    { "file", KEY_TEXT, .help = "the file whose content is the value (without the last line end)" },
    { 0 },
};

/* ---- a schedule ---- */

static const char *const catchup[] = { "none", "latest", "all", NULL };
static const char *const overlap[] = { "skip", "queue", "cancel", NULL };

static const char *const gap[] = { "next", "skip", NULL };
static const char *const fold[] = { "first", "last", "both", NULL };

static const struct key dst_keys[] = {
    { "gap", KEY_CHOICE, .choice = gap,
      .help = "a local time that a change of the clocks leaves out: the next that exists (next)" },
    { "fold", KEY_CHOICE, .choice = fold, .help = "a local time that comes twice (first)" },
    { 0 },
};

static const struct key schedule_keys[] = {
    { "name", KEY_NAME, .help = "its name (weekly, daily, cron); two alike need names" },
    { "weekly", KEY_TEXT, .help = "days and a time: monday 00:00, or tuesday, friday 06:30" },
    { "daily", KEY_TEXT, .help = "a time of day, in quotes: \"21:00\"" },
    { "cron", KEY_TEXT,
      .help = "minute hour day month weekday: \"0 3 * * MON-FRI\", or @daily..." },
    { "timezone", KEY_TEXT, .help = "an IANA name, UTC (default), or UTC-8: eight hours behind" },
    { "jitter", KEY_DURATION, .help = "starts up to this later, always by as much (0)" },
    { "catchup", KEY_CHOICE, .choice = catchup,
      .help = "which of the runs missed while the machine was off are made up for (latest)" },
    { "catchup_window", KEY_DURATION, .help = "...if it is not longer ago than this (24h)" },
    { "overlap", KEY_CHOICE, .choice = overlap,
      .help = "what to do when another run of the pipeline goes on (skip)" },
    { "dst", KEY_MAP, .keys = dst_keys, .help = "what to do where the clocks change" },
    { "start", KEY_TEXT, .help = "not before this day or time of the zone: \"2026-03-29 14:30\"" },
    { "end", KEY_TEXT, .help = "not after this day or time of the zone" },
    { "enabled", KEY_BOOL, .help = "false: never (true)" },
    { "targets", KEY_NAME, .list = true, .help = "these stages and all they need (all)" },
    { "force", KEY_NAME, .list = true, .help = "these stages run even if nothing changed" },
    { "params", KEY_SHAPE,
      .help = "name: value of the pipeline, stage.name: value of a stage, as -p",
      .shape = "{\"type\": \"object\", \"additionalProperties\": {\"type\": [\"string\", "
               "\"number\", \"boolean\", \"null\"]}}" },
    { "profile", KEY_NAME, .help = "with this profile" },
    { 0 },
};

/* ---- a stage ---- */

static const struct key retry_keys[] = {
    { "max", KEY_INT, .min = 0, .max = 1000, .help = "further attempts after the first (0)" },
    { "delay", KEY_DURATION, .help = "time before the next attempt (10s)" },
    { "backoff", KEY_REAL, .min = 1, .max = 100, .help = "the delay grows by this factor (1)" },
    { "max_delay", KEY_DURATION, .help = "...but not above this (7d)" },
    { "jitter", KEY_REAL, .min = 0, .max = 1,
      .help = "and is longer or shorter by up to this share of it (0)" },
    { "on_exit", KEY_INT, .min = 1, .max = 255, .list = true,
      .shape = "{\"items\": {\"not\": {\"enum\": [98, 99, 126, 127]}}}",
      .help = "exit statuses that are tried again ([75])" },
    { "on_timeout", KEY_BOOL, .help = "true: a timeout is tried again too (false)" },
    { 0 },
};

static const struct key resource_keys[] = {
    { "cpus", KEY_INT, .min = 1, .max = 1024,
      .help = "takes so many of -j, works with so many threads" },
    { "priority", KEY_INT, .min = -100, .max = 100,
      .help = "of the stages that are ready the one with the highest starts first (0)" },
    { "memory", KEY_SIZE, .help = "it gets no more than this: 512M, 4G (no limit)" },
    { "nice", KEY_INT, .min = 0, .max = 19, .help = "so much behind others for processors (0)" },
    { 0 },
};

static const struct key log_keys[] = {
    { "max_size", KEY_SIZE, .word = "none",
      .help = "of a longer log the first half and the end are kept (100M)" },
    { 0 },
};

/* A path, a list of paths, or a mapping; by names, or (of a cmd) as a plain list. */
#define FILES(one)                                                                    \
    "{\"anyOf\": [{\"type\": \"object\", \"additionalProperties\": {\"$ref\": \"" one \
    "\"}}, {\"type\": \"array\", \"items\": {\"$ref\": \"" one "\"}}, {\"type\": \"null\"}]}"
/* A number as text. */
#define DIGITS_OF(number) #number
#define DIGITS(number)    DIGITS_OF(number)
/* The key is there and is not null. */
#define GIVEN(key)                                                                      \
    "{\"required\": [\"" key "\"], \"properties\": {\"" key "\": {\"not\": {\"type\": " \
    "\"null\"}}}}"
#define TEXT "{\"type\": [\"string\", \"number\", \"boolean\"]}"
#define COMMAND                                                               \
    "{\"type\": [\"string\", \"array\"], \"minItems\": 1, \"minLength\": 1, " \
    "\"items\": " TEXT "}"
#define VALUE  "{\"type\": [\"string\", \"number\", \"boolean\", \"null\"]}"
#define VALUES "{\"type\": \"object\", \"additionalProperties\": " VALUE "}"

static const char *const run_if[] = { "all_success", "none_failed", "always", NULL };

const struct key stage_keys[] = {
    { "run", KEY_NAME, .help = "a program of refit's own (default: the stage's name)" },
    { "cmd", KEY_SHAPE, .help = "any command: a list of words is executed, a text goes to sh -c",
      .shape = "{\"type\": [\"string\", \"array\", \"null\"], \"minItems\": 1, \"minLength\": 1, "
               "\"items\": " TEXT "}" },
    { "deps", KEY_SHAPE, .help = "files that it reads: option: path",
      .shape = FILES("#/$defs/dep") },
    { "outs", KEY_SHAPE, .help = "files that it writes: option: path",
      .shape = FILES("#/$defs/out") },
    { "params", KEY_SHAPE, .help = "other options of the program: option: value or list of values",
      .shape = "{\"type\": \"object\", \"additionalProperties\": {\"anyOf\": [" VALUE
               ", {\"type\": \"array\", \"items\": " TEXT "}]}}" },
    { "needs", KEY_NAME, .list = true, .help = "runs after these stages though no file says so" },
    { "enabled", KEY_BOOL, .help = "false: left out (true)" },
    { "run_if", KEY_CHOICE, .choice = run_if,
      .help = "what the stages above must have come to (all_success)" },
    { "always_changed", KEY_BOOL, .help = "true: runs every time, its source is outside (false)" },
    { "frozen", KEY_BOOL, .help = "true: never runs again once it was committed (false)" },
    { "checkpoint", KEY_TEXT, .help = "a file kept across attempts, given as --checkpoint" },
    { "code", KEY_SHAPE, .where = KEY_DEFAULTS,
      .help = "files, patterns or directories that count as part of the program",
      .shape =
          "{\"type\": [\"string\", \"number\", \"boolean\", \"array\", \"null\"], \"items\": " TEXT
          "}" },
    { "env", KEY_SHAPE, .where = KEY_DEFAULTS, .help = "NAME: value, added to the pipeline's",
      .shape = VALUES },
    { "secrets", KEY_TEXT, .list = true, .where = KEY_DEFAULTS,
      .help = "names of the pipeline's secrets that this stage sees" },
    { "retry", KEY_MAP, .keys = retry_keys, .where = KEY_DEFAULTS,
      .help = "attempts after one that failed for the moment" },
    { "timeout", KEY_DURATION, .word = "none", .where = KEY_DEFAULTS,
      .help = "it is stopped after that (none)" },
    { "kill_after", KEY_DURATION, .where = KEY_DEFAULTS,
      .help = "time between TERM and KILL when it is stopped (10s)" },
    { "resources", KEY_MAP, .keys = resource_keys, .where = KEY_DEFAULTS,
      .help = "what it takes of the machine" },
    { "pool", KEY_NAME, .help = "the pool of the pipeline that it takes a place of" },
    { "log", KEY_MAP, .keys = log_keys, .where = KEY_DEFAULTS, .help = "how much of it is kept" },
    { 0 },
};

static const char *const formats[] = { "hdf5", "json", "html", "tar", NULL };

const struct key dep_keys[] = {
    { "path", KEY_SHAPE, .required = true, .help = "a path, a pattern, a directory, or a list",
      .shape = "{\"type\": [\"string\", \"number\", \"boolean\", \"array\"], \"minItems\": 1, "
               "\"items\": " TEXT "}" },
    { "optional", KEY_BOOL, .help = "true: it need not exist (false)" },
    { 0 },
};

const struct key out_keys[] = {
    { "path", KEY_TEXT, .required = true, .help = "where it is put when the stage has ended well" },
    { "format", KEY_CHOICE, .choice = formats,
      .shape = "{\"type\": \"string\", \"pattern\": \"^hdf5:.\"}",
      .help = "checked before the output counts: hdf5, hdf5:KIND, json, html, tar" },
    { "require", KEY_TEXT, .list = true, .help = "what it must hold: datasets, keys, members" },
    { "persist", KEY_BOOL, .help = "true: staged as a copy of the last committed one (false)" },
    { 0 },
};

/* ---- notifications ---- */

static const struct key channel_keys[] = {
    { "webhook", KEY_TEXT, .help = "the message is posted to this URL as JSON" },
    { "header", KEY_SHAPE, .help = "Name: value, further headers of a webhook", .shape = VALUES },
    { "mail", KEY_SHAPE, .help = "an address or a list of them, told by sendmail",
      .shape = "{\"type\": [\"string\", \"array\"], \"minItems\": 1, \"items\": " TEXT "}" },
    { "cmd", KEY_SHAPE, .help = "a command that gets the message as JSON on standard input",
      .shape = COMMAND },
    { "tail", KEY_INT, .min = 0, .max = 1000,
      .help = "so many last lines of the log of the stage that failed (20)" },
    { 0 },
};

#define CHANNEL_SHAPE "{\"oneOf\": [" GIVEN("webhook") ", " GIVEN("mail") ", " GIVEN("cmd") "]}"
#define CHANNELS      KEY_MAP, .list = true, .keys = channel_keys, .shape = CHANNEL_SHAPE

static const struct key notify_keys[] = {
    { "on_failure", CHANNELS, .help = "a run failed, timed out, or its runner died" },
    { "on_blocked", CHANNELS, .help = "a run waits for an approval" },
    { "on_missed", CHANNELS, .help = "instants of a schedule passed without a run" },
    { "on_recovery", CHANNELS, .help = "the first success after one of these" },
    { "on_success", CHANNELS, .help = "a run succeeded" },
    { 0 },
};

/* ---- the pipeline ---- */

static const struct key on_exit_keys[] = {
    { "cmd", KEY_SHAPE, .required = true,
      .help = "any command: a list of words is executed, a text goes to sh -c", .shape = COMMAND },
    { "timeout", KEY_DURATION, .help = "it is stopped after that (60s)" },
    { 0 },
};

static const struct key retention_keys[] = {
    { "runs", KEY_INT, .min = 1, .max = 1000000, .help = "the newest so many runs (30)" },
    { "days", KEY_INT, .min = 0, .max = 36500, .help = "and those of so many days (90)" },
    { 0 },
};

static const char *const versions[] = { "1", NULL };

const struct key pipeline_keys[] = {
    { "refit", KEY_CHOICE, .required = true, .choice = versions, .help = "version of this format" },
    { "name", KEY_NAME, .required = true, .help = "names the pipeline in the history" },
    { "description", KEY_TEXT, .where = KEY_PROFILE, .help = "one line" },
    { "params", KEY_SHAPE, .where = KEY_PROFILE, .help = "name: text, used as ${params.name}",
      .shape = VALUES },
    { "env", KEY_SHAPE, .where = KEY_PROFILE, .help = "NAME: value, the environment of all stages",
      .shape = VALUES },
    { "secrets", KEY_NAMED, .keys = secret_keys, .where = KEY_PROFILE,
      .help = "NAME: {env: VARIABLE} or {file: PATH}: where a value is found, never the value",
      .shape = "{\"oneOf\": [" GIVEN("env") ", " GIVEN("file") "]}" },
    { "defaults", KEY_SHAPE, .where = KEY_PROFILE, .help = "for stages that leave them out",
      .shape = "{\"$ref\": \"#/$defs/defaults\"}" },
    { "profiles", KEY_SHAPE, .help = "name: partial pipeline, merged over this one by --profile",
      .shape = "{\"type\": \"object\", \"additionalProperties\": {\"$ref\": "
               "\"#/$defs/profile\"}}" },
    { "on_exit", KEY_MAP, .keys = on_exit_keys, .where = KEY_PROFILE,
      .help = "what runs last, whatever became of the run" },
    { "timeout", KEY_DURATION, .word = "none", .where = KEY_PROFILE,
      .help = "the whole run is stopped after that (none)" },
    { "pools", KEY_SHAPE, .where = KEY_PROFILE,
      .help = "name: so many stages with `pool: name` run at a time",
      .shape =
          "{\"type\": \"object\", \"additionalProperties\": {\"type\": [\"integer\", "
          "\"string\", \"null\"], \"pattern\": \"^[0-9]+$\", \"minimum\": 1, \"maximum\": " DIGITS(
              KEYS_MAX_SLOTS) "}}" },
    { "jobs", KEY_INT, .min = 1, .max = 1024, .where = KEY_PROFILE,
      .help = "stages at a time (the processors)" },
    { "schedule", KEY_MAP, .list = true, .keys = schedule_keys, .where = KEY_PROFILE,
      .help = "when it runs by itself",
      .shape = "{\"oneOf\": [" GIVEN("weekly") ", " GIVEN("daily") ", " GIVEN("cron") "]}" },
    { "retention", KEY_MAP, .keys = retention_keys, .where = KEY_PROFILE,
      .help = "how much of the history is kept" },
    { "notify", KEY_MAP, .keys = notify_keys, .where = KEY_PROFILE, .help = "who is told what" },
    { "stages", KEY_SHAPE, .required = true, .where = KEY_PROFILE, .help = "name: stage",
      .shape = "{\"type\": \"object\", \"minProperties\": 1, \"maxProperties\": " DIGITS(
          KEYS_MAX_STAGES) ", "
                           "\"propertyNames\": {\"pattern\": "
                           "\"^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$\"}, "
                           "\"additionalProperties\": {\"$ref\": \"#/$defs/stage\"}}" },
    { 0 },
};

/* ---- reading ---- */

const struct key *key_of(const struct key *table, const char *name)
{
    while (table->name && strcmp(table->name, name) != 0)
        table++;
    assert(table->name);
    return table;
}

const struct key *keys_below(const struct key *table, const char *name)
{
    return key_of(table, name)->keys;
}

int keys_only(const struct yaml *map, const char *what, const struct key *table,
              enum key_where where, struct err *e)
{
    size_t n = 0, n_name = 0;
    while (table[n].name)
        n++;
    const char **name = mem_calloc(n + 1, sizeof *name);
    for (size_t i = 0; i < n; i++)
        if (where == KEY_ANYWHERE || table[i].where & (int)where)
            name[n_name++] = table[i].name;
    int rc = yaml_only(map, what, name, e);
    free(name);
    return rc;
}

int key_int(const struct yaml *node, const char *what, const struct key *row, long long *out,
            struct err *e)
{
    return node ? yaml_int(node, what, (long long)row->min, (long long)row->max, out, e) : 0;
}

int key_real(const struct yaml *node, const char *what, const struct key *row, double *out,
             struct err *e)
{
    return node ? yaml_real(node, what, row->min, row->max, out, e) : 0;
}

int key_choice(const struct yaml *node, const char *what, const struct key *row, size_t *out,
               struct err *e)
{
    return node ? yaml_choice(node, what, row->choice, out, e) : 0;
}
