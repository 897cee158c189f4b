#include "cluster_app/secure_lines.h"

#include <array>

#include "iomgr/bounds.h"
#include "iomgr/hex.h"
#include "iomgr/hmac.h"
#include "iomgr/json_fields.h"

namespace understudy {
namespace {

constexpr std::size_t kNonceBytes = 32;
constexpr std::size_t kMacDigits = 64;
constexpr std::size_t kLongestHello =
    4096;  // before the peer has proved itself it gets no more than this

std::string hmac_hex(std::string_view key, std::string_view text) {
  return to_hex(hmac_sha256(as_bytes(key), as_bytes(text)));
}

bool same(std::string_view one, std::string_view other) {
  return equal_in_constant_time(as_bytes(one), as_bytes(other));
}

std::string fresh_nonce(Random& random) {
  std::array<std::uint8_t, kNonceBytes> bytes{};
  random.fill(bytes);
  return to_hex(bytes);
}

std::string proof_text(const std::string& proof) {
  return json::serialize(json::object{{"proof", proof}});
}

std::string line_text(char direction, std::uint64_t number, std::string_view text) {
  return std::string(1, direction) + std::to_string(number) + ' ' + std::string(text);
}

}  // namespace

std::string SecureLines::proof(std::string_view role, const Hello& dialler,
                               const Hello& listener) const {
  // JSON keeps the parts apart: no two different sets of parts give the same text.
  const json::array parts = {
      json::string(role),          json::string(dialler.who.node),  dialler.who.incarnation,
      json::string(dialler.nonce), json::string(listener.who.node), listener.who.incarnation,
      json::string(listener.nonce)};
  return hmac_hex(cluster_key_, json::serialize(parts));
}

void SecureLines::begin_session(const Hello& dialler, const Hello& listener, bool dialled) {
  session_key_ = proof("session", dialler, listener);
  out_ = dialled ? 'd' : 'l';
  in_ = dialled ? 'l' : 'd';
}

Task<Status> SecureLines::say_hello(const Hello& own, std::string own_proof) {
  json::object hello = {
      {"node", own.who.node}, {"incarnation", own.who.incarnation}, {"nonce", own.nonce}};
  if (!own_proof.empty()) hello["proof"] = own_proof;
  const Status status = co_await lines_.write(json::serialize(hello));
  co_return status;
}

Task<Status> SecureLines::dial(PeerIdentity self, std::string expected, Random& random) {
  const Hello own{std::move(self), fresh_nonce(random)};
  const Status greeted = co_await say_hello(own, {});
  if (failed(greeted)) co_return greeted;
  const Result<std::string> line = co_await lines_.read(kLongestHello);
  if (!line) co_return line.status();
  const auto answer = parse_object(*line);
  if (!answer) co_return Status::access_denied;
  const Hello theirs{{text_of(*answer, "node"), number_of(*answer, "incarnation")},
                     text_of(*answer, "nonce")};
  if (theirs.who.node != expected || theirs.nonce.size() != 2 * kNonceBytes ||
      !same(text_of(*answer, "proof"), proof("listener", own, theirs))) {
    co_return Status::access_denied;
  }
  const Status proved = co_await lines_.write(proof_text(proof("dialler", own, theirs)));
  if (failed(proved)) co_return proved;
  begin_session(own, theirs, true);
  peer_ = theirs.who;
  co_return Status::success;
}

Task<Status> SecureLines::answer(PeerIdentity self, std::string expected, Random& random) {
  const Hello own{std::move(self), fresh_nonce(random)};
  const Result<std::string> line = co_await lines_.read(kLongestHello);
  if (!line) co_return line.status();
  const auto hello = parse_object(*line);
  if (!hello) co_return Status::access_denied;
  const Hello theirs{{text_of(*hello, "node"), number_of(*hello, "incarnation")},
                     text_of(*hello, "nonce")};
  if (theirs.who.node != expected || theirs.nonce.size() != 2 * kNonceBytes)
    co_return Status::access_denied;
  const Status greeted = co_await say_hello(own, proof("listener", theirs, own));
  if (failed(greeted)) co_return greeted;
  const Result<std::string> last = co_await lines_.read(kLongestHello);
  if (!last) co_return last.status();
  const auto proved = parse_object(*last);
  if (!proved || !same(text_of(*proved, "proof"), proof("dialler", theirs, own)))
    co_return Status::access_denied;
  begin_session(theirs, own, false);
  peer_ = theirs.who;
  co_return Status::success;
}

Task<Result<std::string>> SecureLines::read() {
  const Result<std::string> line = co_await lines_.read(bounds::kMaxControlLine);
  if (!line) co_return line.status();
  if (line->size() <= kMacDigits) co_return Status::access_denied;
  const std::string_view mac = std::string_view(*line).substr(0, kMacDigits);
  const std::string_view text = std::string_view(*line).substr(kMacDigits + 1);
  if (!same(mac, hmac_hex(session_key_, line_text(in_, ++received_, text))))
    co_return Status::access_denied;
  co_return std::string(text);
}

Task<Status> SecureLines::write(std::string text) {
  // Numbered here and written in turn: LineStream keeps the order of the calls.
  const std::string mac = hmac_hex(session_key_, line_text(out_, ++sent_, text));
  const Status status = co_await lines_.write(mac + ' ' + text);
  co_return status;
}

}  // namespace understudy
