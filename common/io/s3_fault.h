#ifndef IO_S3_FAULT_H
#define IO_S3_FAULT_H

#include "io/s3_call.h"

/* What an answer means, and what a person is told of it. */
struct s3_fault {
    int code;   /* enum err_code; 0: none */
    bool again; /* asking again may help */
    char text[700];
};

/** Judge an answer to a call. `s` is not changed. */
void s3_judge(const struct s3 *s, const struct s3_call *c, const struct s3_answer *a,
              struct s3_fault *out);

#endif
