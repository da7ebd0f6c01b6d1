#ifndef SK_START_H
#define SK_START_H

/// The process's arguments as the system passed them; the Swift library reads /proc, which an empty
/// root does not have.
int sk_argument_count(void);
const char *_Nullable sk_argument(int index);

#endif
