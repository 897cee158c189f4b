// The client's side of one SMB connection: message ids, keys and signatures. It knows no stream;
// the simulated client sends what it makes and gives it what comes.
#pragma once

#include <optional>
#include <string>

#include "iomgr/accounts.h"
#include "netstack/auth/signing.h"
#include "netstack/auth/test_client.h"
#include "netstack/smb2/test_requests.h"

namespace understudy::sim {

struct SmbAnswer {
  Status status = Status::connection_reset;
  bool came = false;  // false: the connection is over, nobody knows what happened
  std::uint32_t tree_id = 0;
  std::uint64_t session_id = 0;
  smb2::Octets message;
  smb2::Octets body;
};

class SmbDialogue : public smb2::TestRequests {
 public:
  using Octets = smb2::Octets;

  /// A frame, with the four bytes of its length in front.
  Octets frame(smb2::Command command, ConstBytes body);
  /// What came, without its length; nothing for what is no response, or one that is not signed
  /// although it must be.
  std::optional<SmbAnswer> take(ConstBytes frame);

  // The way in: each gives a frame; take() its answer, then go on.
  Octets negotiate();
  bool negotiated(const SmbAnswer& answer);
  Octets log_on();
  Octets prove(const SmbAnswer& challenge);

  std::uint64_t session_id = 0;
  std::uint32_t tree_id = 0;

  /// Of the body of an answer to CREATE.
  static smb2::FileId file_id_of(ConstBytes body);

  /// The line of the accounts file for the one who logs on.
  static std::string account();

 private:
  Octets framed(Octets message) const;
  Octets message(smb2::Command command, ConstBytes body);

  std::uint64_t next_id_ = 0;
  auth::PreauthIntegrityHash preauth_;
  auth::TestClient ntlm_;
  std::optional<auth::Signer> signer_;
};

}  // namespace understudy::sim
