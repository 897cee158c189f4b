// Who owns the LUN: a file `owner.<epoch>` each time the owner changes, taken with an atomic
// link(). The highest epoch wins; older files go once a newer one is there.
//
//      0       8      12    16
//     ┌───────┬──────┬─────┐
//     │ epoch │ node │ CRC │
//     └───────┴──────┴─────┘
//
// Blocking; runs off the layer's thread. Invariant: of all who claim one epoch, in any process, one
// succeeds; and none does once a higher epoch has been claimed.
#pragma once

#include "fs_cache/medium/medium.h"
#include "fs_cache/medium/posix_layout.h"

namespace understudy {

/// {0, 0} when nobody ever owned it. STATUS_FILE_CORRUPT: the file is damaged.
IoOutcome read_owner_file(const LunFolders& folders, Ownership& out);
/// Writes the content of a claim under a temporary name, durably.
IoOutcome prepare_claim(const LunFolders& folders, const Ownership& ownership,
                        std::string& temporary);
/// STATUS_OBJECT_NAME_COLLISION: this epoch or a higher one is taken. Durable when it returns.
IoOutcome finish_claim(const LunFolders& folders, const Ownership& ownership,
                       const std::string& temporary);

}  // namespace understudy
