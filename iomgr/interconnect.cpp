#include "iomgr/interconnect.h"

#include <algorithm>

#include "iomgr/bounds.h"
#include "iomgr/check.h"
#include "iomgr/hmac.h"
#include "iomgr/record.h"
#include "iomgr/wire.h"

namespace understudy::interconnect {
namespace {

constexpr std::size_t kCrcStart = kHeaderBytes - 4;

static_assert(kHeaderBytes + bounds::kMaxRecord <= bounds::kMaxInterconnectMessage);

/// What a message of one type may look like.
struct Shape {
  std::string_view name;
  std::size_t shortest_body;
  std::size_t longest_body;
  bool has_place;   // lun, epoch and lsn mean something; zero otherwise
  bool has_status;  // success otherwise
  std::uint8_t flags;
};

constexpr std::array<Shape, 12> kShapes = {{
    {},
    {"hello", 4 + kNonceBytes, kMaxSmallBody, false, false, 0},
    {"challenge", 4 + kNonceBytes, kMaxSmallBody, false, false, 0},
    {"proof", kMacBytes + 8, kMacBytes + 8, false, false, 0},
    {"begin", 0, 0, true, false, 0},
    {"append", sizeof(RecordHeader), bounds::kMaxRecord, true, false, 0},
    {"ack", 0, 0, true, false, 0},
    {"purge", 0, 0, true, false, 0},
    {"failed", 0, 0, true, true, 0},
    {"refuse", 0, 0, true, true, 0},
    {"echo", 0, 0, false, false, kAnswer},
    {"room", 8, 8, false, false, 0},
}};

const Shape* shape_of(Message type) {
  const auto index = static_cast<std::size_t>(type);
  return index == 0 || index >= kShapes.size() ? nullptr : &kShapes[index];
}

bool fits(const Header& header, const Shape& shape) {
  const bool placed = header.lun != 0 || header.epoch != 0 || header.lsn != 0;
  return header.length >= shape.shortest_body && header.length <= shape.longest_body &&
         (header.flags & ~shape.flags) == 0 && (shape.has_place || !placed) &&
         (shape.has_status ? failed(header.status) : header.status == Status::success) &&
         header.sequence != 0;
}

std::uint32_t read_u32(ConstBytes bytes) {
  return WireReader(bytes).u32();
}

void put_text(WireWriter& writer, std::string_view text) {
  UNDERSTUDY_CHECK(text.size() <= kMaxNodeName);
  writer.u8(static_cast<std::uint8_t>(text.size()));
  writer.append(as_bytes(text));
}

std::string take_text(WireReader& reader) {
  const std::size_t length = reader.u8();
  if (length > kMaxNodeName) reader.skip(reader.remaining() + 1);
  return std::string(as_text(reader.take(length)));
}

}  // namespace

std::string_view to_string(Message type) {
  const Shape* shape = shape_of(type);
  return shape == nullptr ? "?" : shape->name;
}

void encode_header(const Header& header, ConstBytes body, Bytes out) {
  const Shape* shape = shape_of(header.type);
  UNDERSTUDY_CHECK(shape != nullptr && fits(header, *shape) && out.size() == kHeaderBytes);
  WireWriter writer;
  writer.u32(kMagic);
  writer.u16(kVersion);
  writer.u8(static_cast<std::uint8_t>(header.type));
  writer.u8(header.flags);
  writer.u32(header.length);
  writer.u32(header.lun);
  writer.u64(header.sequence);
  writer.u64(header.epoch);
  writer.u64(header.lsn);
  writer.u32(static_cast<std::uint32_t>(header.status));
  writer.u32(crc32c(body, crc32c(writer.bytes())));
  std::ranges::copy(writer.bytes(), out.begin());
}

Result<Header> decode_header(ConstBytes bytes) {
  WireReader reader(bytes);
  const std::uint32_t magic = reader.u32();
  const std::uint16_t version = reader.u16();
  Header header;
  header.type = static_cast<Message>(reader.u8());
  header.flags = reader.u8();
  header.length = reader.u32();
  header.lun = reader.u32();
  header.sequence = reader.u64();
  header.epoch = reader.u64();
  header.lsn = reader.u64();
  header.status = static_cast<Status>(reader.u32());
  if (!reader.ok() || magic != kMagic) return Status::data_error;
  if (version != kVersion) return Status::revision_mismatch;
  const Shape* shape = shape_of(header.type);
  if (shape == nullptr || !fits(header, *shape)) return Status::data_error;
  return header;
}

std::uint16_t version_in(ConstBytes header) {
  WireReader reader(header);
  reader.skip(4);
  return reader.u16();
}

Status verify(ConstBytes header, ConstBytes body) {
  UNDERSTUDY_CHECK(header.size() == kHeaderBytes);
  const std::uint32_t expected = crc32c(body, crc32c(header.first(kCrcStart)));
  return read_u32(header.subspan(kCrcStart)) == expected ? Status::success : Status::crc_error;
}

std::vector<std::uint8_t> encode(const Hello& hello) {
  WireWriter writer;
  put_text(writer, hello.node);
  put_text(writer, hello.partner);
  writer.append(hello.nonce);
  return writer.release();
}

std::optional<Hello> decode_hello(ConstBytes body) {
  WireReader reader(body);
  Hello hello;
  hello.node = take_text(reader);
  hello.partner = take_text(reader);
  const ConstBytes nonce = reader.take(kNonceBytes);
  if (!reader.ok() || reader.remaining() != 0 || hello.node.empty() || hello.partner.empty()) {
    return std::nullopt;
  }
  std::ranges::copy(nonce, hello.nonce.begin());
  return hello;
}

std::vector<std::uint8_t> encode(const Proof& proof) {
  WireWriter writer;
  writer.append(proof.mac);
  writer.u64(proof.room);
  return writer.release();
}

std::optional<Proof> decode_proof(ConstBytes body) {
  WireReader reader(body);
  Proof proof;
  const ConstBytes mac = reader.take(kMacBytes);
  proof.room = reader.u64();
  if (!reader.ok() || reader.remaining() != 0) return std::nullopt;
  std::ranges::copy(mac, proof.mac.begin());
  return proof;
}

std::vector<std::uint8_t> encode_room(std::uint64_t bytes) {
  WireWriter writer;
  writer.u64(bytes);
  return writer.release();
}

std::optional<std::uint64_t> decode_room(ConstBytes body) {
  WireReader reader(body);
  const std::uint64_t bytes = reader.u64();
  if (!reader.ok() || reader.remaining() != 0) return std::nullopt;
  return bytes;
}

Proof prove(Layer role, ConstBytes key, const Hello& hello, const Hello& challenge,
            std::uint64_t room) {
  WireWriter said;
  said.append(as_bytes("understudy interconnect"));
  said.u16(kVersion);
  said.u8(static_cast<std::uint8_t>(role));
  said.append(encode(hello));
  said.append(encode(challenge));
  said.u64(room);
  return {hmac_sha256(key, said.bytes()), room};
}

bool equal(const Proof& one, const Proof& other) {
  return equal_in_constant_time(one.mac, other.mac);
}

Irp to_trace(const Header& header) {
  Irp irp;
  irp.major = Major::mirror;
  irp.minor = static_cast<std::uint8_t>(header.type);
  irp.status = header.status;
  irp.lun = header.lun;
  irp.epoch = header.epoch;
  irp.lsn = header.lsn;
  return irp;
}

}  // namespace understudy::interconnect
