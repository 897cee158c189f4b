#include "netstack/smb2/facts.h"

#include "netstack/smb2/protocol.h"

namespace understudy::smb2 {

std::uint32_t wire_attributes(const FileFacts& facts) {
  std::uint32_t attributes = facts.attributes & ~(kAttributeNormal | kAttributeDirectory);
  if (facts.directory != 0) attributes |= kAttributeDirectory;
  return attributes == 0 ? kAttributeNormal : attributes;
}

void put_times(WireWriter& writer, const FileFacts& facts) {
  writer.u64(facts.creation_time);
  writer.u64(facts.access_time);
  writer.u64(facts.write_time);
  writer.u64(facts.change_time);
}

void put_open_facts(WireWriter& writer, const FileFacts& facts) {
  put_times(writer, facts);
  writer.u64(facts.allocation_size);
  writer.u64(facts.size);
  writer.u32(wire_attributes(facts));
}

}  // namespace understudy::smb2
