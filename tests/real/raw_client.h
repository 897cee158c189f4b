// An SMB2 client over a real connection that does what no honest one does: it holds each message in
// its hands before it is sent, and need not read what comes. One request after the other.
#pragma once

#include <optional>
#include <string>

#include "iomgr/host/unique_fd.h"
#include "netstack/auth/sealing.h"
#include "netstack/auth/signing.h"
#include "netstack/smb2/test_requests.h"

namespace understudy {

class RawClient : public smb2::TestRequests {
 public:
  using Octets = smb2::Octets;
  struct Answer {
    smb2::Header header;
    Octets body;
    Status status() const { return static_cast<Status>(header.status); }
  };

  /// Connects to "host:port" and negotiates. `cipher`: none, or the one to offer in 3.1.1.
  RawClient(const std::string& host, std::uint16_t port, std::uint16_t dialect = smb2::kDialect311,
            auth::Cipher cipher = auth::Cipher::none);

  bool connected() const { return static_cast<bool>(socket_); }
  /// STATUS_CONNECTION_RESET when the connection ended, as of all requests below.
  Status log_on(const std::string& user, const std::string& password);
  Status tree_connect(const std::string& share);
  /// The file is `file` afterwards.
  Status create(const std::string& path, std::uint32_t disposition = 3,
                std::uint32_t access = 0x02000000);

  /// A message, signed if there is a key.
  Octets message(smb2::Command command, ConstBytes body);
  /// The same encrypted.
  Octets sealed(ConstBytes message);
  /// Sends a frame, its length in front; false when the connection ended, or takes no more for
  /// some seconds.
  bool send(ConstBytes frame);
  /// Sends bytes as they are.
  bool send_bytes(ConstBytes bytes);
  /// As much as the socket takes at once; false when it takes nothing more.
  bool send_what_fits(ConstBytes frame);
  /// The next answer; nothing when the connection ended, or nothing came for some seconds.
  std::optional<Answer> receive();
  std::optional<Answer> ask(smb2::Command command, ConstBytes body);
  /// Waits for the end of the connection; answers that still come are thrown away.
  bool is_closed();

  smb2::FileId file;
  std::uint32_t flags = 0;  // of the messages to come
  std::uint16_t credit_charge = 1;
  std::uint16_t credits_wanted = 64;

 private:
  std::optional<Octets> receive_frame();

  UniqueFd socket_;
  std::uint16_t dialect_;
  auth::Cipher cipher_;
  std::uint64_t next_id_ = 0;
  std::uint64_t session_id_ = 0;
  std::uint32_t tree_id_ = 0;
  auth::PreauthIntegrityHash preauth_;
  std::optional<auth::Signer> signer_;
  std::optional<auth::Sealer> sealer_;
};

}  // namespace understudy
