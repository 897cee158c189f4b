// The interconnect's format: what rd_driver and the partner's mirror_server say to each other over
// one stream of bytes. docs/interconnect.md draws it byte by byte and gives the rules of the
// conversation.
//
//     0 ┌─────────┬────┬──┬──┬─────────┬─────────┬───────────────────┬───────────────────┐
//       │ magic   │vers│ty│fl│ length  │ lun     │ sequence          │ epoch             │
//    32 ├─────────┴────┴──┴──┼─────────┼─────────┼───────────────────┴───────────────────┘
//       │ lsn                │ status  │ crc     │ body: `length` bytes
//    48 └────────────────────┴─────────┴─────────┘
// Little-endian. crc is CRC-32C of the header before it and of the body; not of the record that an
// append carries as its body, which has a CRC of its own, so that the sender never touches a
// record's bytes.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "iomgr/bytes.h"
#include "iomgr/executor.h"
#include "iomgr/irp.h"
#include "iomgr/result.h"

namespace understudy::interconnect {

inline constexpr std::uint32_t kMagic = 0x43495355;  // "USIC"
inline constexpr std::uint16_t kVersion = 1;
inline constexpr std::size_t kHeaderBytes = 48;
inline constexpr std::size_t kNonceBytes = 32;
inline constexpr std::size_t kMacBytes = 32;
inline constexpr std::size_t kMaxNodeName = 63;
inline constexpr std::size_t kMaxSmallBody = 2 * (1 + kMaxNodeName) + kNonceBytes;

/// rd_driver asks for an echo when it has heard nothing for this long ...
inline constexpr Duration kEchoAfter = std::chrono::milliseconds(500);
/// ... and either side gives the other up after this long without one whole message.
inline constexpr Duration kSilenceLimit = std::chrono::seconds(2);
/// Who has not proved by then that it knows the key is shown out.
inline constexpr Duration kHandshakeLimit = std::chrono::seconds(2);

/// The layers at its ends.
constexpr bool speaks(Layer layer) {
  return layer == Layer::rd_driver || layer == Layer::mirror_server;
}

enum class Message : std::uint8_t {
  hello = 1,      // rd_driver: its name, the partner's, a nonce
  challenge = 2,  // mirror_server: the same of its own
  proof = 3,      // both: HMAC over all of that; mirror_server's also tells how much room there is
  begin = 4,      // empty your store of `lun`; in `epoch` records come from `lsn` on
  append = 5,     // a record
  ack = 6,        // everything of `lun` up to `lsn` is stored
  purge = 7,      // everything of `lun` up to `lsn` is durable on the medium
  failed = 8,     // the medium refused a flush of `lun`: `status`
  refuse = 9,     // the message with this lun, epoch and lsn is not accepted: `status`
  echo = 10,      // are you there; with kAnswer: I am
  room = 11,      // mirror_server: so many bytes more have become free
};
std::string_view to_string(Message type);

/// Flag of an echo.
inline constexpr std::uint8_t kAnswer = 1;

struct Header {
  Message type = Message::echo;
  std::uint8_t flags = 0;
  std::uint32_t length = 0;  // of the body
  std::uint32_t lun = 0;
  std::uint64_t sequence = 0;  // 1 for the first message of each direction, then one more each
  std::uint64_t epoch = 0;
  std::uint64_t lsn = 0;
  Status status = Status::success;
};

/// Writes header and CRC to `out` (kHeaderBytes). `body`: what the CRC covers besides; empty for an
/// append.
void encode_header(const Header& header, ConstBytes body, Bytes out);

/// Reads kHeaderBytes. STATUS_REVISION_MISMATCH for another version; STATUS_DATA_ERROR for anything
/// that no sender of this version writes: magic, type, a length, flags or fields that its type does
/// not have.
Result<Header> decode_header(ConstBytes bytes);

/// The version in a header whose magic is right: what the error of decode_header is about.
std::uint16_t version_in(ConstBytes header);

/// Checks the CRC. STATUS_CRC_ERROR.
Status verify(ConstBytes header, ConstBytes body);

/// Body of hello and challenge.
struct Hello {
  std::string node;
  std::string partner;
  std::array<std::uint8_t, kNonceBytes> nonce{};
};
std::vector<std::uint8_t> encode(const Hello& hello);
std::optional<Hello> decode_hello(ConstBytes body);

/// Body of proof.
struct Proof {
  std::array<std::uint8_t, kMacBytes> mac{};
  std::uint64_t room = 0;  // bytes of records the store has room for; rd_driver says 0
};
std::vector<std::uint8_t> encode(const Proof& proof);
std::optional<Proof> decode_proof(ConstBytes body);

/// Body of room.
std::vector<std::uint8_t> encode_room(std::uint64_t bytes);
std::optional<std::uint64_t> decode_room(ConstBytes body);

/// The proof of one side: HMAC-SHA256 over its role, the version, both names, both nonces and the
/// room. The role is in it so that neither side's proof can be played back as the other's.
Proof prove(Layer role, ConstBytes key, const Hello& hello, const Hello& challenge,
            std::uint64_t room);
/// Compares in constant time.
bool equal(const Proof& one, const Proof& other);

/// Room that a record takes in a mirror store, with the block header before it: both sides count by
/// this.
constexpr std::uint64_t stored_bytes(std::uint64_t record_length) {
  return (record_length + 63) / 64 * 64 + 64;
}

/// A message as trace points show it: its place and status; `minor` is the message's type.
Irp to_trace(const Header& header);

}  // namespace understudy::interconnect
