// The fault points of the medium, in the order of a mount and a flush. README.md lists them with
// what they test.
#pragma once

#include <string_view>

namespace understudy {

/// The points of one call: before its work, between two parts of it (objects, entries, write and
/// sync), after it. Empty: the call has no such point.
struct CallPoints {
  std::string_view before;
  std::string_view between = {};
  std::string_view done = {};
};

namespace medium_points {
inline constexpr CallPoints kLock{"medium.mount.lock", {}, "medium.mount.lock.done"};
inline constexpr CallPoints kOwner{"medium.mount.owner"};
inline constexpr CallPoints kReadApplied{"medium.mount.applied"};
inline constexpr CallPoints kClaim{"medium.mount.claim", "medium.mount.claim.link",
                                   "medium.mount.claim.done"};
inline constexpr CallPoints kReadIntent{"medium.mount.intent"};
inline constexpr CallPoints kRecover{"medium.mount.recover", {}, "medium.mount.recover.done"};
inline constexpr CallPoints kState{"medium.state"};
inline constexpr CallPoints kList{"medium.list"};
inline constexpr CallPoints kRead{"medium.read"};
inline constexpr CallPoints kAllocated{"medium.allocated"};
inline constexpr CallPoints kReadProperty{"medium.property"};
inline constexpr CallPoints kSpace{"medium.space"};
inline constexpr CallPoints kObjects{"medium.flush.objects", "medium.flush.objects.each",
                                     "medium.flush.objects.done"};
inline constexpr CallPoints kObjectsSync{"medium.flush.objects.sync",
                                         "medium.flush.objects.sync.each",
                                         "medium.flush.objects.sync.done"};
inline constexpr CallPoints kProperties{"medium.flush.properties", "medium.flush.properties.each",
                                        "medium.flush.properties.done"};
inline constexpr CallPoints kIntent{"medium.flush.intent", {}, "medium.flush.intent.done"};
inline constexpr CallPoints kEntries{"medium.flush.entries", "medium.flush.entries.each",
                                     "medium.flush.entries.done"};
inline constexpr CallPoints kEntriesSync{"medium.flush.entries.sync",
                                         "medium.flush.entries.sync.each",
                                         "medium.flush.entries.sync.done"};
inline constexpr CallPoints kApplied{"medium.flush.applied", "medium.flush.applied.sync",
                                     "medium.flush.applied.done"};
inline constexpr CallPoints kRemove{"medium.flush.remove", "medium.flush.remove.each",
                                    "medium.flush.remove.done"};
inline constexpr CallPoints kMailboxWrite{"medium.mailbox.write"};
inline constexpr CallPoints kMailboxRead{"medium.mailbox.read"};
}  // namespace medium_points

}  // namespace understudy
