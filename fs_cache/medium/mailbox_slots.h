// The files of a LUN's mailbox: one slot of 4 KiB for each node, by its index in cluster.toml. A
// node writes its own slot and reads the other's; nobody has to own the LUN for it.
//
//      0       8      12                16                 20                24
//     ┌───────┬──────┬─────────────────┬───────────────────┬─────────────────┐
//     │ magic │ node │ layer_silent_ms │ storage_oldest_ms │ storage_failing │  at node x 4096
//     ├───────┴──────┼─────────────────┼─────┬─────────────┴─────────────────┤
//     │ incarnation  │ sequence        │ CRC │ zeros ...                     │
//     └──────────────┴─────────────────┴─────┴───────────────────────────────┘
//     24             32                40    44
//
// On one machine the host's cache is what both nodes see, so a beat is not synced. A proof of the
// path (`durable`) is written through to the device and read back from there. A disk that two
// machines share would need that, or O_DIRECT, for every beat: a slot is a block of its own,
// aligned, so that neither node's write carries the other's old bytes.
//
// Blocking; runs off the layer's thread. Invariant: a slot has one writer.
#pragma once

#include "fs_cache/medium/medium.h"
#include "fs_cache/medium/posix_layout.h"

namespace understudy {

IoOutcome write_mailbox_slot(const LunFolders& folders, std::uint32_t area, const MailboxSlot& slot,
                             bool durable);
/// `found` says what was there. A slot that nobody wrote is STATUS_NOT_FOUND, a damaged one
/// STATUS_CRC_ERROR: neither is a failure of the path.
IoOutcome read_mailbox_slot(const LunFolders& folders, std::uint32_t area, std::uint32_t node,
                            bool durable, MailboxSlot& out, Status& found);

}  // namespace understudy
