/* export github: a workflow that installs refit and runs the pipeline on push, on tags and on its
 * schedules. GitHub knows no time zones, so a schedule becomes a cron line for each offset that its
 * zone has, and `refit next` says in the workflow which of them is meant today. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/read/reference.h"
#include "runner/schedule/calendar.h"
#include "runner/schedule/export.h"
#include "runner/schedule/tick.h"

enum { MAX_OFFSETS = 8 };

/** A cron line of the workflow and what it starts. */
struct line {
    char *cron;
    char *condition, *command; /* of the shell */
    char *note;
};

struct lines {
    struct line *line;
    size_t n;
};

/* One word of the shell; GitHub's own ${{ }} is taken apart. */
static void add_word(struct str *out, const char *text)
{
    struct str word = { 0 };
    reference_shell_word(text, &word);
    for (const char *p = str_text(&word); *p; p++) {
        str_addc(out, *p);
        if (*p == '$' && p[1] == '{')
            str_addz(out, "''"); /* the word is in quotes: these close and open them */
    }
    str_release(&word);
}

/* refit run and what the schedule adds to it. */
static char *run_command(const struct manifest *m, const struct schedule *s)
{
    struct str out = { 0 };
    str_addz(&out, "refit run -f \"$FILE\"");
    if (s->profile)
        str_addf(&out, " --profile %s", s->profile);
    for (size_t i = 0; i < s->n_set; i++) {
        str_addz(&out, " -p ");
        add_word(&out, s->set[i]);
    }
    for (size_t i = 0; i < s->n_target; i++)
        str_addf(&out, " %s", m->stage[s->target[i]].name);
    return str_take(&out);
}

static void line_release(struct line *l)
{
    free(l->cron);
    free(l->condition);
    free(l->command);
    free(l->note);
}

/* A time of UTC at which the schedule may fire. Two offsets may lead to the same one. */
static void add_time(struct lines *l, const struct manifest *m, const struct schedule *s,
                     struct calendar_time t, int64_t offset, int64_t jitter_s, int64_t change)
{
    struct str cron = { 0 };
    calendar_cron(s, t, &cron);
    struct line line = {
        .cron = str_take(&cron),
        .condition = str_format("due %s %02d:%02d %" PRId64 " %" PRId64, s->name, t.second / 3600,
                                t.second / 60 % 60, jitter_s, change),
        .command = run_command(m, s),
        .note = str_format("%s: %s %s %s, while it is UTC%c%02d:%02d there", s->name, s->kind,
                           s->text, s->zone.name, offset < 0 ? '-' : '+', abs((int)offset) / 3600,
                           abs((int)offset) / 60 % 60),
    };
    for (size_t i = 0; i < l->n; i++) {
        if (strcmp(l->line[i].cron, line.cron) == 0 &&
            strcmp(l->line[i].condition, line.condition) == 0) {
            line_release(&line);
            return;
        }
    }
    l->line = mem_grow(l->line, l->n, sizeof *l->line);
    l->line[l->n++] = line;
}

/* One schedule: a line for each time of day and offset. */
static int add_schedule(struct lines *l, const struct manifest *m, const struct schedule *s,
                        int64_t now_s, struct export_files *out, struct err *e)
{
    struct calendar_time t[CALENDAR_TIMES];
    int64_t offset[MAX_OFFSETS], change;
    struct tick next;
    size_t n, n_offset = calendar_offsets(s, now_s, offset, MAX_OFFSETS, &change);

    for (size_t i = 0; i < s->n_set; i++)
        if (strpbrk(s->set[i], "\n\r"))
            return err_set(e, ERR_USAGE,
                           "schedule '%s': params: a value with a line break cannot be exported",
                           s->name);
    if (!s->enabled || !tick_next(s, m->name, now_s, &next))
        return 0;
    int64_t jitter_s = (next.due_s - next.at_s + 59) / 60 * 60;
    for (size_t o = 0; o < n_offset; o++) {
        if (!calendar_times(s, jitter_s - offset[o], t, &n)) {
            export_note(out, str_format("schedule '%s' is left out: it fires more than %d times a "
                                        "day, which is nothing for GitHub",
                                        s->name, CALENDAR_TIMES));
            return 0;
        }
        for (size_t i = 0; i < n; i++) {
            add_time(l, m, s, t[i], offset[o], jitter_s, change);
        }
    }
    return 0;
}

static const char head[] =
    "# Each cron line is UTC: GitHub knows no time zones, so a schedule has a line for each offset "
    "of its zone, and\n"
    "# `due` below asks refit which of them is meant today. GitHub starts scheduled workflows on "
    "the default branch\n"
    "# only, minutes late, sometimes not at all, and stops doing so after 60 days without a "
    "commit.\n";

static const char setup[] =
    "    runs-on: ubuntu-latest\n"
    "    container: debian:12\n"
    "    steps:\n"
    "      - run: apt-get update -qq && apt-get install -y -qq --no-install-recommends git "
    "ca-certificates make tzdata\n"
    "      - uses: actions/checkout@v4\n"
    "      - name: the source of refit, unless it is this repository\n"
    "        if: vars.REFIT_REPOSITORY != ''\n"
    "        uses: actions/checkout@v4\n"
    "        with: {repository: \"${{ vars.REFIT_REPOSITORY }}\", path: refit-source}\n"
    "      - name: build refit\n"
    "        run: |\n"
    "          if [ -d refit-source ]; then cd refit-source; fi\n"
    "          make packages && make -s -j\"$(nproc)\" all && echo \"$PWD/build/release/bin\" "
    ">>\"$GITHUB_PATH\"\n";

/* due SCHEDULE HH:MM JITTER CHANGE: is the firing at HH:MM of UTC, less the jitter, one of the
 * schedule? Or did a change of the clocks move one away from here, by up to CHANGE seconds? */
static const char due[] =
    "          first() { refit next --json -n 1 --schedule \"$1\" --from \"$(date -u -d \"@$2\" "
    "+%Y-%m-%dT%H:%M:%SZ)\" -f \"$FILE\" |\n"
    "              sed -n 's/.*\"utc\": \"\\([^.]*\\).*/\\1Z/p; s/.*\"dst\": \"gap\".*/gap/p'; }\n"
    "          due() {\n"
    "              at=$(date -u -d \"$2\" +%s)\n"
    "              if [ \"$at\" -gt \"$(date +%s)\" ]; then at=$((at - 86400)); fi\n"
    "              at=$((at - $3))\n"
    "              set -- \"$1\" \"$4\" $(first \"$1\" $at)\n"
    "              if [ \"$(date -u -d \"${3:-@0}\" +%s)\" = $at ]; then return 0; fi\n"
    "              set -- $(first \"$1\" $((at - $2 + 1)))\n"
    "              [ \"${2-}\" = gap ] && [ \"$(date -u -d \"$1\" +%s)\" -le $at ]\n"
    "          }\n";

/* The triggers, the same cron line once. */
static void add_triggers(struct str *out, const struct lines *l)
{
    str_addz(out, "on:\n  push: {branches: [\"**\"], tags: [\"v*\"]}\n  workflow_dispatch:\n");
    for (size_t i = 0; i < l->n; i++) {
        size_t k = 0;
        while (k < i && strcmp(l->line[k].cron, l->line[i].cron) != 0)
            k++;
        if (i == 0)
            str_addz(out, "  schedule:\n");
        if (k == i)
            str_addf(out, "    - cron: \"%s\" # %s\n", l->line[i].cron, l->line[i].note);
    }
}

static void add_runs(struct str *out, const struct manifest *m, const struct lines *l)
{
    bool ci = false;
    for (size_t i = 0; i < m->n_profile; i++)
        ci |= strcmp(m->profile[i], "ci") == 0;
    str_addz(out, "          case $EVENT in\n          schedule)\n");
    for (size_t i = 0; i < l->n; i++)
        str_addf(out, "              if [ \"$CRON\" = \"%s\" ] && %s; then %s; fi\n",
                 l->line[i].cron, l->line[i].condition, l->line[i].command);
    str_addf(out,
             "              ;;\n"
             "          push-branch) refit validate -f \"$FILE\" && refit run -f \"$FILE\"%s ;;\n"
             "          *) refit run -f \"$FILE\" ;;\n"
             "          esac\n",
             ci ? " --profile ci" : "");
}

int export_github(const struct manifest *m, const struct export_place *p, struct export_files *out,
                  struct err *e)
{
    struct lines l = { 0 };
    struct str text = { 0 }, file = { 0 };
    int rc = export_check(m, p, e);

    for (size_t i = 0; rc == 0 && i < m->n_schedule; i++)
        rc = add_schedule(&l, m, &m->schedule[i], p->now_s, out, e);
    if (rc)
        goto out;
    str_addf(&text, "# refit: the pipeline %s on GitHub.\n%sname: refit-%s\n", m->name, head,
             m->name);
    add_triggers(&text, &l);
    str_addf(&text, "concurrency:\n  group: refit-%s-${{ github.ref }}\njobs:\n  %s:\n%s", m->name,
             "refit", setup);
    add_word(&file, m->path);
    str_addf(&text, "      - name: run the pipeline\n"
                    "        env:\n"
                    "          EVENT: \"${{ github.event_name == 'push' && format('push-{0}', "
                    "github.ref_type) || github.event_name }}\"\n"
                    "          CRON: \"${{ github.event.schedule }}\"\n");
    for (size_t i = 0; i < m->n_secret; i++)
        if (m->secret[i].env)
            str_addf(&text, "          %s: \"${{ secrets.%s }}\"\n", m->secret[i].env,
                     m->secret[i].env);
    str_addf(&text, "        run: |\n          set -eu\n          FILE=%s\n%s", str_text(&file),
             due);
    add_runs(&text, m, &l);
    export_file(out, str_format("refit-%s.yml", m->name), &text);
    export_note(out, mem_strdup("put it into .github/workflows/; set the variable REFIT_REPOSITORY "
                                "(OWNER/NAME) where this is not the repository of refit"));
out:
    for (size_t i = 0; i < l.n; i++)
        line_release(&l.line[i]);
    free(l.line);
    str_release(&file);
    str_release(&text);
    return rc;
}
