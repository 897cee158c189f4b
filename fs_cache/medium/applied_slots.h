// The file `applied`: two slots of 4 KiB, written in turn, so that a torn write loses the newer one
// at most.
//
//      0       8            16      24    32       36
//     ┌───────┬────────────┬───────┬─────┬────────┬─────┬──────────────┐
//     │ magic │ generation │ epoch │ lsn │ mirror │ CRC │ zeros ...    │  x 2, at 0 and 4096
//     └───────┴────────────┴───────┴─────┴────────┴─────┴──────────────┘
//
// Blocking; runs off the layer's thread. Invariant: the newest valid slot is the truth; the other
// one is overwritten.
#pragma once

#include "fs_cache/medium/medium.h"
#include "fs_cache/medium/posix_file.h"

namespace understudy {

inline constexpr const char* kAppliedFile = "applied";

/// Makes the file, durable when it returns; `base` is .understudy.
IoOutcome make_applied(int base);
/// The newest valid slot as the disk has it, whatever the page cache says. STATUS_FILE_CORRUPT:
/// neither is valid.
IoOutcome read_applied_slots(int base, Applied& out);
/// Overwrites the older slot; the generation in `applied` is ignored and becomes the next one. Not
/// durable before sync_applied.
IoOutcome write_applied_slot(int base, const Applied& applied, FileDescriptor& file);
IoOutcome sync_applied(const FileDescriptor& file);

}  // namespace understudy
