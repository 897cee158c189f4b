// The layout of a packet stands in tools/wireshark/understudy.lua.
#include <ostream>

#include "iomgr/wire.h"
#include "tools/stepper/export.h"

namespace understudy::stepper {
namespace {

constexpr std::uint32_t kMagicWithNanoseconds = 0xA1B23C4D;
constexpr std::uint32_t kUser0 = 147;
constexpr std::uint32_t kSnapLength = 65'535;
constexpr std::uint8_t kPacketVersion = 1;
constexpr std::int64_t kSecond_ns = 1'000'000'000;

void put_text(WireWriter& out, const std::string& text) {
  out.u8(static_cast<std::uint8_t>(text.size()));
  out.append(as_bytes(text));
}

/// Of a pair; empty if there is no other node.
std::string partner_of(const Recording& recording, const std::string& node) {
  for (const std::string& each : recording.nodes) {
    if (each != node) return each;
  }
  return {};
}

WireWriter packet_of(const Recording& recording, const Point& point) {
  const TraceEntry& entry = point.entry;
  const bool is_sent = entry.hop == Hop::message_out;
  const std::string partner = partner_of(recording, point.node);
  WireWriter packet;
  packet.u8(kPacketVersion);
  packet.u8(is_sent ? 1 : 2);
  packet.u8(static_cast<std::uint8_t>(is_sent ? entry.layer : entry.neighbour));
  packet.u8(static_cast<std::uint8_t>(is_sent ? entry.neighbour : entry.layer));
  packet.u8(entry.minor);
  packet.zeros(3);
  packet.u32(entry.lun);
  packet.u32(static_cast<std::uint32_t>(entry.status));
  packet.u64(entry.epoch);
  packet.u64(entry.lsn);
  put_text(packet, is_sent ? point.node : partner);
  put_text(packet, is_sent ? partner : point.node);
  return packet;
}

void put(std::ostream& out, const WireWriter& bytes) {
  out.write(reinterpret_cast<const char*>(bytes.bytes().data()),
            static_cast<std::streamsize>(bytes.size()));
}

}  // namespace

void export_pcap(const Recording& recording, std::ostream& out) {
  WireWriter header;
  header.u32(kMagicWithNanoseconds);
  header.u16(2);
  header.u16(4);
  header.zeros(8);  // zone and accuracy: nobody fills them in
  header.u32(kSnapLength);
  header.u32(kUser0);
  put(out, header);
  // The clocks of the nodes start anywhere; what is known is when the recording did.
  std::int64_t begin_ns = 0;
  for (const Point& point : recording.points) begin_ns = std::min(begin_ns, point.entry.time_ns);
  if (recording.started_ns != 0 && !recording.points.empty())
    begin_ns = recording.points.front().entry.time_ns;
  for (const Point& point : recording.points) {
    if (point.entry.hop != Hop::message_out && point.entry.hop != Hop::message_in) continue;
    const std::int64_t time_ns =
        std::max(std::int64_t{0}, recording.started_ns + (point.entry.time_ns - begin_ns));
    const WireWriter packet = packet_of(recording, point);
    WireWriter record;
    record.u32(static_cast<std::uint32_t>(time_ns / kSecond_ns));
    record.u32(static_cast<std::uint32_t>(time_ns % kSecond_ns));
    record.u32(static_cast<std::uint32_t>(packet.size()));
    record.u32(static_cast<std::uint32_t>(packet.size()));
    put(out, record);
    put(out, packet);
  }
}

}  // namespace understudy::stepper
