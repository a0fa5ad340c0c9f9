#ifndef BASE_LOG_H
#define BASE_LOG_H

/* The log of a program is its standard error: one line a message, no clock (the runner adds times).
 */

void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** Each line of a text as a message of its own. */
void log_lines(const char *text);

/** "warning: ..." on stderr, and the same as a warning event for the runner. */
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
