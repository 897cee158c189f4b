// A logged-on user (MS-SMB2 section 3.3.1.8): its keys, trees and opens, and the connections that
// it uses, which are its channels.
//
// Invariant: every handle that fs_cache gave for a session is in opens_, or a coroutine is about to
// put it there or to close it; so when close_opens() has completed on an ended session nothing is
// left open.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "iomgr/executor.h"
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
struct Negotiation;

/// A connection of a session, and what signs on it; nullptr while the session is in progress.
struct Channel {
  Connection* connection = nullptr;
  std::shared_ptr<auth::Signer> signer;
};

class Session {
 public:
  enum class State { in_progress, valid, ended };

  /// `connection` is its first channel.
  Session(std::uint64_t id, Connection& connection);

  std::uint64_t id() const { return id_; }

  /// nullptr: it is no channel.
  Channel* find_channel(const Connection& connection);
  void remove_channel(const Connection& connection);
  /// One that is not closed, and not `but`; nullptr: there is none.
  Connection* open_channel(const Connection* but = nullptr) const;
  std::vector<Channel> channels;
  /// What the first channel negotiated; the others must have the same (section 3.3.5.5, step 1).
  std::shared_ptr<const Negotiation> negotiation;

  /// Trees. An id is never 0 and not used again soon.
  Result<std::shared_ptr<Tree>> add_tree(const Share& share);
  std::shared_ptr<Tree> find_tree(std::uint32_t id) const;
  void remove_tree(Tree& tree);

  /// Opens.
  bool may_open() const;
  bool may_open_pipe() const;
  /// A durable open is found again by its handle, which is its persistent id.
  void add_open(std::shared_ptr<Open> open, std::uint64_t random);
  std::shared_ptr<Open> find_open(FileId id) const;
  std::shared_ptr<Open> find_handle(std::uint32_t lun, std::uint64_t handle) const;
  /// The open of that file (its folded path) by the application instance of `theirs`, if this
  /// session is not of the same client. nullptr: there is none.
  std::shared_ptr<Open> find_application(const DurableRequest& theirs, std::uint32_t lun,
                                         std::string_view path) const;
  /// Takes the open out of the table; the caller closes it.
  void remove_open(const Open& open);

  /// Closes all opens by IRPs; fs_cache keeps the durable ones for their client (sections 3.3.5.6,
  /// 3.3.7.1).
  Task<void> leave_opens(Netstack& netstack);
  /// Closes the opens of a tree, durable or not (section 3.3.5.8).
  Task<void> close_opens(Netstack& netstack, const Tree& tree);

  const Time begun;
  State state = State::in_progress;
  bool signing_required = false;
  std::string user;
  std::vector<std::uint8_t> token;  // in whose name it opens files: token.h
  /// Nobody's: it was somebody's, who gave it up (3.3.5.5.3, IsAnonymous). See nobody_may().
  bool anonymous = false;
  std::shared_ptr<auth::Signer> signer;  // Session.SigningKey, once valid: the first channel's
  std::optional<auth::Sealer> sealer;    // once valid, if a cipher was negotiated
  bool encrypts = false;                 // Session.EncryptData

 private:
  std::vector<std::shared_ptr<Open>> take_opens(const Tree* tree);

  std::uint64_t id_;
  std::uint32_t next_tree_id_ = 0;
  std::uint64_t next_open_id_ = 0;
  std::map<std::uint32_t, std::shared_ptr<Tree>> trees_;
  std::map<std::uint64_t, std::shared_ptr<Open>> opens_;  // by FileId.of_session
};

/// Closes the handle of an open that is in no table any more. The status is fs_cache's; the handle
/// is gone whatever it says.
Task<Status> close_handle(Netstack& netstack, const Open& open, CloseParameters& parameters);

}  // namespace understudy::smb2
