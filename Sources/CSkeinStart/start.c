#define _GNU_SOURCE

#include "sk_start.h"

#include <stddef.h>

static int argument_count;
static char *_Nullable *_Nullable arguments;

#if defined(__linux__)
#include <stdlib.h>
#include <unistd.h>

/// Runs before the Swift runtime starts, which ends the process when it finds neither its own path
/// in /proc nor this variable.
__attribute__((constructor(101))) static void before_swift(int argc, char **argv) {
    argument_count = argc;
    arguments = argv;
    if (access("/proc/self/exe", F_OK) != 0) {
        setenv("SWIFT_ROOT", "/", 0);
    }
}
#endif

int sk_argument_count(void) { return argument_count; }

const char *sk_argument(int index) {
    return arguments != NULL && index >= 0 && index < argument_count ? arguments[index] : NULL;
}
