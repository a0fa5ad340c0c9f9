#ifndef BASE_EVENT_H
#define BASE_EVENT_H

#include <stdint.h>

/* What a running stage tells its runner, as JSON lines on REFIT_EVENTS ("fd:N" or "file:PATH"):
 *   {"progress":{"done":120,"total":2000,"unit":"images","note":"..."}}    the note may be absent
 *   {"metric":{"name":"val_loss","value":0.41,"step":3}}
 *   {"warning":"..."}
 * Without a runner, on a terminal, progress is a bar on stderr. A runner that has gone away or a
 * full disk never fails the stage: events are then dropped. Not to be called from worker threads.
 */

/** `done` of `total` units; cheap enough for every item (at most ten a second are sent). total 0:
 * unknown. */
void event_progress(int64_t done, int64_t total, const char *unit);

/** What the next progress says besides: "loss 0.4113, 512 rows/s". The text is copied. */
void event_note(const char *text);

/** A figure of the run; a value that is not finite is sent as null. */
void event_metric(const char *name, double value, int64_t step);

/** A warning; log_warn calls it, nobody else need. */
void event_warning(const char *text);

/** Wipe the bar before something else is printed. */
void event_clear_bar(void);

/** Finish the bar, close the channel. */
void event_close(void);

#endif
