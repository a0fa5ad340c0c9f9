/* survivor PIDS HOW [STATUS]: leave processes behind that are hard to get rid of, each writes its
 * pid to the file PIDS, then (when all have) end with STATUS, or wait for ever without one. HOW is
 * letters:
 *
 *   t  ignore SIGTERM          d  fork twice: the child's parent is gone
 *   s  a session of its own    e  without environment and under another name
 *   c  all descriptors closed  b  three dozen of them, each the child of the one before
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BOMB = 36 };

static void note(const char *path)
{
    char text[24];
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0666);
    int n = snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (fd < 0 || write(fd, text, (size_t)n) != n)
        _exit(1);
    close(fd);
}

/* What it has become: tell on descriptor 1 (a pipe) that it lives, and stay. */
static _Noreturn void stay(const char *path, const char *how)
{
    if (strchr(how, 't'))
        signal(SIGTERM, SIG_IGN);
    note(path);
    close(1);
    if (strchr(how, 'c'))
        for (int fd = 0; fd < 1024; fd++)
            close(fd);
    for (;;)
        pause();
}

static void leave(const char *path, const char *how)
{
    static char name[] = "innocent";
    char word[16], *argv[] = { name, word, strdup(path), NULL }, *env[] = { NULL };
    snprintf(word, sizeof word, "=%s", how);
    if (fork() != 0)
        return;
    if (strchr(how, 's') && setsid() < 0)
        _exit(1);
    if (strchr(how, 'd') && fork() != 0)
        _exit(0);
    for (int i = 1; strchr(how, 'b') && i < BOMB; i++) {
        if (fork() == 0) {
            if (strchr(how, 's'))
                setsid();
            continue;
        }
        stay(path, how);
    }
    if (strchr(how, 'e')) {
        execve("/proc/self/exe", argv, env);
        _exit(1);
    }
    stay(path, how);
}

int main(int argc, char **argv)
{
    int end[2];
    char byte;
    if (argc == 3 && argv[1][0] == '=')
        stay(argv[2], argv[1]);
    if (argc < 3 || pipe(end) < 0) {
        fprintf(stderr, "usage: survivor PIDS HOW [STATUS]\n");
        return 64;
    }
    dup2(end[1], 1); /* what is left behind closes it one by one */
    close(end[1]);
    leave(argv[1], argv[2]);
    close(1);
    if (read(end[0], &byte, 1) != 0)
        return 1;
    close(end[0]);
    if (argc > 3)
        return (int)strtol(argv[3], NULL, 10);
    for (;;)
        pause();
}
