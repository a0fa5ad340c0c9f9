#include "runner/cli/words.h"

#include <stddef.h>
#include <stdio.h>

#include "runner/cli/cli.h"

/* One bit a command, for the table of options. */
#define BIT(command) (UINT64_C(1) << (command))

enum command_id {
    RUN,
    PLAN,
    EXPLAIN,
    RETRY,
    APPROVE,
    STOP,
    STATUS,
    HISTORY,
    LOGS,
    METRICS,
    DIFF,
    LINEAGE,
    GRAPH,
    NEXT,
    DAEMON,
    TICK,
    BACKFILL,
    PAUSE,
    RESUME,
    EXPORT,
    VALIDATE,
    SCHEMA,
    DOCTOR,
    VERIFY,
    REPRODUCE,
    GC,
    NOTIFY,
    COMPLETION,
    VERSION,
};

/* Those that read the pipeline file. */
#define READ                                                                                  \
    (BIT(RUN) | BIT(PLAN) | BIT(EXPLAIN) | BIT(VALIDATE) | BIT(GRAPH) | BIT(NEXT) | BIT(GC) | \
     BIT(VERIFY) | BIT(NOTIFY) | BIT(DOCTOR) | BIT(REPRODUCE))
#define ALL (~UINT64_C(0))

static const struct option options[] = {
    { 'f', "file", "FILE", TEXT,
      (READ & ~BIT(NEXT)) | BIT(RETRY) | BIT(COMPLETION) | BIT(STOP) | BIT(BACKFILL) | BIT(PAUSE) |
          BIT(RESUME) | BIT(EXPORT),
      offsetof(struct cli, file), "the pipeline file (pipeline.yaml)" },
    { 'f', "file", "FILE", FILES, BIT(DAEMON) | BIT(TICK) | BIT(NEXT), 0,
      "a pipeline file (pipeline.yaml); repeatable" },
    { 0, "profile", "NAME", TEXT, READ, offsetof(struct cli, profile),
      "merge this profile over the pipeline file" },
    { 'p', "param", "NAME=VALUE", LIST, READ, 0,
      "set a pipeline param, or STAGE.NAME=VALUE a stage's; repeatable" },
    { 's', "single", "STAGE", TEXT, BIT(RUN) | BIT(PLAN), offsetof(struct cli, single),
      "this stage alone, on what lies there" },
    { 0, "from", "STAGE", TEXT, BIT(RUN) | BIT(PLAN), offsetof(struct cli, from),
      "this stage and all below it" },
    { 'n', "dry-run", NULL, FLAG, BIT(RUN), offsetof(struct cli, dry_run),
      "print the plan, run nothing" },
    { 'n', "dry-run", NULL, FLAG, BIT(GC), offsetof(struct cli, dry_run),
      "say what would be removed, remove nothing" },
    { 'n', "dry-run", NULL, FLAG, BIT(NOTIFY), offsetof(struct cli, dry_run),
      "list what is not delivered, send nothing" },
    { 0, "no-notify", NULL, FLAG, BIT(RUN) | BIT(RETRY), offsetof(struct cli, no_notify),
      "tell nobody of this run's end" },
    { 0, "due", NULL, FLAG, BIT(NOTIFY), offsetof(struct cli, due),
      "only what is due; without it also what waits for its next attempt" },
    { 0, "test", NULL, FLAG, BIT(NOTIFY), offsetof(struct cli, test),
      "send a test message on every channel of the pipeline file" },
    { 0, "event", "EVENT", TEXT, BIT(NOTIFY), offsetof(struct cli, event),
      "with --test: those of failure, blocked, missed, recovery or success" },
    { 'F', "force", NULL, FLAG, BIT(RUN) | BIT(PLAN), offsetof(struct cli, force),
      "run even what is up to date" },
    { 'k', "keep-going", NULL, FLAG, BIT(RUN) | BIT(RETRY), offsetof(struct cli, keep_going),
      "after a failure, run what does not need the failed stage" },
    { 'j', "jobs", "N", COUNT, BIT(RUN) | BIT(RETRY), offsetof(struct cli, jobs),
      "stages at a time (the file's `jobs`, else the processors)" },
    { 0, "current", NULL, FLAG, BIT(RETRY), offsetof(struct cli, current),
      "with the pipeline file and the environment of today" },
    { 0, "strict", NULL, FLAG, BIT(RUN) | BIT(RETRY), offsetof(struct cli, strict),
      "fail a stage whose inputs were edited while it ran (else a warning)" },
    { 0, "timeout", "DURATION", TIME, BIT(RUN) | BIT(RETRY), offsetof(struct cli, timeout_ms),
      "stop the whole run after that: 30m, 2h (the file's `timeout`)" },
    { 0, "wait", "DURATION", WAIT, BIT(RUN) | BIT(RETRY), 0,
      "wait for another run of the pipeline to end, without =DURATION (10m...) however long" },
    { 0, "queued", "RUN", TEXT, BIT(RUN), offsetof(struct cli, queued),
      "be this queued run of a schedule: what `daemon` and `tick` start" },
    { 0, "reason", "TEXT", TEXT, BIT(APPROVE), offsetof(struct cli, reason),
      "why it may count; required, kept in the history" },
    { 0, "check", NULL, FLAG, BIT(PLAN), offsetof(struct cli, check),
      "exit 4 when there is work to do" },
    { 0, "format", "ascii|dot|mermaid|svg", TEXT, BIT(GRAPH), offsetof(struct cli, format),
      "how to draw it (ascii)" },
    { 0, "run", "RUN", TEXT, BIT(LOGS) | BIT(GRAPH), offsetof(struct cli, run),
      "of this run, not of the last" },
    { 'f', "follow", NULL, FLAG, BIT(LOGS), offsetof(struct cli, follow),
      "go on until the stage has ended" },
    { 'a', "attempt", "N", COUNT, BIT(LOGS), offsetof(struct cli, attempt),
      "this attempt, not the last" },
    { 0, "tail", "N", COUNT, BIT(LOGS), offsetof(struct cli, tail), "only the last N lines" },
    { 'w', "watch", NULL, FLAG, BIT(STATUS), offsetof(struct cli, watch),
      "go on until the run has ended: drawn again on a terminal, else a line per change" },
    { 'n', "limit", "N", COUNT, BIT(HISTORY) | BIT(METRICS), offsetof(struct cli, limit),
      "at most so many (20; 0: all)" },
    { 0, "since", "WHEN", TEXT, BIT(HISTORY), offsetof(struct cli, since),
      "begun since then: 12h, 30d, 8w ago, 2026-11-21, '2026-11-21 03:00' (UTC)" },
    { 0, "status", "STATE,...", TEXT, BIT(HISTORY), offsetof(struct cli, status),
      "in one of these states: failed, blocked, lost, missed..." },
    { 0, "pipeline", "NAME", TEXT, BIT(HISTORY), offsetof(struct cli, pipeline),
      "of this pipeline" },
    { 0, "schedule", "NAME", TEXT, BIT(HISTORY), offsetof(struct cli, schedule),
      "started by this schedule" },
    { 0, "stage", "STAGE", TEXT, BIT(HISTORY), offsetof(struct cli, stage),
      "the attempts of this stage instead of runs" },
    { 'n', "count", "N", COUNT, BIT(NEXT), offsetof(struct cli, count), "so many firings (10)" },
    { 0, "from", "TIME", TEXT, BIT(NEXT), offsetof(struct cli, from),
      "from \"2026-03-29\" or \"2026-03-29 14:30\" of the schedule's zone, with a Z of UTC (now)" },
    { 0, "schedule", "NAME", TEXT, BIT(NEXT), offsetof(struct cli, schedule),
      "this schedule alone" },
    { 'o', "output", "DIR", TEXT, BIT(EXPORT), offsetof(struct cli, output),
      "write the files there (default: print them)" },
    { 0, "list", "stages|runs|schedules|profiles|params", TEXT, BIT(COMPLETION),
      offsetof(struct cli, list), "the names of these, one a line: what the scripts ask for" },
    { 0, "outside", NULL, FLAG, BIT(REPRODUCE), offsetof(struct cli, outside),
      "also a stage that uses secrets or reads what is no input" },
    { 0, "keep", NULL, FLAG, BIT(REPRODUCE), offsetof(struct cli, keep),
      "leave what it made in .refit/reproduce/" },
    { 'n', "dry-run", NULL, FLAG, BIT(TICK) | BIT(BACKFILL), offsetof(struct cli, dry_run),
      "tell what would be started, start nothing" },
    { 0, "from", "TIME", TEXT, BIT(BACKFILL), offsetof(struct cli, from),
      "the first: \"2026-03-29\" or \"2026-03-29 14:30\" of the schedule's zone, or RFC 3339" },
    { 0, "to", "TIME", TEXT, BIT(BACKFILL), offsetof(struct cli, to),
      "the last; a day means its end" },
    { 0, "schedule", "NAME", TEXT, BIT(BACKFILL), offsetof(struct cli, schedule),
      "this schedule alone" },
    { 'k', "keep-going", NULL, FLAG, BIT(BACKFILL), offsetof(struct cli, keep_going),
      "go on after a run that failed" },
    { 0, "on-stop", "stop|finish", TEXT, BIT(DAEMON), offsetof(struct cli, on_stop),
      "told to end: stop the runs, or let them finish (stop)" },
    { 0, "now", NULL, FLAG, BIT(STOP), offsetof(struct cli, now),
      "kill the stages at once, without their kill_after" },
    { 0, "programs", NULL, FLAG, BIT(SCHEMA), offsetof(struct cli, programs),
      "with the options of every program that is installed" },
    { 'q', "quiet", NULL, FLAG, ALL, offsetof(struct cli, quiet), "say nothing but errors" },
    { 'v', "verbose", NULL, FLAG, ALL, offsetof(struct cli, verbose),
      "say more: command lines, what is reused" },
    { 0, "json", NULL, FLAG, ALL, offsetof(struct cli, json),
      "one JSON document on standard output" },
    { 0, "color", "auto|always|never", COLOUR, ALL, 0, "colours (auto: on a terminal)" },
    { 'C', "directory", "DIR", TEXT, ALL, 0, "go there first" },
};

enum { N_OPTION = sizeof options / sizeof *options };

/* The parts of the list of commands. */
enum group { RUNNING, SCHEDULING, LOOKING, KEEPING };

static const char *const group[] = {
    [RUNNING] = "Run",
    [SCHEDULING] = "Schedule",
    [LOOKING] = "Look",
    [KEEPING] = "Check and keep",
};

static int command_version(const struct cli *c, struct err *e)
{
    (void)e;
    if (c->json)
        printf("{\"refit\": \"%s\"}\n", REFIT_VERSION);
    else
        printf("refit %s\n", REFIT_VERSION);
    return 0;
}

static const struct command commands[] = {
    /* ---- run ---- */
    { RUN, RUNNING, "run", "[STAGE...]",
      "run what is not up to date (of these stages and all they need)",
      "A stage runs again when its program, inputs or parameters have other content than at its "
      "last commit; its\n"
      "outputs count only when all of them are complete. Without -k a failure starts nothing new, "
      "and what runs may\n"
      "finish. Ctrl-C stops all stages (TERM, after their kill_after KILL) and saves the state; a "
      "second one kills.",
      0, SIZE_MAX, command_run },
    { RETRY, RUNNING, "retry", "[RUN]",
      "continue a run that failed, was stopped or whose runner died (default: the last)",
      "It takes the pipeline file, profile and params as that run had them "
      "(.refit/runs/RUN/pipeline.yaml), and ${env.X} as it was; stages\n"
      "that were committed are reused.",
      0, 1, command_retry },
    { APPROVE, RUNNING, "approve", "RUN [STAGE]",
      "let the outputs of a blocked stage count (it ended with 98)",
      "The outputs must be as the stage left them. Who approved, when and why is kept with the "
      "run; `refit retry RUN`\n"
      "goes on below the stage then. STAGE is needed where several are blocked.",
      1, 2, command_approve },
    { STOP, RUNNING, "stop", "[RUN]",
      "stop a run and wait until it has ended (default: the only one)",
      "Its stages get TERM, after their kill_after KILL, and the state is saved: `retry` continues "
      "it. A queued run is\n"
      "aborted before it begins.",
      0, 1, command_stop },
    /* ---- schedule ---- */
    { NEXT, SCHEDULING, "next", "[FILE...]", "when the schedules of pipeline files fire",
      "Each line is one firing in the local time of its schedule, in UTC, and what is special "
      "about "
      "it: a local time\n"
      "that a change of the clocks leaves out or repeats, jitter, a schedule that is disabled or "
      "paused.",
      0, SIZE_MAX, command_next },
    { EXPORT, SCHEDULING, "export", "KIND",
      "what another scheduler (systemd, cron, github) needs to start this pipeline",
      "systemd: a service that runs `refit daemon`, and instead of it one with a timer that runs "
      "`refit tick`.\n"
      "cron: a line for a crontab. github: a workflow that runs the profile `ci` on every push, "
      "the "
      "pipeline on\n"
      "tags v* and on its schedules.",
      1, 1, command_export },
    { DAEMON, SCHEDULING, "daemon", "[FILE...]", "start what the schedules of pipeline files say",
      "In the foreground, for systemd (Type=notify-reload) or a shell. HUP reads the files again; "
      "one that is broken keeps\n"
      "its old schedules. TERM and Ctrl-C end it as --on-stop says, a second one kills. A run is a "
      "process of its own\n"
      "(refit run --queued) and outlives a daemon that is killed; the next one finds it.",
      0, SIZE_MAX, command_daemon },
    { TICK, SCHEDULING, "tick", "[FILE...]",
      "start what is due now and wait for it, for cron and timers",
      "Nothing is due: status 0, at once. Else the status of the worst run. As many as like may "
      "call it at a time, beside a\n"
      "daemon too: an instant never runs twice. A schedule that was never seen begins now.",
      0, SIZE_MAX, command_tick },
    { BACKFILL, SCHEDULING, "backfill", "", "run the instants of a range that have no run",
      "One after the other, the oldest first; after a run that failed no other is begun (-k). "
      "What has a run is left\n"
      "alone (`retry` continues one that failed), so it can be given again. At most 1000 instants.",
      0, 0, command_backfill },
    { PAUSE, SCHEDULING, "pause", "[SCHEDULE...]",
      "fire these schedules no more (default: all of the file)",
      "Their instants are kept in `history` as paused.", 0, SIZE_MAX, command_pause },
    { RESUME, SCHEDULING, "resume", "[SCHEDULE...]", "fire them again from now on",
      "What fell into the pause is not made up for; `backfill` does.", 0, SIZE_MAX,
      command_resume },
    /* ---- look ---- */
    { PLAN, LOOKING, "plan", "[STAGE...]", "what `run` would do, and why", NULL, 0, SIZE_MAX,
      command_plan },
    { EXPLAIN, LOOKING, "explain", "STAGE",
      "why a stage runs again: each difference to its last commit", NULL, 1, 1, command_explain },
    { STATUS, LOOKING, "status", "[RUN]", "the stages of a run (default: the last)",
      "RUN is an id, the beginning of one that no other has, or `last`; so it is in every command. "
      "The exit status is\n"
      "0 whatever became of the run; --json has its exit_code. With -w --json there is one "
      "document "
      "a line for each\n"
      "change.",
      0, 1, command_status },
    { HISTORY, LOOKING, "history", "", "the last runs, and ticks of schedules that made none",
      "Newest first. A tick that made no run (missed, overlapped, paused) is a row with its "
      "reason. "
      "Times are UTC.",
      0, 0, command_history },
    { LOGS, LOOKING, "logs", "STAGE", "the log of the last attempt of a stage",
      "Without --run it is of the last run in which the stage was started. -f goes on through all "
      "attempts until the stage\n"
      "has ended, and waits for a stage of the running run that has not begun.",
      1, 1, command_logs },
    { METRICS, LOOKING, "metrics", "show|diff|history",
      "figures of a run, of two, or one over all runs",
      "show [RUN]: the last value of every metric that a stage told, and every number of an "
      "output\n"
      "*.json that still lies there as it was committed (OUT.KEY.KEY). A stage that was reused has "
      "the\n"
      "figures of its commit. diff [RUN [RUN]]: without runs the last two of the pipeline that ran "
      "last,\n"
      "with one that and the last; -v shows equal figures too. history NAME: the last value of "
      "one\n"
      "metric in every run in which a stage told it, newest first.",
      0, 3, command_metrics },
    { DIFF, LOOKING, "diff", "[RUN [RUN]]", "what differs between two runs",
      "Stage by stage: state, inputs, params, program, outputs by their hash, metrics. Without "
      "runs the\n"
      "last two of the pipeline that ran last, with one that and the last of its pipeline; -v "
      "shows\n"
      "stages that are the same too.",
      0, 2, command_diff },
    { LINEAGE, LOOKING, "lineage", "FILE",
      "which run made a file, from what, and what was made of it",
      "FILE is found by its content, whatever its name is now (a published package too), and by "
      "its\n"
      "path. A file that nothing here made or read ends with 1.",
      1, 1, command_lineage },
    { GRAPH, LOOKING, "graph", "", "draw which stage needs which, and how they fared",
      "Stages have the colour of their state in the last run of the pipeline, or in --run. svg is "
      "made\n"
      "by the program dot of Graphviz; mermaid is what GitHub draws in Markdown.",
      0, 0, command_graph },
    /* ---- check and keep ---- */
    { VALIDATE, KEEPING, "validate", "", "check the pipeline file and the side files of its stages",
      NULL, 0, 0, command_validate },
    { SCHEMA, KEEPING, "schema", "", "print the JSON Schema of the pipeline file, for editors",
      "An editor with a YAML language server completes and checks a pipeline file that says in its "
      "first line\n"
      "# yaml-language-server: $schema=refit.schema.json\n"
      "after 'refit schema --programs >refit.schema.json'.",
      0, 0, command_schema },
    { DOCTOR, KEEPING, "doctor", "", "look for what may be in a run's way, and say what to do",
      "The pipeline file, programs and their libraries, file systems, space, permissions, the "
      "memory, locks, lost\n"
      "runs, secrets (never their values), registries, clock, time zones, limits, kernel. Exit 1 "
      "if "
      "there is an error,\n"
      "0 if there are warnings at most. It makes and removes two small files in each directory "
      "that "
      "a run writes to.",
      0, 0, command_doctor },
    { VERIFY, KEEPING, "verify", "[STAGE...]",
      "hash committed outputs and their inputs again: are they what they were?",
      "A run takes a file for unchanged by its inode, size and times; verify reads every byte, on "
      "all processors.\n"
      "changed, gone: an output is not what was committed. decayed: an input has other bytes "
      "though "
      "its stamp is the\n"
      "same. Exit 1 if anything differs; 'refit run' makes such outputs again once they are "
      "removed.",
      0, SIZE_MAX, command_verify },
    { REPRODUCE, KEEPING, "reproduce", "STAGE",
      "run a committed stage again, aside, and compare its outputs byte by byte",
      "The inputs must be those of the commit; every byte of them is read again. The outputs go to "
      "a directory below\n"
      ".refit that is removed afterwards; nothing is committed. Of an output that differs it says "
      "where first: object\n"
      "and element of an HDF5 file, value of a JSON file, member of a tar. Exit 0 identical, 1 "
      "not. "
      "A stage with `persist`\n"
      "outputs is refused; one with secrets or always_changed unless --outside.",
      1, 1, command_reproduce },
    { GC, KEEPING, "gc", "", "remove old runs, and what crashes left",
      "Runs of the pipeline that are older than its newest `retention.runs` and ended more than "
      "`retention.days` ago\n"
      "go, with their logs: never one that made what lies there now, nor the last that failed. The "
      "end of a run does\n"
      "so too; gc also sweeps directories that belong to no run, the cache of hashes, and the "
      "database's free space.\n"
      "Outputs and registries are never touched.",
      0, 0, command_gc },
    { NOTIFY, KEEPING, "notify", "", "send the notifications that wait; try the channels",
      "A notification goes into the outbox together with the end of the run that it tells of, and "
      "is sent when the run\n"
      "has ended. What does not arrive is tried again after 1 min, 5 min, 30 min, then every 2 h "
      "for three days, by the\n"
      "next run, retry, tick or daemon of the directory, or here. Exit 1: something was not "
      "delivered.",
      0, 0, command_notify },
    { COMPLETION, KEEPING, "completion", "bash|zsh", "print the completions of a shell",
      "bash: source <(refit completion bash)    zsh: refit completion zsh >~/.zfunc/_refit\n"
      "make install puts them where the shells look. They complete commands, options, their words, "
      "stages, params,\n"
      "profiles, schedules and runs.",
      0, 1, command_completion },
    { VERSION, KEEPING, "version", "", "print the version", NULL, 0, 0, command_version },
};

enum { N_COMMAND = sizeof commands / sizeof *commands };

struct words cli_words(void)
{
    return (struct words){ commands, N_COMMAND, options, N_OPTION, group };
}
