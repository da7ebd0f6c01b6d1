#ifndef SK_SYSTEM_H
#define SK_SYSTEM_H

/// Tells the processor that the caller spins on a shared word.
static inline void sk_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

#endif
