#include "near.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/outfile.h"
#include "runner/commit/tree.h"
#include "runner/execute/cgroup.h"
#include "runner/execute/proc.h"

/* A directory that looks like the hierarchy: what is looked for and what is written is tested here,
 * what the kernel does with it in tests/cli/survivors.t. */
static char top[64];

static void put(const char *path, const char *text)
{
    struct err e = { 0 };
    assert_ok(outfile_put(path, text, strlen(text), &e), e);
}

static int enter(void **unused)
{
    char dir[] = "/tmp/refit-cgroup-XXXXXX", *mounts;
    struct err e = { 0 };
    (void)unused;
    if (!mkdtemp(dir) || chdir(dir) < 0)
        return -1;
    memcpy(top, dir, sizeof dir);
    mounts = str_format("20 1 0:19 / /proc rw - proc proc rw\n"
                        "30 20 0:25 / %s/v1 rw - cgroup cgroup rw,memory\n"
                        "31 20 0:26 / %s/v2 rw,nosuid shared:9 - cgroup2 cgroup2 rw\n",
                        top, top);
    put("proc/mountinfo", mounts);
    put("proc/cgroup", "4:memory:/elsewhere\n0::/\n");
    free(mounts);
    return tree_make("v2/system.slice/x.service", &e);
}

static int leave(void **unused)
{
    struct err e = { 0 };
    (void)unused;
    return chdir("/") || tree_remove(top, &e);
}

/* The directory in which groups are made, from `top` on; "none". */
static char *found(void)
{
    struct cgroups c;
    cgroups_find(&c, "proc");
    char *base = c.base ? mem_strdup(c.base + strlen(top)) : mem_strdup("none");
    cgroups_release(&c);
    return base;
}

static void check_found(const char *want)
{
    char *base = found();
    assert_string_equal(base, want);
    free(base);
}

static void groups_are_made_in_a_root_group_and_in_a_delegated_one(void **unused)
{
    (void)unused;
    check_found("/v2");
    put("proc/cgroup", "0::/system.slice/x.service\n");
    check_found("none");
    if (setxattr("v2/system.slice/x.service", "user.delegate", "1", 1, 0) < 0) {
        print_message("# this file system has no extended attributes: no delegation tested\n");
        return;
    }
    check_found("/v2/system.slice/x.service");
    put("proc/cgroup", "0::/system.slice/x.service/refit-runner\n");
    check_found("/v2/system.slice/x.service");
    put("proc/cgroup", "0::/system.slice/x.service/other\n");
    check_found("none");
}

static void without_the_second_version_there_are_none(void **unused)
{
    (void)unused;
    put("proc/cgroup", "4:memory:/\n");
    check_found("none");
    put("proc/cgroup", "0::/../../outside\n"); /* of our namespace */
    check_found("none");
    put("proc/cgroup", "0::/\n");
    put("proc/mountinfo", "31 20 0:26 /part /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    check_found("none");
    unlink("proc/mountinfo");
    check_found("none");
}

static void the_name_is_that_of_the_run(void **unused)
{
    (void)unused;
    char one[CGROUP_NAME], other[CGROUP_NAME];
    cgroup_name("REFIT_RUN=/p/.refit/runs/20261121-030000/train.1", one);
    cgroup_name("REFIT_RUN=/p/.refit/runs/20261121-030000/", other);
    assert_string_equal(one, other);
    cgroup_name("REFIT_RUN=/p/.refit/runs/20261121-030001/train.1", other);
    assert_string_not_equal(one, other);
    assert_true(str_starts(one, "refit-"));
}

/* In the group of the run: its name ends with our pid. */
static char *in_run(const char *name)
{
    return str_format("v2/refit-x-%d/%s", (int)getpid(), name);
}

static void put_in_run(const char *name, const char *text)
{
    char *path = in_run(name);
    put(path, text);
    free(path);
}

static char *written(const char *path)
{
    char *text = proc_read(path);
    return text ? text : mem_strdup("");
}

static char *written_in_run(const char *name)
{
    char *path = in_run(name), *text = written(path);
    free(path);
    return text;
}

static void empty_groups_of_dead_runners_are_removed(void **unused)
{
    (void)unused;
    struct cgroups c;
    struct cgroup g;
    struct err e = { 0 };
    pid_t dead = fork();
    if (dead == 0)
        _exit(0);
    waitpid(dead, NULL, 0);
    char *old = str_format("v2/refit-old-%d", (int)dead), *job = str_format("%s/0", old);
    assert_ok(tree_make(job, &e), e);
    assert_ok(tree_make("v2/refit-alive-1/0", &e), e);
    assert_ok(tree_make("v2/refit-runner", &e), e);
    cgroups_find(&c, "proc");
    assert_true(cgroup_make(&c, "refit-x", 0, &g));
    assert_int_not_equal(access(old, F_OK), 0);
    assert_int_equal(access("v2/refit-alive-1/0", F_OK), 0);
    assert_int_equal(access("v2/refit-runner", F_OK), 0);
    assert_true(cgroup_is_there(&g));
    cgroup_remove(&g);
    cgroups_release(&c);
    char *ours = in_run("");
    assert_int_not_equal(access(ours, F_OK), 0);
    free(ours);
    free(job);
    free(old);
}

static void memory_is_bounded_where_the_controller_is_handed_down(void **unused)
{
    (void)unused;
    struct cgroups c;
    struct cgroup g;
    int64_t peak;
    cgroups_find(&c, "proc");
    put("v2/cgroup.controllers", "cpuset cpu io memory pids\n");
    put("v2/cgroup.subtree_control", "cpu memory\n");
    put_in_run("cgroup.subtree_control", "\n");
    put_in_run("0/memory.max", "max\n");
    put_in_run("0/memory.oom.group", "0\n");
    put_in_run("0/memory.events", "low 0\noom 3\noom_kill 0\noom_group_kill 1\n");
    put_in_run("0/memory.peak", "1048576\n");
    assert_true(cgroup_make(&c, "refit-x", 0, &g));
    assert_true(cgroup_limit(&c, &g, 1 << 20));
    char *text = written_in_run("0/memory.max"),
         *control = written_in_run("cgroup.subtree_control"),
         *together = written_in_run("0/memory.oom.group");
    assert_string_equal(text, "1048576");
    assert_string_equal(control, "+memory");
    assert_int_equal(together[0], '1');
    assert_int_equal(cgroup_oom(&g, &peak), 0);
    assert_int_equal(peak, 1 << 20);
    put_in_run("0/memory.events", "low 0\noom 4\noom_kill 5\n");
    assert_int_equal(cgroup_oom(&g, &peak), 5);
    free(together);
    free(control);
    free(text);
    cgroup_forget(&g);
    cgroups_release(&c);
}

static void where_memory_is_not_handed_down_it_is_not_bounded(void **unused)
{
    (void)unused;
    struct cgroups c;
    struct cgroup g;
    cgroups_find(&c, "proc");
    put("v2/cgroup.controllers", "cpuset memory_x pids\n");
    put("v2/cgroup.subtree_control", "\n");
    assert_true(cgroup_make(&c, "refit-x", 0, &g));
    assert_false(cgroup_limit(&c, &g, 1 << 20));
    cgroup_forget(&g);
    cgroups_release(&c);
    /* There is one, but nobody has left this group to us: it is not ours to hand down. */
    cgroups_find(&c, "proc");
    put("v2/cgroup.controllers", "memory pids\n");
    assert_true(cgroup_make(&c, "refit-x", 0, &g));
    assert_false(cgroup_limit(&c, &g, 1 << 20));
    char *text = written("v2/cgroup.subtree_control");
    assert_string_equal(text, "\n");
    free(text);
    cgroup_forget(&g);
    cgroups_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(groups_are_made_in_a_root_group_and_in_a_delegated_one,
                                        enter, leave),
        cmocka_unit_test_setup_teardown(without_the_second_version_there_are_none, enter, leave),
        cmocka_unit_test_setup_teardown(the_name_is_that_of_the_run, enter, leave),
        cmocka_unit_test_setup_teardown(empty_groups_of_dead_runners_are_removed, enter, leave),
        cmocka_unit_test_setup_teardown(memory_is_bounded_where_the_controller_is_handed_down,
                                        enter, leave),
        cmocka_unit_test_setup_teardown(where_memory_is_not_handed_down_it_is_not_bounded, enter,
                                        leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
