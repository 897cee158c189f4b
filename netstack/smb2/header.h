// The 64 bytes before every SMB2 message (MS-SMB2 section 2.2.1), and the splitting of a compound.
//
//     0 ┌───────────────┬───────┬───────┬───────────────┬───────┬───────┐
//       │ FE 'S' 'M' 'B'│ size  │ charge│ status        │command│credits│
//    16 ├───────────────┼───────┴───────┼───────────────┴───────┴───────┤
//       │ flags         │ next command  │ message id                    │
//    32 ├───────────────┼───────────────┼───────────────────────────────┤
//       │ reserved      │ tree id       │ session id                    │
//       │   (or async id, 64 bits)      │                               │
//    48 ├───────────────┴───────────────┴───────────────────────────────┤
//       │ signature                                                     │
//    64 └───────────────────────────────────────────────────────────────┘
#pragma once

#include <optional>
#include <vector>

#include "iomgr/bytes.h"
#include "iomgr/status.h"
#include "netstack/smb2/protocol.h"

namespace understudy::smb2 {

inline constexpr std::size_t kHeaderSize = 64;

struct Header {
  std::uint16_t credit_charge = 0;
  std::uint32_t status = 0;   // of a response; of a request: ChannelSequence
  std::uint16_t command = 0;  // as it came: it may be none of Command
  std::uint16_t credits = 0;  // asked for, or granted
  std::uint32_t flags = 0;
  std::uint32_t next_command = 0;
  std::uint64_t message_id = 0;
  std::uint32_t reserved = 0;
  std::uint32_t tree_id = 0;
  std::uint64_t session_id = 0;

  bool is(Command which) const { return command == static_cast<std::uint16_t>(which); }
  bool has(std::uint32_t flag) const { return (flags & flag) != 0; }
  std::uint16_t channel_sequence() const { return static_cast<std::uint16_t>(status); }
};

/// nullopt: too short, or not the header of an SMB2 message.
std::optional<Header> decode_header(ConstBytes message);
/// Writes all 64 bytes, the signature as zeros. `out` has at least so many.
void encode_header(const Header& header, Bytes out);

/// One message of a frame: header, body, and in a compound the padding before the next.
struct Message {
  Header header;
  ConstBytes bytes;
  std::size_t offset = 0;  // in the frame
};

/// The messages of one frame from `offset` on; empty if the chain of NextCommand
/// (section 3.3.5.2.7) leads out of the frame, is not aligned to 8 bytes, or passes something that
/// is not SMB2.
std::vector<Message> split_compound(ConstBytes frame, std::size_t offset = 0);

}  // namespace understudy::smb2
