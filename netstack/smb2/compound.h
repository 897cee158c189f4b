// The messages of one frame, run in order, and the frame of their replies (MS-SMB2 sections 3.3.5.2
// and 3.3.4.1). A frame with one message is a compound of one.
//
// The frame of replies is built in place in one buffer, so that file data is read where it is sent
// from:
//
//     0 ┌────────────┬──────────────────┬────────┬──────┬─────────┬────────┬──────┬───
//       │ 00, length │ transform header │ header │ body │ padding │ header │ body │ ...
//       └────────────┴──────────────────┴────────┴──────┴─────────┴────────┴──────┴───
//                    4                  56
//
// A frame that came encrypted is answered encrypted, by the same session; to one that did not the
// length stands in the last four bytes of the transform header's place.
#pragma once

#include <vector>

#include "netstack/auth/sealing.h"
#include "netstack/buffer_pool.h"
#include "netstack/smb2/command.h"
#include "netstack/smb2/connection.h"
#include "netstack/smb2/running.h"

namespace understudy::smb2 {

/// Where the first reply lies: before it there is room for the frame's length and the transform
/// header.
inline constexpr std::size_t kPrefixEnd = 4 + auth::transform_header_size;
/// Replies of a compound start at multiples of 8 bytes.
inline std::size_t aligned(std::size_t size) {
  return (size + 7) / 8 * 8;
}
/// SMB2 ERROR Response, section 2.2.2.
std::vector<std::uint8_t> error_body(ConstBytes data);

/// A request runs with an open.
class OpenUse {
 public:
  /// `sequence`: it counts in the channel sequence.
  OpenUse(std::shared_ptr<Open> open, std::optional<std::uint16_t> sequence)
      : open_(std::move(open)), sequence_(sequence) {
    ++open_->in_use;
  }
  OpenUse(const OpenUse&) = delete;
  OpenUse& operator=(const OpenUse&) = delete;
  ~OpenUse() {
    if (sequence_) open_->channel_sequence.end(*sequence_);
    if (--open_->in_use == 0 && open_->unused != nullptr) open_->unused->set();
  }

 private:
  std::shared_ptr<Open> open_;
  std::optional<std::uint16_t> sequence_;
};

class Compound {
 public:
  /// What it takes of the connection's bounds. A request that is pended gives it back.
  struct Shares {
    std::optional<CreditGuard> place;
    std::optional<CreditGuard> frame;
    std::optional<CreditGuard> replies;
  };
  Shares shares;

  /// `frame`: a whole frame without its length prefix. Decrypted and parsed at once, see valid().
  Compound(Connection& connection, Buffer frame);

  /// Whether the frame holds SMB2 messages that the connection may send in its state.
  bool valid() const { return !messages_.empty(); }
  const std::vector<Message>& messages() const { return messages_; }
  /// Bytes that the replies take at most. `logged_on`: whether file data is worth room yet.
  std::uint32_t reply_size(bool logged_on);

  /// Runs it; `replies` has reply_size() bytes.
  Task<void> run(Buffer replies);
  /// Waits for `irp` (iomgr/irp.h, "Pended IRPs") in the name of the request that runs now, and
  /// completes with its status. The first time, the client gets the interim response. A handler has
  /// read all it needs of the request before, and writes its reply afterwards.
  /// STATUS_INSUFFICIENT_RESOURCES: too many are pended. STATUS_INTERNAL_ERROR: it may not wait at
  /// its place in the compound.
  Task<Status> pend(Request& request, Reply& reply, Irp& irp);
  /// The request that runs now does not end with its channel: running.h.
  void outlive_channel(const Session& session) { running_.outlives_channel = &session; }
  /// What is to be sent, length prefix included. Empty: nothing.
  ConstBytes answer() const { return answer_; }

 private:
  /// A reply that is complete but for its place in the chain and its signature.
  struct Made {
    Header header;
    std::size_t offset;
    std::size_t size;
    std::shared_ptr<auth::Signer> signer;
    std::shared_ptr<auth::PreauthIntegrityHash> hash;
  };
  /// What a related request takes over from the one before (section 3.3.5.2.7.2).
  struct Chain {
    std::uint64_t session_id = 0;
    std::uint32_t tree_id = 0;
    bool has_session = false;
    bool has_tree = false;
    FileId file_id;
    Status status = Status::invalid_parameter;  // of the last request: why there is no file id
  };

  bool unseal();
  Task<void> run_one(const Message& message, std::uint32_t room);
  Status prepare(Request& request, const CommandRow& row);
  std::shared_ptr<auth::Signer> signer_of(const Request& request) const;
  Status check_signature(Request& request) const;
  Status check_body(const Request& request, const CommandRow& row) const;
  Status look_up_open(Request& request, const CommandRow& row) const;
  Status use_open(Request& request);
  void make(const Request& request, Reply& reply, Status status);
  void finish();
  Header reply_header(const Request& request, Status status);

  // pended.cpp
  Task<Status> go_async(const Request& request);
  void release_memory(Request& request);
  Task<void> acquire_memory(Reply& reply);
  void cancel(const Message& message);

  Connection& connection_;
  Buffer frame_;
  std::shared_ptr<Session> sealed_by_;  // if it came encrypted
  std::vector<Message> messages_;
  std::vector<std::uint32_t> rooms_;  // of the reply's body, by message
  Buffer replies_;
  std::size_t end_ = 0;  // of the last reply made
  std::vector<Made> made_;
  Chain chain_;
  Running running_;    // the request that runs now
  bool ran_ = false;   // a request of this frame has
  bool last_ = false;  // the one that runs now is the frame's last
  std::optional<CreditGuard> pended_;
  std::optional<OpenUse> use_;  // of the request that runs now
  ConstBytes answer_;
};

}  // namespace understudy::smb2
