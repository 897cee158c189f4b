// Who is this client? One Authenticator answers it for one SESSION_SETUP exchange (MS-SMB2 section
// 3.3.5.5): feed it the client's security buffers, send back its tokens, until it has decided.
// The public face of this folder; SPNEGO and NTLMSSP are behind it.
//
// Invariant: a decision is final. After success, logon_failure or invalid_parameter every further
// token is invalid_parameter, and a password can be tried once for each challenge.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "iomgr/accounts.h"
#include "iomgr/bytes.h"
#include "iomgr/random.h"
#include "iomgr/status.h"
#include "netstack/auth/crypto.h"
#include "netstack/auth/ntlmssp.h"

namespace understudy::auth {

class Authenticator {
 public:
  struct Result {
    /// more_processing_required: send the token, feed the next one. success: the user is known,
    /// send the token, if there is one. logon_failure: wrong name or password, NTLMv1, tampered, or
    /// anonymous. invalid_parameter: not a token, or not one for now. No token with a failure.
    Status status = Status::invalid_parameter;
    std::vector<std::uint8_t> token;
  };

  /// `now_filetime` is the wall clock in units of 100 ns since 1601 (UTC); it goes into the
  /// challenge. The accounts are read during accept only, and they and `random` must outlive the
  /// Authenticator. The names are UTF-8 of at most 512 UTF-16 units each.
  Authenticator(const Accounts& accounts, Random& random, ServerNames names,
                std::uint64_t now_filetime);
  ~Authenticator();
  Authenticator(const Authenticator&) = delete;
  Authenticator& operator=(const Authenticator&) = delete;

  /// The token for the security buffer of the NEGOTIATE response.
  static std::vector<std::uint8_t> initial_token();

  /// Takes one security buffer of the client: SPNEGO, or NTLMSSP without an envelope, which is
  /// answered without one.
  Result accept(ConstBytes token);

  /// A client that asks to be nobody (MS-NLMP 3.2.5.1.2) gets success and not logon_failure.
  void allow_anonymous() { may_be_anonymous_ = true; }
  /// The client asked to be nobody.
  bool anonymous() const { return anonymous_; }

  /// After success: the account's name as the administrator wrote it; empty: nobody's.
  const std::string& user() const { return user_; }
  /// After success: Session.SessionKey of MS-SMB2 section 3.3.5.5.3. A bugcheck before.
  const Block& session_key() const;

 private:
  enum class State { expects_negotiate, expects_authenticate, succeeded, failed };

  Result accept_spnego(ConstBytes token);
  Result accept_ntlmssp(ConstBytes message);
  Result challenge(ConstBytes negotiate);
  Status authenticate(ConstBytes message);
  Status take_session_key(const ntlmssp::Authenticate& message, const Block& key_exchange_key);
  Status verify_user(const ntlmssp::Authenticate& message, Block& session_base_key);
  bool verify_mech_list_mic(ConstBytes mic) const;

  const Accounts& accounts_;
  Random& random_;
  const ServerNames names_;
  const std::uint64_t now_filetime_;

  State state_ = State::expects_negotiate;
  bool mechanism_named_ = false;          // supportedMech was sent
  std::vector<std::uint8_t> mech_types_;  // of the client's NegTokenInit; empty without SPNEGO
  std::vector<std::uint8_t> negotiate_;   // the messages that the MIC covers
  std::vector<std::uint8_t> challenge_;
  ntlmssp::Challenge server_challenge_{};
  std::uint32_t flags_ = 0;  // what both sides agreed on
  std::string user_;
  Block session_key_{};
  bool may_be_anonymous_ = false;
  bool anonymous_ = false;
};

}  // namespace understudy::auth
