// The file `intent`: the directory entries that a degraded flush is about to change. It is replaced
// by a rename, so it is always whole.
//
//      0       8       16    24      28
//     ┌───────┬───────┬─────┬───────┬─────────────────────────────────────────────┬─────┐
//     │ magic │ epoch │ lsn │ count │ count x { directory 8, object 8,            │ CRC │
//     │       │       │     │       │   is_directory 4, length 4, name (length) } │     │
//     └───────┴───────┴─────┴───────┴─────────────────────────────────────────────┴─────┘
//
// Blocking; runs off the layer's thread.
#pragma once

#include "fs_cache/medium/posix_layout.h"

namespace understudy {

inline constexpr const char* kIntentFile = "intent";

/// Durable when it returns.
IoOutcome write_intent_file(const LunFolders& folders, const Intent& intent);
/// Leaves `out` empty when there is none. STATUS_FILE_CORRUPT: it is damaged.
IoOutcome read_intent_file(const LunFolders& folders, Intent& out);

}  // namespace understudy
