#include "near.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/picture.h"

enum { N = 7 };

/* Rows of a number `id` and a text `name`. */
static const char *const names[N] = { "a", "..", "x/y", "", ".", "b.c", "\xc3\xa9 \"" };

static void make_table(struct table *t, const char *image)
{
    *t = (struct table){
        .name = mem_strdup("things"), .n_row = N, .n_col = 2, .col = mem_calloc(2, sizeof *t->col)
    };
    t->roles.image = mem_strdup(image);
    t->col[0] = (struct column){ .name = mem_strdup("id"),
                                 .type = COLUMN_INT,
                                 .n = N,
                                 .whole = mem_calloc(N, sizeof(int64_t)) };
    t->col[1] = (struct column){
        .name = mem_strdup("name"), .type = COLUMN_STRING, .n = N, .bytes = mem_calloc(N, 16)
    };
    t->col[1].offset = mem_calloc(N + 1, sizeof(int64_t));
    for (size_t i = 0; i < N; i++) {
        size_t n = strlen(names[i]);
        t->col[0].whole[i] = 10 * (int64_t)i;
        memcpy(t->col[1].bytes + t->col[1].offset[i], names[i], n);
        t->col[1].offset[i + 1] = t->col[1].offset[i] + (int64_t)n;
    }
}

static void expect(const char *image, const char *const want[N])
{
    struct table t;
    struct picture_pattern p = { 0 };
    struct str name = { 0 };
    struct err e = { 0 };
    make_table(&t, image);
    assert_ok(picture_pattern_init(&p, &t, "t.h5", &e), e);
    for (size_t i = 0; i < N; i++) {
        const char *why = picture_name(&p, i, &name);
        if (!want[i] && !why)
            fail_msg("'%s' row %zu gives '%s', want no name", image, i, str_text(&name));
        if (want[i]) {
            assert_null(why);
            assert_string_equal(str_text(&name), want[i]);
        }
    }
    str_release(&name);
    picture_pattern_release(&p);
    table_release(&t);
}

static void columns_fill_the_pattern(void **state)
{
    (void)state;
    expect("image_{id}_product_{name}.jpg",
           (const char *const[N]){ "image_0_product_a.jpg", "image_10_product_...jpg", NULL, NULL,
                                   "image_40_product_..jpg", "image_50_product_b.c.jpg",
                                   "image_60_product_\xc3\xa9 \".jpg" });
    expect("one.png", (const char *const[N]){ "one.png", "one.png", "one.png", "one.png", "one.png",
                                              "one.png", "one.png" });
}

static void no_name_leaves_the_directory(void **state)
{
    (void)state;
    expect("{name}", (const char *const[N]){ "a", NULL, NULL, NULL, NULL, "b.c", "\xc3\xa9 \"" });
    expect("sub/{name}",
           (const char *const[N]){ "sub/a", NULL, NULL, NULL, NULL, "sub/b.c", "sub/\xc3\xa9 \"" });
    expect("{name}{name}", (const char *const[N]){ "aa", "....", NULL, NULL, NULL, "b.cb.c",
                                                   "\xc3\xa9 \"\xc3\xa9 \"" });
    expect("{name}/", (const char *const[N]){ NULL });
    expect("/etc/{name}", (const char *const[N]){ NULL });
}

static void refuse(const char *image, const char *why)
{
    struct table t;
    struct picture_pattern p = { 0 };
    struct err e = { 0 };
    make_table(&t, image);
    assert_error(picture_pattern_init(&p, &t, "t.h5", &e), ERR_DATA, e, why);
    table_release(&t);
}

static void bad_patterns_are_refused(void **state)
{
    (void)state;
    refuse(NULL, "'t.h5': table 'things' names no pictures");
    refuse("", "names no pictures");
    refuse("{nam}.jpg", "table 'things' has no column 'nam'");
    refuse("{}.jpg", "has no column ''");
    static const char *const brace[] = { "{id.jpg", "id}.jpg", "{{id}}", "{id", "{" };
    for (size_t i = 0; i < sizeof brace / sizeof *brace; i++)
        refuse(brace[i], "has a brace without its partner");
}

/* What becomes of a name in a fresh directory. */
static void files_are_read_or_say_why_not(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum pixels_status status;
        const char *why;
    } want[] = { { "file", PIXELS_OK, "" },
                 { "absent", PIXELS_MISSING, "'absent': No such file or directory" },
                 { "file/x", PIXELS_MISSING, "Not a directory" },
                 { "loop", PIXELS_MISSING, "symbolic links" },
                 { "large", PIXELS_CORRUPT, "'large': 4 bytes are over the limit of 3 bytes" },
                 { "pipe", PIXELS_CORRUPT, "'pipe' is no regular file" },
                 { ".", PIXELS_CORRUPT, "'.' is no regular file" } };
    char path[] = "/tmp/refit-picture.XXXXXX";
    uint8_t *bytes = NULL;
    size_t room = 0, n;
    struct str why = { 0 };
    struct err e = { 0 };
    int dir = -1;

    assert_non_null(mkdtemp(path));
    assert_ok(picture_open_dir(path, &dir, &e), e);
    int fd = openat(dir, "file", O_WRONLY | O_CREAT, 0666);
    assert_int_equal(write(fd, "abc", 3), 3);
    close(fd);
    fd = openat(dir, "large", O_WRONLY | O_CREAT, 0666);
    assert_int_equal(write(fd, "abcd", 4), 4);
    close(fd);
    assert_int_equal(mkfifoat(dir, "pipe", 0666), 0);
    assert_int_equal(symlinkat("loop", dir, "loop"), 0);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        enum pixels_status status;
        assert_ok(picture_load(dir, want[i].name, 3, &bytes, &room, &n, &status, &why, &e), e);
        assert_int_equal(status, want[i].status);
        if (!strstr(str_text(&why), want[i].why))
            fail_msg("'%s': '%s', want '%s'", want[i].name, str_text(&why), want[i].why);
        assert_int_equal(n, status == PIXELS_OK ? 3 : 0);
    }
    assert_memory_equal(bytes, "abc", 3);
    static const char *const made[] = { "file", "large", "pipe", "loop" };
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        unlinkat(dir, made[i], 0);
    close(dir);
    rmdir(path);
    str_release(&why);
    free(bytes);
    assert_error(picture_open_dir(path, &dir, &e), ERR_DATA, e, "is no directory of pictures");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_fill_the_pattern),
        cmocka_unit_test(no_name_leaves_the_directory),
        cmocka_unit_test(bad_patterns_are_refused),
        cmocka_unit_test(files_are_read_or_say_why_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
