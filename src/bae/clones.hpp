#pragma once

// One build of a loop per instruction set, chosen when the program is loaded. They differ in speed
// only (a test builds them with BALR_NO_CLONES and compares bytes).
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_THREAD__) && !defined(BALR_NO_CLONES)
#define BALR_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define BALR_CLONES
#endif
