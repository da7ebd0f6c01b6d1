#ifndef SKEIN_FIRMWARE_H
#define SKEIN_FIRMWARE_H

#include <stddef.h>

/// A file of a firmware folder, carried inside the program.
typedef struct {
    /// Its path in the folder.
    const char *_Nonnull path;
    /// Its bytes.
    const unsigned char *_Nonnull bytes;
    /// How many there are.
    size_t count;
} sk_firmware_file;

/// The file at a place; a null pointer behind the last.
const sk_firmware_file *_Nullable sk_firmware_file_at(size_t place);

#endif
