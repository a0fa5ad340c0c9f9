#define _XOPEN_SOURCE 700 /* nftw in scratch.h */
#include "near.h"
#include "sandbox.h"

#include <jansson.h>

#include "runner/read/channel.h"

/* A pipeline with that under `notify`. */
static int read_notify(struct manifest *m, const char *lines, const char *profile, struct err *e)
{
    char *text = str_format(HEAD
                            "params: {team: ops@example.org, tool: ./tell me.sh}\n"
                            "secrets: {HOOK: {env: HOOK_URL}, TOKEN: {file: token.txt}}\n"
                            "stages: {a: {cmd: [\"true\"]}}\n"
                            "profiles: {ci: {notify: {on_failure: []}}, quiet: {notify: null}}\n"
                            "%s%s",
                            *lines ? "notify:\n" : "", lines);
    int rc = project_read(m, text, profile, NULL, e);
    free(text);
    return rc;
}

static void channels_are_read_by_event(void **state)
{
    static const char want[] =
        "{\"header\":{\"Authorization\":\"Bearer ${secrets.TOKEN}\"},"
        "\"secrets\":{\"HOOK\":{\"env\":\"HOOK_URL\"},\"TOKEN\":{\"file\":"
        "\"token.txt\"}},\"webhook\":\"https://x.example/$$/${secrets.HOOK}\"}";
    struct manifest m;
    struct err e = { 0 };
    (void)state;
    assert_ok(read_notify(&m,
                          "  on_success: [{mail: [\"${params.team}\", root]}]\n"
                          "  on_failure:\n"
                          "    - webhook: https://x.example/$/${secrets.HOOK}\n"
                          "      header: {Authorization: \"Bearer ${secrets.TOKEN}\"}\n"
                          "      tail: 50\n"
                          "    - {cmd: [\"${params.tool}\", a b]}\n"
                          "    - cmd: \"${params.tool} now\"\n",
                          NULL, &e),
              e);
    assert_int_equal(m.channels.n, 4);
    assert_int_equal(m.channels.item[0].event, NOTIFY_FAILURE);
    assert_int_equal(m.channels.item[0].tail, 50);
    assert_int_equal(m.channels.item[0].line, 10);
    assert_string_equal(m.channels.item[0].name, "webhook x.example");
    assert_string_equal(m.channels.item[0].text, want);
    assert_string_equal(m.channels.item[1].text, "{\"cmd\":[\"./tell me.sh\",\"a b\"]}");
    assert_int_equal(m.channels.item[1].tail, 20);
    assert_string_equal(m.channels.item[2].text,
                        "{\"cmd\":[\"sh\",\"-c\",\"'./tell me.sh' now\"]}");
    assert_int_equal(m.channels.item[3].event, NOTIFY_SUCCESS);
    assert_string_equal(m.channels.item[3].text, "{\"mail\":[\"ops@example.org\",\"root\"]}");
    assert_string_equal(m.channels.item[3].name, "mail ops@example.org...");
    manifest_release(&m);
}

static void a_name_shows_nothing_secret(void **state)
{
    struct manifest m;
    struct err e = { 0 };
    (void)state;
    assert_ok(read_notify(&m,
                          "  on_failure:\n"
                          "    - webhook: https://joe:${secrets.TOKEN}@h.example:8443/path/T0\n"
                          "    - webhook: ${secrets.HOOK}\n",
                          NULL, &e),
              e);
    assert_string_equal(m.channels.item[0].name, "webhook h.example:8443");
    assert_string_equal(m.channels.item[1].name, "webhook ${secrets.HOOK}");
    manifest_release(&m);
}

static void a_profile_replaces_a_list(void **state)
{
    static const char two[] = "  on_failure: [{mail: a@b}]\n  on_blocked: [{mail: a@b}]\n";
    struct manifest m;
    struct err e = { 0 };
    (void)state;
    assert_ok(read_notify(&m, two, "ci", &e), e);
    assert_int_equal(m.channels.n, 1);
    assert_int_equal(m.channels.item[0].event, NOTIFY_BLOCKED);
    manifest_release(&m);
    assert_ok(read_notify(&m, two, "quiet", &e), e);
    assert_int_equal(m.channels.n, 0);
    manifest_release(&m);
    assert_ok(read_notify(&m, "", "ci", &e), e);
    assert_int_equal(m.channels.n, 0);
    manifest_release(&m);
}

static void a_mistake_is_told_with_its_place(void **state)
{
    static const struct {
        const char *lines, *want;
    } bad[] = {
        { "  on_fail: []\n", "8:3: notify: unknown key 'on_fail'; did you mean 'on_failure'" },
        { "  on_failure: {mail: a@b}\n", "8:15: notify.on_failure: want a list of channels" },
        { "  on_failure: [a@b]\n", "8:16: notify.on_failure: want {webhook: URL}" },
        { "  on_failure: [{webhok: http://x}]\n", "8:17: on_failure: unknown key 'webhok'" },
        { "  on_failure: [{tail: 5}]\n", "want one of webhook, mail and cmd" },
        { "  on_failure: [{mail: a@b, cmd: [x]}]\n", "want one of webhook, mail and cmd" },
        { "  on_failure: [{mail: a@b, tail: 1001}]\n", "8:34: tail" },
        { "  on_failure: [{mail: a@b, header: {A: b}}]\n", "header: it is for a webhook" },
        { "  on_failure: [{webhook: ftp://x/}]\n", "want https://... or http://..." },
        { "  on_failure: [{webhook: \"http:///x\"}]\n", "there is no host" },
        { "  on_failure: [{webhook: \"http://x/a b\"}]\n", "a space in it" },
        { "  on_failure: [{webhook: \"http://x/a\\nb\"}]\n", "a control character (10)" },
        { "  on_failure: [{webhook: \"http://joe:word@x/\"}]\n", "a password in a URL" },
        { "  on_failure: [{webhook: \"${secrets.HOK}\"}]\n", "did you mean 'HOOK'" },
        { "  on_failure: [{webhook: \"http://x/${run.id}\"}]\n", "known only while a stage runs" },
        { "  on_failure: [{webhook: http://x, header: {\"A B\": c}}]\n", "not a name of an HTTP" },
        { "  on_failure: [{webhook: http://x, header: {Content-Type: c}}]\n", "refit's own" },
        { "  on_failure: [{webhook: http://x, header: {A: \"b\\r\\nC: d\"}}]\n",
          "a control character (13)" },
        { "  on_failure: [{mail: \"a@b, c@d\"}]\n", "is not an address" },
        { "  on_failure: [{mail: \"a@b\\nBcc: c@d\"}]\n", "a control character (10)" },
        { "  on_failure: [{mail: []}]\n", "want an address or a list" },
        { "  on_failure: [{mail: \"${secrets.HOOK}\"}]\n", "may stand only in a webhook" },
        { "  on_failure: [{cmd: []}]\n", "want a list of words" },
        { "  on_failure: [{cmd: [\"\"]}]\n", "the program is empty" },
        { "  on_failure: [{cmd: [x, \"${secrets.HOOK}\"]}]\n", "may stand only in a webhook" },
    };
    struct manifest m;
    struct err e = { 0 };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_error(read_notify(&m, bad[i].lines, NULL, &e), ERR_USAGE, e, bad[i].want);
}

static void a_hundred_channels_are_enough(void **state)
{
    struct str lines = { 0 };
    struct manifest m;
    struct err e = { 0 };
    (void)state;
    str_addz(&lines, "  on_failure:\n");
    for (int i = 0; i < 100; i++)
        str_addz(&lines, "    - mail: a@b\n");
    assert_ok(read_notify(&m, str_text(&lines), NULL, &e), e);
    assert_int_equal(m.channels.n, 100);
    manifest_release(&m);
    str_addz(&lines, "    - mail: a@b\n");
    assert_error(read_notify(&m, str_text(&lines), NULL, &e), ERR_USAGE, e,
                 "more than 100 channels");
    str_release(&lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(channels_are_read_by_event),
        cmocka_unit_test(a_name_shows_nothing_secret),
        cmocka_unit_test(a_profile_replaces_a_list),
        cmocka_unit_test(a_mistake_is_told_with_its_place),
        cmocka_unit_test(a_hundred_channels_are_enough),
    };
    return cmocka_run_group_tests(tests, project_setup, project_teardown);
}
