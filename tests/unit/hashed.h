#ifndef TESTS_HASHED_H
#define TESTS_HASHED_H

#include <stddef.h>
#include <stdint.h>

/** Number i of a stream, in [-1, 1) and exact as float: splitmix64 of stream * 2^32 + i, the upper
 * 24 bits; tests/ref/hashed.py has the same, so that references are made of the same data. */
static inline double hashed_uniform(uint64_t stream, size_t i)
{
    uint64_t z = ((stream << 32) + i + 1) * 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    z ^= z >> 31;
    return (double)(z >> 40) / (1 << 23) - 1;
}

#endif
