// Encryption of SMB2 messages (MS-SMB2 sections 2.2.41, 3.1.4.3, 3.3.5.2.1.1): what the
// TRANSFORM_HEADER before a frame says, and the two keys of a session. One transform covers all
// messages of a frame.
//
//    0           4           20          36      40     42   44           52
//    | FD 'SMB'  | Signature | Nonce     | size  | 0    | 1  | session id | the messages, encrypted
//                            \_________ what the signature covers beside them ____________
#pragma once

#include <optional>

#include "netstack/auth/signing.h"

namespace understudy::auth {

inline constexpr std::size_t transform_header_size = 52;

/// Whether a frame begins as an encrypted one does.
bool is_sealed(ConstBytes frame);

/// The session that a sealed frame names. nullopt if the header is cut, no message follows, it is
/// of another length than the header says, or Flags is not "encrypted".
std::optional<std::uint64_t> session_of_sealed(ConstBytes frame);

/// Seals what the server sends and opens what it gets, for one session on all its channels.
class Sealer {
 public:
  /// The cipher is not `none`. `keys` as the server has them.
  Sealer(Cipher cipher, const SessionKeys& keys);

  /// `frame`: room for the header, then the messages. Writes the header and encrypts the messages.
  void seal(Bytes frame, std::uint64_t session_id);
  /// Decrypts in place what is behind the header; session_of_sealed(frame) is something. False if
  /// anything of it was changed on its way.
  bool open(Bytes frame);

 private:
  Cipher cipher_;
  Aead sealing_;
  Aead opening_;
  std::uint64_t sealed_ = 0;  // frames; the next one's nonce, so that none is used twice
};

}  // namespace understudy::auth
