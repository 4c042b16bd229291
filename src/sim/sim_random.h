/*
 * Numbers that look random and are the same in every run: what a seed stands for.
 */
#ifndef WFP_SIM_RANDOM_H
#define WFP_SIM_RANDOM_H

#include <stdint.h>

/** The next 64 bits (splitmix64). @param state  any value to begin with */
static inline uint64_t
wfp_sim_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/** 0 .. bound - 1; 0 for a bound of 0 or 1. */
static inline uint32_t
wfp_sim_random_below(uint64_t *state, uint32_t bound)
{
    return bound < 2 ? 0 : (uint32_t)((wfp_sim_random(state) >> 32) * bound >> 32);
}

#endif
