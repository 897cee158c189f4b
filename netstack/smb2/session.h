// A logged-on user on a connection (MS-SMB2 section 3.3.1.8): its keys, trees and opens.
//
// Invariant: every handle that fs_cache gave for a session is in opens_, or a coroutine is about to
// put it there or to close it; so when close_opens() has completed on an ended session nothing is
// left open.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "iomgr/irp.h"
#include "iomgr/result.h"
#include "iomgr/task.h"
#include "netstack/auth/authenticator.h"
#include "netstack/auth/sealing.h"
#include "netstack/server_config.h"
#include "netstack/smb2/open.h"

namespace understudy {
class Netstack;
}

namespace understudy::smb2 {

class Connection;

class Session {
 public:
  enum class State { in_progress, valid, ended };

  Session(std::uint64_t id, Connection& connection) : id_(id), connection_(&connection) {}

  std::uint64_t id() const { return id_; }
  /// Whose session it is; only as long as it has not ended.
  Connection& connection() const { return *connection_; }

  /// Trees. An id is never 0 and not used again soon.
  Result<std::shared_ptr<Tree>> add_tree(const Share& share);
  std::shared_ptr<Tree> find_tree(std::uint32_t id) const;
  void remove_tree(Tree& tree);

  /// Opens.
  bool may_open() const;
  void add_open(std::shared_ptr<Open> open, std::uint64_t persistent_id);
  std::shared_ptr<Open> find_open(FileId id) const;
  /// Takes the open out of the table; the caller closes it.
  void remove_open(const Open& open);

  /// Closes all opens, or those of one tree, by IRPs.
  Task<void> close_opens(Netstack& netstack, const Tree* tree = nullptr);

  State state = State::in_progress;
  bool signing_required = false;
  std::string user;
  std::unique_ptr<auth::Authenticator> authenticator;  // while a SESSION_SETUP exchange is going on
  std::shared_ptr<const ServerConfig> config;          // whose accounts the authenticator reads
  auth::PreauthIntegrityHash preauth;                  // of the exchange that is going on
  std::optional<auth::Signer> signer;                  // once valid
  std::optional<auth::Sealer> sealer;                  // once valid, if a cipher was negotiated
  bool encrypts = false;                               // Session.EncryptData

 private:
  std::uint64_t id_;
  Connection* connection_;
  std::uint32_t next_tree_id_ = 0;
  std::uint64_t next_open_id_ = 0;
  std::map<std::uint32_t, std::shared_ptr<Tree>> trees_;
  std::map<std::uint64_t, std::shared_ptr<Open>> opens_;  // by FileId.of_session
};

/// Closes the handle of an open that is in no table any more. The status is fs_cache's; the handle
/// is gone whatever it says.
Task<Status> close_handle(Netstack& netstack, const Open& open, CloseParameters& parameters);

}  // namespace understudy::smb2
