#include "runner/schedule/export.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/read/reference.h"
#include "runner/schedule/calendar.h"

enum { STOP_SLACK_S = 30, WATCHDOG_S = 300 };

void export_file(struct export_files *f, char *name, struct str *text)
{
    f->file = mem_grow(f->file, f->n, sizeof *f->file);
    f->file[f->n++] = (struct export_text){ name, str_take(text) };
}

void export_note(struct export_files *f, char *text)
{
    f->note = mem_grow(f->note, f->n_note, sizeof *f->note);
    f->note[f->n_note++] = text;
}

void export_files_release(struct export_files *f)
{
    for (size_t i = 0; i < f->n; i++) {
        free(f->file[i].name);
        free(f->file[i].text);
    }
    free(f->file);
    mem_free_texts(f->note, f->n_note);
    *f = (struct export_files){ 0 };
}

int export_check(const struct manifest *m, const struct export_place *p, struct err *e)
{
    const char *const text[] = { p->refit, p->directory, m->path };
    if (m->n_schedule == 0)
        return err_set(e, ERR_USAGE, "%s has no schedule: there is nothing to export", m->path);
    for (size_t i = 0; i < sizeof text / sizeof *text; i++)
        if (strpbrk(text[i], "\n\r"))
            return err_set(e, ERR_USAGE, "'%s': a path with a line break cannot be exported",
                           text[i]);
    return 0;
}

/* ---- systemd ---- */

/* One word of a command line: in quotes, and nothing in it means anything. In the program's own
 * path a dollar is none of a variable. */
static void add_word(struct str *out, const char *text, bool program)
{
    str_addc(out, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            str_addc(out, '\\');
        if (*text == '%' || (*text == '$' && !program))
            str_addc(out, *text);
        str_addc(out, *text);
    }
    str_addc(out, '"');
}

/* The value of a key that takes the rest of the line. */
static void add_rest(struct str *out, const char *key, const char *text)
{
    str_addf(out, "%s=", key);
    for (; *text; text++) {
        if (*text == '%')
            str_addc(out, '%');
        str_addc(out, *text == '\n' ? ' ' : *text);
    }
    str_addc(out, '\n');
}

static void add_unit(struct str *out, const struct manifest *m, const char *what)
{
    struct str description = { 0 };
    str_addf(&description, "refit: %s of the pipeline %s", what, m->name);
    str_addz(out, "[Unit]\n");
    add_rest(out, "Description", str_text(&description));
    str_addz(out, "Wants=network-online.target\nAfter=network-online.target time-sync.target\n");
    str_release(&description);
}

/* As long as the slowest stage may take to stop, and some more to record it. */
static int64_t stop_s(const struct manifest *m)
{
    int64_t ms = 0;
    for (size_t i = 0; i < m->n_stage; i++)
        ms = m->stage[i].kill_after_ms > ms ? m->stage[i].kill_after_ms : ms;
    return (ms + 999) / 1000 + STOP_SLACK_S;
}

static void add_service(struct str *out, const struct manifest *m, const struct export_place *p,
                        const char *type, const char *command)
{
    str_addf(out, "\n[Service]\nType=%s\n", type);
    if (p->user)
        add_rest(out, "User", p->user);
    add_rest(out, "WorkingDirectory", p->directory);
    for (size_t i = 0; i < m->n_secret; i++) {
        if (m->secret[i].env) {
            str_addf(out, "# secrets as NAME=VALUE lines, readable by root alone: %s...\n",
                     m->secret[i].env);
            str_addf(out, "EnvironmentFile=-/etc/refit/%s.env\n", m->name);
            break;
        }
    }
    str_addz(out, "ExecStart=");
    add_word(out, p->refit, true);
    str_addf(out, " %s -f ", command);
    add_word(out, m->path, false);
    /* The runner stops its stages itself; what is left after TimeoutStopSec is killed. The group of
     * the unit is left to it, so that it makes one for each stage (execute/cgroup.h). */
    str_addf(out, "\nDelegate=yes\nKillMode=mixed\nTimeoutStopSec=%llds\n", (long long)stop_s(m));
}

static void add_daemon(const struct manifest *m, const struct export_place *p,
                       struct export_files *out)
{
    struct str text = { 0 };
    add_unit(&text, m, "the schedules");
    add_service(&text, m, p, "notify", "daemon");
    str_addf(&text,
             "ExecReload=/bin/kill -HUP $MAINPID\n"
             "WatchdogSec=%ds\nRestart=on-failure\nRestartSec=10s\n"
             "# the pipeline file is wrong: that does not get better by itself\n"
             "RestartPreventExitStatus=64\n"
             "\n[Install]\nWantedBy=multi-user.target\n",
             WATCHDOG_S);
    export_file(out, str_format("refit-%s.service", m->name), &text);
}

static void add_tick(const struct manifest *m, const struct export_place *p,
                     struct export_files *out)
{
    struct str text = { 0 };
    add_unit(&text, m, "what is due");
    add_service(&text, m, p, "oneshot", "tick");
    export_file(out, str_format("refit-%s-tick.service", m->name), &text);

    str_addf(&text, "[Unit]\nDescription=refit: when the pipeline %s may be due\n\n[Timer]\n",
             m->name);
    for (size_t i = 0; i < m->n_schedule; i++) {
        const struct schedule *s = &m->schedule[i];
        if (!s->enabled)
            continue;
        str_addf(&text, "# %s\n", s->name);
        calendar_systemd(s, m->name, p->now_s, &text);
    }
    str_addz(&text, "Persistent=true\nAccuracySec=1s\n\n[Install]\nWantedBy=timers.target\n");
    export_file(out, str_format("refit-%s-tick.timer", m->name), &text);
}

int export_systemd(const struct manifest *m, const struct export_place *p, struct export_files *out,
                   struct err *e)
{
    int rc = export_check(m, p, e);
    if (rc)
        return rc;
    add_daemon(m, p, out);
    add_tick(m, p, out);
    export_note(out,
                str_format("enable one of them: `systemctl enable --now refit-%s.service` (the "
                           "daemon) or refit-%s-tick.timer (no daemon)",
                           m->name, m->name));
    export_note(out, mem_strdup("for `systemctl --user` take the User= line away and write "
                                "default.target for multi-user.target"));
    return 0;
}

/* ---- cron ---- */

/* One word of the shell in a line of a crontab, where a percent sign ends the command. */
static void add_cron_word(struct str *out, const char *text)
{
    struct str word = { 0 };
    reference_shell_word(text, &word);
    for (const char *p = str_text(&word); *p; p++) {
        if (*p == '%')
            str_addc(out, '\\');
        str_addc(out, *p);
    }
    str_release(&word);
}

int export_cron(const struct manifest *m, const struct export_place *p, struct export_files *out,
                struct err *e)
{
    struct str text = { 0 };
    int rc = export_check(m, p, e);
    if (rc)
        return rc;
    str_addf(&text,
             "# refit: the schedules of the pipeline %s. Each minute, because not every cron knows "
             "time zones, and so\n"
             "# that a change of the clocks, jitter and what was missed are decided by refit; a "
             "minute in which nothing\n"
             "# is due costs some milliseconds.\n* * * * * cd ",
             m->name);
    add_cron_word(&text, p->directory);
    str_addz(&text, " && ");
    add_cron_word(&text, p->refit);
    str_addz(&text, " tick -q -f ");
    add_cron_word(&text, m->path);
    str_addc(&text, '\n');
    export_file(out, str_format("refit-%s.cron", m->name), &text);
    export_note(out, mem_strdup("add it to your own with `crontab -e`; `crontab FILE` replaces all "
                                "that is there"));
    return 0;
}
