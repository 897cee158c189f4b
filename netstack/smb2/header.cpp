#include "netstack/smb2/header.h"

#include <algorithm>
#include <array>

#include "iomgr/check.h"
#include "iomgr/wire.h"

namespace understudy::smb2 {
namespace {

constexpr std::uint32_t kProtocolId = 0x424D53FE;  // FE 'SMB'

}  // namespace

std::optional<Header> decode_header(ConstBytes message) {
  if (message.size() < kHeaderSize) return std::nullopt;
  WireReader reader(message);
  Header header;
  const std::uint32_t protocol_id = reader.u32();
  const std::uint16_t structure_size = reader.u16();
  header.credit_charge = reader.u16();
  header.status = reader.u32();
  header.command = reader.u16();
  header.credits = reader.u16();
  header.flags = reader.u32();
  header.next_command = reader.u32();
  header.message_id = reader.u64();
  header.reserved = reader.u32();
  header.tree_id = reader.u32();
  header.session_id = reader.u64();
  if (protocol_id != kProtocolId || structure_size != kHeaderSize) return std::nullopt;
  return header;
}

void encode_header(const Header& header, Bytes out) {
  UNDERSTUDY_CHECK(out.size() >= kHeaderSize);
  WireWriter writer;
  writer.u32(kProtocolId);
  writer.u16(kHeaderSize);
  writer.u16(header.credit_charge);
  writer.u32(header.status);
  writer.u16(header.command);
  writer.u16(header.credits);
  writer.u32(header.flags);
  writer.u32(header.next_command);
  writer.u64(header.message_id);
  writer.u32(header.reserved);
  writer.u32(header.tree_id);
  writer.u64(header.session_id);
  writer.zeros(kHeaderSize - writer.size());
  std::copy(writer.bytes().begin(), writer.bytes().end(), out.begin());
}

std::vector<Message> split_compound(ConstBytes frame, std::size_t offset) {
  std::vector<Message> messages;
  while (true) {
    const ConstBytes rest = frame.subspan(offset);
    const std::optional<Header> header = decode_header(rest);
    if (!header) return {};
    const std::size_t next = header->next_command;
    if (next == 0) {
      messages.push_back({*header, rest, offset});
      return messages;
    }
    if (next < kHeaderSize || next % 8 != 0 || next > rest.size()) return {};
    messages.push_back({*header, rest.first(next), offset});
    offset += next;
  }
}

}  // namespace understudy::smb2
