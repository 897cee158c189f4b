// The mailboxes of LUNs, as cluster_app uses them through this layer: each node's word to the other
// by way of the medium. Owning a LUN is not needed, so a LUN's mailbox is a medium of its own here,
// beside its volume.
//
// Invariant: one exchange at a time in each mailbox; those who come while one hangs wait for it,
// and thereby learn what they ask: that the path does not answer.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "fs_cache/medium/medium.h"
#include "iomgr/seams.h"
#include "iomgr/sync.h"

namespace understudy {

/// Makes the medium of the LUN at `path`. The seams outlive it.
using MediumFactory = std::function<std::unique_ptr<Medium>(Seams& seams, std::string path)>;

class Mailboxes {
 public:
  /// The seams and the factory outlive it.
  Mailboxes(Seams& seams, const MediumFactory& make_medium)
      : seams_(seams), make_medium_(make_medium) {}

  /// Writes our slot, reads it back, reads the partner's; if durable, also whose mirror store the
  /// LUN may need. STATUS_DATA_ERROR: not read back as it was written. STATUS_INVALID_PARAMETER for
  /// nodes or areas that cannot be.
  Task<Status> exchange(std::string path, MailboxParameters& parameters);

 private:
  struct Box {
    Box(Executor& executor, std::unique_ptr<Medium> made)
        : medium(std::move(made)), turn(executor, 1) {}
    std::unique_ptr<Medium> medium;
    Credits turn;
    bool damaged = false;  // the partner's slot, when it was read last
  };

  std::shared_ptr<Box> box(const std::string& path);
  Task<Status> write_and_read_back(Box& box, const MailboxParameters& parameters);
  Task<Status> read_partner(Box& box, const std::string& path, MailboxParameters& parameters);

  Seams& seams_;
  const MediumFactory& make_medium_;
  std::map<std::string, std::shared_ptr<Box>> boxes_;  // by path
};

}  // namespace understudy
