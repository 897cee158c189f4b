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

#include "netstack/buffer_pool.h"
#include "netstack/smb2/command.h"
#include "netstack/smb2/connection.h"

namespace understudy::smb2 {

class Compound {
 public:
  /// `frame`: a whole frame without its length prefix. Decrypted and parsed at once, see valid().
  Compound(Connection& connection, Buffer frame);

  /// Whether the frame holds SMB2 messages that the connection may send in its state.
  bool valid() const { return !messages_.empty(); }
  const std::vector<Message>& messages() const { return messages_; }
  /// Bytes that the replies take at most. `logged_on`: whether file data is worth room yet.
  std::uint32_t reply_size(bool logged_on);

  /// Runs it; `replies` has reply_size() bytes.
  Task<void> run(Buffer replies);
  /// What is to be sent, length prefix included. Empty: nothing.
  ConstBytes answer() const { return answer_; }

 private:
  /// A reply that is complete but for its place in the chain and its signature.
  struct Made {
    Header header;
    std::size_t offset;
    std::size_t size;
    std::shared_ptr<Session> signer;
    std::shared_ptr<auth::PreauthIntegrityHash> hash;
  };
  /// What a related request takes over from the one before (section 3.3.5.2.7.2).
  struct Chain {
    std::uint64_t session_id = 0;
    std::uint32_t tree_id = 0;
    FileId file_id;
    Status status = Status::invalid_parameter;  // of the last request: why there is no file id
  };

  bool unseal();
  Task<void> run_one(const Message& message, std::uint32_t room);
  Status prepare(Request& request, const CommandRow& row);
  Status check_signature(Request& request) const;
  Status check_body(const Request& request, const CommandRow& row) const;
  Status look_up_open(Request& request, const CommandRow& row) const;
  void make(const Request& request, Reply& reply, Status status);
  void finish();

  Connection& connection_;
  Buffer frame_;
  std::shared_ptr<Session> sealed_by_;  // if it came encrypted
  std::vector<Message> messages_;
  std::vector<std::uint32_t> rooms_;  // of the reply's body, by message
  Buffer replies_;
  std::size_t end_ = 0;  // of the last reply made
  std::vector<Made> made_;
  Chain chain_;
  ConstBytes answer_;
};

}  // namespace understudy::smb2
