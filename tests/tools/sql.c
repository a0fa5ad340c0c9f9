/* sql DATABASE STATEMENTS: execute them, print rows with | between columns. For tests that look
 * into the runner's memory, or turn back what it has decided. */
#include <sqlite3.h>
#include <stdio.h>

static int print_row(void *unused, int n, char **value, char **name)
{
    (void)unused;
    (void)name;
    for (int i = 0; i < n; i++)
        printf("%s%s", i ? "|" : "", value[i] ? value[i] : "");
    putchar('\n');
    return 0;
}

int main(int argc, char **argv)
{
    sqlite3 *db = NULL;
    if (argc != 3) {
        fputs("usage: sql DATABASE STATEMENTS\n", stderr);
        return 64;
    }
    int rc = sqlite3_open_v2(argv[1], &db, SQLITE_OPEN_READWRITE, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_busy_timeout(db, 5000);
        rc = sqlite3_exec(db, argv[2], print_row, NULL, NULL);
    }
    if (rc != SQLITE_OK)
        fprintf(stderr, "sql: %s\n", sqlite3_errmsg(db));
    sqlite3_close(db);
    return rc == SQLITE_OK ? 0 : 74;
}
