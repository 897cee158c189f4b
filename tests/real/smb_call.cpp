#include "tests/real/smb_call.h"

#include <sys/socket.h>

#include <cerrno>

#include "iomgr/wire.h"

namespace understudy {
namespace {

void put_text(WireWriter& out, const std::string& text) {
  out.u32(static_cast<std::uint32_t>(text.size()));
  out.append(as_bytes(text));
}

std::string get_text(WireReader& in) {
  const std::uint32_t length = in.u32();
  return std::string(as_text(in.take(length)));
}

bool receive_all(int socket, Bytes out) {
  while (!out.empty()) {
    const ssize_t count = recv(socket, out.data(), out.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    out = out.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace

std::string_view to_string(SmbAnswer::Outcome outcome) {
  switch (outcome) {
    case SmbAnswer::Outcome::done:
      return "done";
    case SmbAnswer::Outcome::refused:
      return "refused";
    case SmbAnswer::Outcome::unanswered:
      return "unanswered";
    case SmbAnswer::Outcome::not_sent:
      return "not sent";
  }
  return "?";
}

std::vector<std::uint8_t> encode(const SmbCall& call) {
  WireWriter out;
  out.u8(static_cast<std::uint8_t>(call.kind));
  put_text(out, call.path);
  put_text(out, call.target);
  out.u64(call.offset);
  put_text(out, call.data);
  return out.release();
}

std::vector<std::uint8_t> encode(const SmbAnswer& answer) {
  WireWriter out;
  out.u8(static_cast<std::uint8_t>(answer.outcome));
  put_text(out, answer.error);
  put_text(out, answer.data);
  return out.release();
}

std::optional<SmbCall> decode_call(ConstBytes body) {
  WireReader in(body);
  SmbCall call;
  call.kind = static_cast<SmbCall::Kind>(in.u8());
  call.path = get_text(in);
  call.target = get_text(in);
  call.offset = in.u64();
  call.data = get_text(in);
  return in.ok() ? std::optional(call) : std::nullopt;
}

std::optional<SmbAnswer> decode_answer(ConstBytes body) {
  WireReader in(body);
  SmbAnswer answer;
  answer.outcome = static_cast<SmbAnswer::Outcome>(in.u8());
  answer.error = get_text(in);
  answer.data = get_text(in);
  return in.ok() ? std::optional(answer) : std::nullopt;
}

bool send_message(int socket, ConstBytes body) {
  WireWriter message;
  message.u32(static_cast<std::uint32_t>(body.size()));
  message.append(body);
  for (ConstBytes rest = message.bytes(); !rest.empty();) {
    const ssize_t count = send(socket, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    rest = rest.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

std::optional<std::vector<std::uint8_t>> receive_message(int socket) {
  std::uint8_t prefix[4];
  if (!receive_all(socket, prefix)) return std::nullopt;
  std::vector<std::uint8_t> body(WireReader(prefix).u32());
  if (!receive_all(socket, body)) return std::nullopt;
  return body;
}

}  // namespace understudy
