#include "near.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "num/hash.h"

static void known_digests_come_out(void **state)
{
    (void)state;
    char hex[HASH_HEX];
    hash_bytes("", 0, hex); /* FIPS 180-4 examples */
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    hash_bytes("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void two_texts_never_run_together(void **state)
{
    (void)state;
    char a[HASH_HEX], b[HASH_HEX];
    struct hash h;
    hash_init(&h);
    hash_add_text(&h, "ab");
    hash_add_text(&h, "c");
    hash_hex(&h, a);
    hash_add_text(&h, "a"); /* ready for the next message */
    hash_add_text(&h, "bc");
    hash_hex(&h, b);
    assert_string_not_equal(a, b);
}

static void a_file_is_hashed_and_what_is_none_is_refused(void **state)
{
    (void)state;
    char dir[] = "/tmp/test_hash.XXXXXX", path[64], hex[HASH_HEX], want[HASH_HEX];
    struct err e = { 0 };
    uint64_t size = 0;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/file", dir);
    FILE *fp = fopen(path, "wb");
    enum { N = 700001 };
    char *bytes = calloc(N, 1);
    for (size_t i = 0; i < N; i++)
        bytes[i] = (char)(i * 31);
    assert_int_equal(fwrite(bytes, 1, N, fp), N);
    fclose(fp);
    hash_bytes(bytes, N, want);
    assert_ok(hash_file(path, hex, &size, &e), e);
    assert_string_equal(hex, want);
    assert_int_equal(size, N);
    assert_error(hash_file(dir, hex, &size, &e), ERR_IO, e, "not a regular file");
    unlink(path);
    assert_error(hash_file(path, hex, &size, &e), ERR_IO, e, "cannot open");
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_error(hash_file(path, hex, &size, &e), ERR_IO, e, "not a regular file");
    unlink(path);
    rmdir(dir);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_digests_come_out),
        cmocka_unit_test(two_texts_never_run_together),
        cmocka_unit_test(a_file_is_hashed_and_what_is_none_is_refused),
    };
    return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
