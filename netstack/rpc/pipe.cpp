#include "netstack/rpc/pipe.h"

#include <algorithm>

#include "iomgr/bounds.h"
#include "iomgr/unicode.h"
#include "iomgr/wire.h"
#include "netstack/rpc/srvsvc.h"

namespace understudy::rpc {
namespace {

// C706 section 12.6.3.1, PTYPE, and 12.6.4.
constexpr std::uint8_t kRequest = 0;
constexpr std::uint8_t kResponse = 2;
constexpr std::uint8_t kFault = 3;
constexpr std::uint8_t kBind = 11;
constexpr std::uint8_t kBindAck = 12;
constexpr std::uint8_t kFirstAndLast = 3;
constexpr std::size_t kHeader = 16;
constexpr std::uint16_t kMaxFragment = 4280;
constexpr std::uint32_t kDataRepresentation = 0x00000010;  // little-endian, ASCII, IEEE

constexpr std::array<std::uint8_t, 20> kNdr = {0x04, 0x5D, 0x88, 0x8A, 0xEB, 0x1C, 0xC9,
                                               0x11, 0x9F, 0xE8, 0x08, 0x00, 0x2B, 0x10,
                                               0x48, 0x60, 0x02, 0x00, 0x00, 0x00};

struct Pdu {
  std::uint8_t type = 0;
  std::uint32_t call_id = 0;
  ConstBytes body;
};

std::optional<Pdu> parse(ConstBytes bytes) {
  WireReader reader(bytes);
  Pdu pdu;
  const std::uint8_t version = reader.u8();
  reader.skip(1);
  pdu.type = reader.u8();
  const std::uint8_t flags = reader.u8();
  const std::uint32_t representation = reader.u32();
  const std::uint16_t length = reader.u16();
  const std::uint16_t auth_length = reader.u16();
  pdu.call_id = reader.u32();
  if (!reader.ok() || version != 5 || flags != kFirstAndLast ||
      representation != kDataRepresentation || length != bytes.size() || auth_length != 0) {
    return std::nullopt;
  }
  pdu.body = reader.rest();
  return pdu;
}

void begin(WireWriter& writer, std::uint8_t type, std::uint32_t call_id) {
  writer.u8(5);
  writer.u8(0);
  writer.u8(type);
  writer.u8(kFirstAndLast);
  writer.u32(kDataRepresentation);
  writer.u16(0);  // fragment length, by finish()
  writer.u16(0);
  writer.u32(call_id);
}

std::vector<std::uint8_t> finish(WireWriter& writer) {
  writer.patch<std::uint16_t>(8, static_cast<std::uint16_t>(writer.size()));
  return writer.release();
}

/// Accepts each presentation context that offers NDR, refuses the others. Empty: malformed, or more
/// contexts than any client has.
std::vector<std::uint8_t> bind_ack(const Pdu& bind) {
  WireReader reader(bind.body);
  reader.skip(8);
  const std::uint8_t contexts = reader.u8();
  reader.skip(3);
  if (contexts > bounds::kMaxRpcContexts) return {};
  constexpr std::string_view kAddress("\\PIPE\\srvsvc\0", 13);
  WireWriter writer;
  begin(writer, kBindAck, bind.call_id);
  writer.u16(kMaxFragment);
  writer.u16(kMaxFragment);
  writer.u32(1);  // association group
  writer.u16(static_cast<std::uint16_t>(kAddress.size()));
  writer.append(as_bytes(kAddress));
  writer.align(4);
  writer.u32(contexts);
  for (std::uint8_t i = 0; i < contexts; ++i) {
    reader.skip(2);
    const std::uint8_t syntaxes = reader.u8();
    reader.skip(1 + 20);
    bool ndr = false;
    for (std::uint8_t j = 0; j < syntaxes; ++j) {
      const ConstBytes syntax = reader.take(20);
      ndr = ndr || std::equal(syntax.begin(), syntax.end(), kNdr.begin(), kNdr.end());
    }
    writer.u16(ndr ? 0 : 2);  // acceptance, or provider rejection ...
    writer.u16(ndr ? 0 : 2);  // ... because the transfer syntaxes are not supported
    if (ndr) {
      writer.append(kNdr);
    } else {
      writer.zeros(kNdr.size());
    }
  }
  return reader.ok() ? finish(writer) : std::vector<std::uint8_t>();
}

std::vector<std::uint8_t> fault(std::uint32_t call_id) {
  constexpr std::uint32_t kOperationRange = 0x1C010002;  // nca_s_op_rng_error
  WireWriter writer;
  begin(writer, kFault, call_id);
  writer.u32(0);
  writer.u32(0);
  writer.u32(kOperationRange);
  writer.u32(0);
  return finish(writer);
}

/// The answer in fragments, as many as it takes.
std::vector<std::uint8_t> response(const Pdu& request, ConstBytes result) {
  constexpr std::size_t kPerFragment = kMaxFragment - kHeader - 8;
  std::vector<std::uint8_t> all;
  bool first = true;
  do {
    const ConstBytes part = result.first(std::min(result.size(), kPerFragment));
    result = result.subspan(part.size());
    WireWriter writer;
    begin(writer, kResponse, request.call_id);
    writer.patch<std::uint8_t>(
        3, static_cast<std::uint8_t>((first ? 1 : 0) | (result.empty() ? 2 : 0)));
    writer.u32(static_cast<std::uint32_t>(part.size() + result.size()));
    writer.u32(0);
    writer.append(part);
    const std::vector<std::uint8_t> fragment = finish(writer);
    all.insert(all.end(), fragment.begin(), fragment.end());
    first = false;
  } while (!result.empty());
  return all;
}

}  // namespace

Status Pipe::write(ConstBytes bytes) {
  if (!answer_.empty()) return Status::insufficient_resources;
  const std::optional<Pdu> pdu = parse(bytes);
  if (!pdu) return Status::invalid_parameter;
  if (pdu->type == kBind) {
    answer_ = bind_ack(*pdu);
  } else if (pdu->type == kRequest) {
    WireReader reader(pdu->body);
    reader.skip(6);
    const std::uint16_t operation = reader.u16();
    const ConstBytes arguments = reader.rest();
    const auto result = call_srvsvc(operation, arguments, *config_);
    answer_ = reader.ok() && result ? response(*pdu, *result) : fault(pdu->call_id);
  }
  return answer_.empty() ? Status::invalid_parameter : Status::success;
}

Result<std::vector<std::uint8_t>> Pipe::read(std::size_t most) {
  if (answer_.empty()) return Status::pipe_empty;
  const auto end = answer_.begin() + static_cast<std::ptrdiff_t>(std::min(most, answer_.size()));
  std::vector<std::uint8_t> part(answer_.begin(), end);
  answer_.erase(answer_.begin(), end);
  return part;
}

std::unique_ptr<Pipe> open_pipe(std::string_view name, std::shared_ptr<const ServerConfig> config) {
  if (name.starts_with('\\')) name.remove_prefix(1);
  if (fold(name) != "SRVSVC") return nullptr;
  return std::make_unique<Pipe>(std::move(config));
}

}  // namespace understudy::rpc
