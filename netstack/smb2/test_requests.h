// For tests: the bodies of the requests of an SMB2 client (MS-SMB2 section 2.2), as plain bytes.
// Whoever sends them adds the header, the signature and the stream.
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

#include "iomgr/unicode.h"
#include "iomgr/wire.h"
#include "netstack/smb2/header.h"
#include "netstack/smb2/open.h"

namespace understudy::smb2 {

using Octets = std::vector<std::uint8_t>;

struct TestRequests {
  static Octets negotiate_body(const std::vector<std::uint16_t>& dialects,
                               const std::vector<std::uint16_t>& signing,
                               const std::vector<std::uint16_t>& ciphers = {}) {
    WireWriter body;
    body.u16(36);
    body.u16(static_cast<std::uint16_t>(dialects.size()));
    body.u16(1);
    body.u16(0);
    body.u32(0x7F);
    for (int i = 0; i < 16; ++i) body.u8(0xC0);
    const bool newest = std::find(dialects.begin(), dialects.end(), kDialect311) != dialects.end();
    const std::size_t list_end = kHeaderSize + 36 + 2 * dialects.size();
    body.u32(newest ? static_cast<std::uint32_t>((list_end + 7) / 8 * 8) : 0);
    body.u16(newest ? (ciphers.empty() ? 2 : 3) : 0);
    body.u16(0);
    for (const std::uint16_t each : dialects) body.u16(each);
    if (newest) {
      body.align(8);
      body.u16(1);
      body.u16(38);
      body.u32(0);
      body.u16(1);
      body.u16(32);
      body.u16(1);
      body.zeros(32);
      body.align(8);
      body.u16(8);
      body.u16(static_cast<std::uint16_t>(2 + 2 * signing.size()));
      body.u32(0);
      body.u16(static_cast<std::uint16_t>(signing.size()));
      for (const std::uint16_t each : signing) body.u16(each);
    }
    if (newest && !ciphers.empty()) {
      body.align(8);
      body.u16(2);
      body.u16(static_cast<std::uint16_t>(2 + 2 * ciphers.size()));
      body.u32(0);
      body.u16(static_cast<std::uint16_t>(ciphers.size()));
      for (const std::uint16_t each : ciphers) body.u16(each);
    }
    return body.release();
  }
  static Octets setup_body(ConstBytes token, std::uint64_t previous_session,
                           std::uint8_t setup_flags = 0) {
    WireWriter body;
    body.u16(25);
    body.u8(setup_flags);
    body.u8(1);
    body.u32(0);
    body.u32(0);
    body.u16(kHeaderSize + 24);
    body.u16(static_cast<std::uint16_t>(token.size()));
    body.u64(previous_session);
    body.append(token);
    return body.release();
  }
  static Octets tree_connect_body(std::string_view share) {
    const Octets path = *utf16le_from_utf8("\\\\house\\" + std::string(share));
    WireWriter body;
    body.u16(9);
    body.u16(0);
    body.u16(kHeaderSize + 8);
    body.u16(static_cast<std::uint16_t>(path.size()));
    body.append(path);
    return body.release();
  }
  static Octets create_body(std::string_view path, std::uint32_t disposition = 3,
                            std::uint32_t options = 0, std::uint32_t access = 0x02000000) {
    const Octets name = *utf16le_from_utf8(path);
    WireWriter body;
    body.u16(57);
    body.u16(0);
    body.u32(2);
    body.zeros(16);
    body.u32(access);
    body.u32(0);
    body.u32(7);
    body.u32(disposition);
    body.u32(options);
    body.u16(kHeaderSize + 56);
    body.u16(static_cast<std::uint16_t>(name.size()));
    body.u64(0);
    body.append(name);
    body.u8(0);
    return body.release();
  }
  static void put(WireWriter& body, FileId id) {
    body.u64(id.persistent);
    body.u64(id.of_session);
  }
  static Octets read_body(FileId id, std::uint64_t offset, std::uint32_t length) {
    WireWriter body;
    body.u16(49);
    body.u16(0);
    body.u32(length);
    body.u64(offset);
    put(body, id);
    body.zeros(17);
    return body.release();
  }
  static Octets write_body(FileId id, std::uint64_t offset, std::string_view data) {
    WireWriter body;
    body.u16(49);
    body.u16(kHeaderSize + 48);
    body.u32(static_cast<std::uint32_t>(data.size()));
    body.u64(offset);
    put(body, id);
    body.zeros(16);
    body.append(as_bytes(data));
    return body.release();
  }
  static Octets close_body(FileId id, std::uint16_t close_flags = 0) {
    WireWriter body;
    body.u16(24);
    body.u16(close_flags);
    body.u32(0);
    put(body, id);
    return body.release();
  }
  static Octets flush_body(FileId id) {
    WireWriter body;
    body.u16(24);
    body.zeros(6);
    put(body, id);
    return body.release();
  }
  static Octets query_body(FileId id, std::uint8_t type, std::uint8_t which, std::uint32_t room,
                           std::uint32_t additional = 0) {
    WireWriter body;
    body.u16(41);
    body.u8(type);
    body.u8(which);
    body.u32(room);
    body.zeros(8);
    body.u32(additional);
    body.u32(0);
    put(body, id);
    body.u8(0);
    return body.release();
  }
  static Octets set_body(FileId id, std::uint8_t which, ConstBytes data) {
    WireWriter body;
    body.u16(33);
    body.u8(1);
    body.u8(which);
    body.u32(static_cast<std::uint32_t>(data.size()));
    body.u16(kHeaderSize + 32);
    body.zeros(6);
    put(body, id);
    body.append(data);
    return body.release();
  }
  static Octets list_body(FileId id, std::uint8_t which, std::uint32_t room,
                          std::uint8_t list_flags = 0) {
    const Octets pattern = *utf16le_from_utf8("*");
    WireWriter body;
    body.u16(33);
    body.u8(which);
    body.u8(list_flags);
    body.u32(0);
    put(body, id);
    body.u16(kHeaderSize + 32);
    body.u16(static_cast<std::uint16_t>(pattern.size()));
    body.u32(room);
    body.append(pattern);
    return body.release();
  }
  static Octets ioctl_body(FileId id, std::uint32_t code, ConstBytes input, std::uint32_t room) {
    WireWriter body;
    body.u16(57);
    body.u16(0);
    body.u32(code);
    put(body, id);
    body.u32(kHeaderSize + 56);
    body.u32(static_cast<std::uint32_t>(input.size()));
    body.u32(0);
    body.u32(0);
    body.u32(0);
    body.u32(room);
    body.u32(1);
    body.u32(0);
    body.append(input);
    body.u8(0);
    return body.release();
  }
  static Octets notify_body(FileId id, std::uint32_t room = 4096, std::uint16_t flags = 0,
                            std::uint32_t filter = 0xFFF) {
    WireWriter writer;
    writer.u16(32);
    writer.u16(flags);
    writer.u32(room);
    writer.u64(id.persistent);
    writer.u64(id.of_session);
    writer.u32(filter);
    writer.u32(0);
    return writer.release();
  }
  struct LockElement {
    std::uint64_t offset;
    std::uint64_t length;
    std::uint32_t flags;
  };
  static Octets lock_body(FileId id, const std::vector<LockElement>& elements,
                          std::uint32_t sequence = 0) {
    WireWriter writer;
    writer.u16(48);
    writer.u16(static_cast<std::uint16_t>(elements.size()));
    writer.u32(sequence);
    writer.u64(id.persistent);
    writer.u64(id.of_session);
    for (const LockElement& element : elements) {
      writer.u64(element.offset);
      writer.u64(element.length);
      writer.u32(element.flags);
      writer.u32(0);
    }
    if (elements.empty()) writer.zeros(24);
    return writer.release();
  }
  static Octets empty_body() { return {4, 0, 0, 0}; }
};

}  // namespace understudy::smb2
