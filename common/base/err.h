#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stddef.h>

/**
 * What went wrong and who must act. The value is also the exit status of a
 * program (the first three and the last from sysexits.h).
 */
enum err_code {
    ERR_NONE = 0,
    ERR_USAGE = 64,    /* the command line or a configuration file */
    ERR_DATA = 65,     /* the input; a retry cannot help */
    ERR_INTERNAL = 70, /* a bug of ours */
    ERR_MEMORY = 71,   /* out of memory */
    ERR_IO = 74,       /* the machine */
    ERR_RETRY = 75,    /* try later: the only one that is retried by default */
    ERR_BLOCKED = 98,  /* outputs are kept, nothing below runs, a person may approve */
    ERR_NOTHING = 99,  /* nothing to do: everything below is skipped */
};

/** An error as text. All zeros means "no error"; the caller owns the storage. */
struct err {
    int code; /* enum err_code */
    char text[1000];
};

/** Record an error and return its code, so that `return err_set(...)` reads well. */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/** As err_set with ERR_IO and ": strerror(errno)" added. */
int err_sys(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#ifdef __clang_analyzer__ /* it reads one file at a time: these two never return 0 */
#define err_set(e, rc, ...) (err_set(e, rc, __VA_ARGS__), (e)->code = (rc))
#define err_sys(e, ...)     (err_sys(e, __VA_ARGS__), (e)->code = ERR_IO)
#endif

/** Put "text: " before an error that is already there; returns its code. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** Put `to` in the place of every `from` in the text: of a file that its user knows by another
 * name.
 */
void err_replace(struct err *e, const char *from, const char *to);

/** Is all that was printed to standard output written, this piece and those before? ERR_IO. */
int err_stdout(struct err *e);

/** Print "name: text" on stderr if there is an error; returns the exit status. */
int err_report(const struct err *e, const char *name);

#endif
