#include "tests/sim/smb_dialogue.h"

namespace understudy::sim {
namespace {

using smb2::Command;
using smb2::Octets;

constexpr std::string_view kUser = "user";
constexpr auto kAlgorithm = static_cast<auth::SigningAlgorithm>(2);  // AES-128-GMAC

const NtHash& password_hash() {
  static const NtHash hash = [] {
    std::string error;
    return *nt_hash("Password", error);
  }();
  return hash;
}

}  // namespace

std::string SmbDialogue::account() {
  return std::string(kUser) + ":" + auth::to_hex(password_hash()) + "\n";
}

smb2::FileId SmbDialogue::file_id_of(ConstBytes body) {
  WireReader reader(body);
  reader.seek(64);
  smb2::FileId id;
  id.persistent = reader.u64();
  id.of_session = reader.u64();
  return id;
}

Octets SmbDialogue::message(Command command, ConstBytes body) {
  smb2::Header header;
  header.command = static_cast<std::uint16_t>(command);
  header.credit_charge = 1;
  header.credits = 16;
  header.message_id = next_id_++;
  header.session_id = session_id;
  header.tree_id = tree_id;
  Octets out(smb2::kHeaderSize);
  smb2::encode_header(header, out);
  out.insert(out.end(), body.begin(), body.end());
  if (signer_) signer_->sign(out);
  return out;
}

Octets SmbDialogue::framed(Octets message) const {
  const std::size_t size = message.size();
  const std::array<std::uint8_t, 4> prefix = {0, static_cast<std::uint8_t>(size >> 16),
                                              static_cast<std::uint8_t>(size >> 8),
                                              static_cast<std::uint8_t>(size)};
  message.insert(message.begin(), prefix.begin(), prefix.end());
  return message;
}

Octets SmbDialogue::frame(Command command, ConstBytes body) {
  return framed(message(command, body));
}

std::optional<SmbAnswer> SmbDialogue::take(ConstBytes frame) {
  const std::vector<smb2::Message> messages = smb2::split_compound(frame);
  if (messages.size() != 1) return std::nullopt;
  const smb2::Message& one = messages.front();
  if (signer_ && one.header.has(smb2::kFlagSigned) && !signer_->verify(one.bytes))
    return std::nullopt;
  SmbAnswer answer;
  answer.came = true;
  answer.status = static_cast<Status>(one.header.status);
  answer.tree_id = one.header.tree_id;
  answer.session_id = one.header.session_id;
  answer.message.assign(one.bytes.begin(), one.bytes.end());
  answer.body.assign(one.bytes.begin() + smb2::kHeaderSize, one.bytes.end());
  return answer;
}

Octets SmbDialogue::negotiate() {
  const Octets request = message(Command::negotiate, negotiate_body({smb2::kDialect311}, {2, 1}));
  preauth_.update(request);
  return framed(request);
}

bool SmbDialogue::negotiated(const SmbAnswer& answer) {
  if (failed(answer.status)) return false;
  preauth_.update(answer.message);
  return true;
}

Octets SmbDialogue::log_on() {
  ntlm_.user = kUser;
  ntlm_.with_mech_list_mic = false;
  const Octets request =
      message(Command::session_setup, setup_body(ntlm_.wrap_first(ntlm_.negotiate()), 0));
  preauth_.update(request);
  return framed(request);
}

Octets SmbDialogue::prove(const SmbAnswer& challenge) {
  session_id = challenge.session_id;
  preauth_.update(challenge.message);
  constexpr std::string_view kSignature("NTLMSSP\0", 8);
  const auto start = std::search(challenge.body.begin(), challenge.body.end(), kSignature.begin(),
                                 kSignature.end());
  const Octets token(start, challenge.body.end());
  const Octets proof = ntlm_.wrap_next(ntlm_.authenticate(token, password_hash()));
  const Octets request = message(Command::session_setup, setup_body(proof, 0));
  preauth_.update(request);
  const auth::SessionKeys keys = auth::derive_session_keys(smb2::kDialect311, auth::Cipher::none,
                                                           ntlm_.session_key, preauth_.value());
  signer_.emplace(kAlgorithm, keys.signing);
  return framed(request);
}

}  // namespace understudy::sim
