#include "tests/real/raw_client.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>

#include "netstack/auth/test_client.h"
#include "tests/real/hostile.h"

namespace understudy {
namespace {

using smb2::Command;
using smb2::Octets;

constexpr int kPatienceMs = 20'000;
constexpr auto kGmac = static_cast<auth::SigningAlgorithm>(2);

bool wait_for(int socket, short what) {
  pollfd ready{socket, what, 0};
  return poll(&ready, 1, kPatienceMs) == 1;
}

Octets framed(ConstBytes frame) {
  Octets out = {0, static_cast<std::uint8_t>(frame.size() >> 16),
                static_cast<std::uint8_t>(frame.size() >> 8),
                static_cast<std::uint8_t>(frame.size())};
  out.insert(out.end(), frame.begin(), frame.end());
  return out;
}

}  // namespace

RawClient::RawClient(const std::string& host, std::uint16_t port, std::uint16_t dialect,
                     auth::Cipher cipher)
    : socket_(connect_to(host, port)), dialect_(dialect), cipher_(cipher) {
  if (!socket_) return;
  std::vector<std::uint16_t> ciphers;
  if (cipher != auth::Cipher::none) ciphers.push_back(static_cast<std::uint16_t>(cipher));
  const Octets request = message(Command::negotiate, negotiate_body({dialect}, {2, 1}, ciphers));
  preauth_.update(request);
  send(request);
  const std::optional<Octets> answer = receive_frame();
  if (answer) {
    preauth_.update(*answer);
  } else {
    socket_.reset();
  }
}

Octets RawClient::message(Command command, ConstBytes body) {
  smb2::Header header;
  header.command = static_cast<std::uint16_t>(command);
  header.flags = flags;
  header.credit_charge = credit_charge;
  header.credits = credits_wanted;
  header.message_id = next_id_;
  header.session_id = session_id_;
  header.tree_id = tree_id_;
  next_id_ += credit_charge;
  Octets out(smb2::kHeaderSize);
  encode_header(header, out);
  out.insert(out.end(), body.begin(), body.end());
  if (signer_) signer_->sign(out);
  return out;
}

Octets RawClient::sealed(ConstBytes message) {
  Octets out(auth::transform_header_size);
  out.insert(out.end(), message.begin(), message.end());
  sealer_->seal(out, session_id_);
  return out;
}

Status RawClient::log_on(const std::string& user, const std::string& password) {
  auth::PreauthIntegrityHash hash = preauth_;
  auth::TestClient ntlm;
  ntlm.user = user;
  ntlm.with_mech_list_mic = false;
  signer_.reset();
  session_id_ = 0;
  Octets request =
      message(Command::session_setup, setup_body(ntlm.wrap_first(ntlm.negotiate()), 0));
  hash.update(request);
  send(request);
  const std::optional<Octets> challenged = receive_frame();
  if (!challenged || challenged->size() < smb2::kHeaderSize) return Status::connection_reset;
  hash.update(*challenged);
  session_id_ = smb2::decode_header(*challenged)->session_id;
  constexpr std::string_view kSignature("NTLMSSP\0", 8);
  const auto start =
      std::search(challenged->begin(), challenged->end(), kSignature.begin(), kSignature.end());
  std::string error;
  const Octets proof = ntlm.wrap_next(
      ntlm.authenticate(Octets(start, challenged->end()), *nt_hash(password, error)));
  request = message(Command::session_setup, setup_body(proof, 0));
  hash.update(request);
  send(request);
  const std::optional<Answer> answer = receive();
  if (!answer) return Status::connection_reset;
  if (failed(answer->status())) return answer->status();
  auth::SessionKeys keys =
      auth::derive_session_keys(dialect_, cipher_, ntlm.session_key, hash.value());
  signer_.emplace(dialect_ == smb2::kDialect311 ? kGmac : auth::default_signing_algorithm(dialect_),
                  keys.signing);
  std::swap(keys.encryption, keys.decryption);
  if (cipher_ != auth::Cipher::none) sealer_.emplace(cipher_, keys);
  return Status::success;
}

Status RawClient::tree_connect(const std::string& share) {
  const std::optional<Answer> answer = ask(Command::tree_connect, tree_connect_body(share));
  if (!answer) return Status::connection_reset;
  tree_id_ = answer->header.tree_id;
  return answer->status();
}

Status RawClient::create(const std::string& path, std::uint32_t disposition, std::uint32_t access) {
  const std::optional<Answer> answer =
      ask(Command::create, create_body(path, disposition, 0, access));
  if (!answer) return Status::connection_reset;
  if (failed(answer->status())) return answer->status();
  file = file_id(answer->body);
  return answer->status();
}

bool RawClient::send(ConstBytes frame) {
  return send_bytes(framed(frame));
}

bool RawClient::send_bytes(ConstBytes bytes) {
  while (!bytes.empty()) {
    if (!wait_for(socket_.get(), POLLOUT)) return false;
    const ssize_t count =
        ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

bool RawClient::send_what_fits(ConstBytes frame) {
  const Octets bytes = framed(frame);
  const ssize_t count =
      ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  return count == static_cast<ssize_t>(bytes.size());
}

std::optional<Octets> RawClient::receive_frame() {
  Octets prefix(4);
  Octets frame;
  const auto read_all = [this](Bytes out) {
    while (!out.empty()) {
      if (!wait_for(socket_.get(), POLLIN)) return false;
      const ssize_t count = recv(socket_.get(), out.data(), out.size(), 0);
      if (count <= 0) return false;
      out = out.subspan(static_cast<std::size_t>(count));
    }
    return true;
  };
  if (!socket_ || !read_all(prefix)) return std::nullopt;
  frame.resize(std::size_t{prefix[1]} << 16 | std::size_t{prefix[2]} << 8 | prefix[3]);
  return read_all(frame) ? std::optional(std::move(frame)) : std::nullopt;
}

std::optional<RawClient::Answer> RawClient::receive() {
  std::optional<Octets> frame = receive_frame();
  if (!frame) return std::nullopt;
  if (auth::is_sealed(*frame)) {
    if (!sealer_ || !sealer_->open(*frame)) return std::nullopt;
    frame->erase(frame->begin(), frame->begin() + auth::transform_header_size);
  }
  const std::optional<smb2::Header> header = smb2::decode_header(*frame);
  if (!header) return std::nullopt;
  return Answer{*header, Octets(frame->begin() + smb2::kHeaderSize, frame->end())};
}

std::optional<RawClient::Answer> RawClient::ask(Command command, ConstBytes body) {
  if (!send(message(command, body))) return std::nullopt;
  return receive();
}

bool RawClient::is_closed() {
  std::array<char, 65536> ignored{};
  while (wait_for(socket_.get(), POLLIN)) {
    if (recv(socket_.get(), ignored.data(), ignored.size(), 0) <= 0) return true;
  }
  return false;
}

}  // namespace understudy
