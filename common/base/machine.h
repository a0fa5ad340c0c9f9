#ifndef BASE_MACHINE_H
#define BASE_MACHINE_H

#include <stdint.h>

/**
 * Bytes that this process can still take without harm: the least of what the kernel calls available
 * (/proc/meminfo), what the control groups of the process leave (memory.max, or
 * memory.limit_in_bytes of version 1) and what its own limits leave (RLIMIT_AS, RLIMIT_DATA).
 * UINT64_MAX where none of them can be read.
 */
uint64_t machine_memory(void);

#endif
