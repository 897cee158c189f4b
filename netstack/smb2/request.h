// One request on its way through its command's handler, and the reply that the handler makes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "iomgr/wire.h"
#include "netstack/smb2/header.h"
#include "netstack/smb2/session.h"

namespace understudy::smb2 {

class Compound;

struct Request {
  Compound* compound = nullptr;  // that it is part of; see Compound::pend
  Header header;
  ConstBytes message;          // header, body, padding: what a signature covers
  std::uint64_t arena_offset;  // of message, for payload that stays where it is
  bool related = false;
  bool signed_ = false;  // and the signature was right
  bool sealed = false;   // it came encrypted, by the session that it names

  // What the header and the body name, looked up before the handler runs (Needs in command.h).
  std::shared_ptr<Session> session;
  std::shared_ptr<Tree> tree;
  std::shared_ptr<Open> open;

  /// At the body's StructureSize field.
  WireReader body() const { return WireReader(message.subspan(kHeaderSize)); }
  /// The `length` bytes that the body says lie at `offset` from the start of the header. nullopt
  /// when they are not all in the message behind the header.
  std::optional<ConstBytes> buffer(std::uint32_t offset, std::uint32_t length) const {
    if (length == 0) return ConstBytes{};
    if (offset < kHeaderSize || offset > message.size() || length > message.size() - offset) {
      return std::nullopt;
    }
    return message.subspan(offset, length);
  }
};

/// A handler fills in the body; header and signature come afterwards. A failure with no body gets
/// the ERROR response (MS-SMB2 section 2.2.2).
class Reply {
 public:
  Reply(Bytes room, std::uint64_t arena_offset) : room_(room), arena_offset_(arena_offset) {}

  /// Room for the body, and where it lies in the arena.
  Bytes room() const { return room_; }
  std::uint64_t arena_offset() const { return arena_offset_; }

  /// The room is elsewhere from now on; nothing has been put yet.
  void move_to(Bytes room, std::uint64_t arena_offset) {
    room_ = room;
    arena_offset_ = arena_offset;
  }

  /// The body; it replaces what was there. False, and no body, when there is no room for it.
  bool put(ConstBytes head, ConstBytes tail = {});
  /// The body that means nothing but success: StructureSize 4 and two reserved bytes.
  void put_empty();
  /// The body is what the handler wrote itself into the first `size` bytes of the room.
  void set_size(std::size_t size) { size_ = size; }
  std::size_t size() const { return size_; }

  /// Sent with a failure: ErrorData of the ERROR response.
  std::vector<std::uint8_t> error_data;

  /// What the header says, when it is not what the request's said.
  std::optional<std::uint32_t> tree_id;
  std::optional<std::uint64_t> session_id;

  /// Who signs; set before the handler from the request, and by SESSION_SETUP.
  std::shared_ptr<auth::Signer> signer;
  /// The hash that goes on over this reply when it is complete (section 3.3.5.4 and 3.3.5.5).
  std::shared_ptr<auth::PreauthIntegrityHash> hash;

 private:
  Bytes room_;
  std::uint64_t arena_offset_;
  std::size_t size_ = 0;
};

}  // namespace understudy::smb2
