// The files `intent.0` and `intent.1`, written in turn: the directory entries that a flush is about
// to change. Each is overwritten in place, so what stands behind the CRC is left of a longer one.
// One that is torn was never finished, and its flush has changed no entry yet.
//
//      0       8       16    24       32      36
//     ┌───────┬───────┬─────┬────────┬───────┬─────────────────────────────────────────────┬─────┐
//     │ magic │ epoch │ lsn │ length │ count │ count x { directory 8, object 8,            │ CRC │
//     │       │       │     │        │       │   is_directory 4, length 4, name (length) } │     │
//     └───────┴───────┴─────┴────────┴───────┴─────────────────────────────────────────────┴─────┘
//                              of all of it
//
// Blocking; runs off the layer's thread.
#pragma once

#include "fs_cache/medium/posix_layout.h"

namespace understudy {

inline constexpr std::size_t kIntentSlots = 2;

/// Durable when it returns. The other slot is not touched.
IoOutcome write_intent_slot(const LunFolders& folders, std::size_t slot, const Intent& intent);
/// The newest whole one and its slot, as the disk has it; `out` stays empty when there is none.
IoOutcome read_intent_slots(const LunFolders& folders, std::size_t& slot, Intent& out);

}  // namespace understudy
