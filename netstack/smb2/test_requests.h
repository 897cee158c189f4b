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
                               const std::vector<std::uint16_t>& ciphers = {},
                               std::uint8_t guid = 0xC0) {
    WireWriter body;
    body.u16(36);
    body.u16(static_cast<std::uint16_t>(dialects.size()));
    body.u16(1);
    body.u16(0);
    body.u32(0x7F);
    for (int i = 0; i < 16; ++i) body.u8(guid);
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
  /// The body of a CREATE with contexts behind it (section 2.2.13.2), by name and data.
  static Octets with_contexts(Octets body,
                              const std::vector<std::pair<std::string_view, Octets>>& contexts) {
    body.resize((body.size() + 7) / 8 * 8);
    WireWriter chain;
    for (std::size_t i = 0; i < contexts.size(); ++i) {
      const auto& [name, data] = contexts[i];
      const std::size_t data_at = (16 + name.size() + 7) / 8 * 8;
      const std::size_t size = (data_at + data.size() + 7) / 8 * 8;
      chain.u32(i + 1 < contexts.size() ? static_cast<std::uint32_t>(size) : 0);
      chain.u16(16);
      chain.u16(static_cast<std::uint16_t>(name.size()));
      chain.u16(0);
      chain.u16(static_cast<std::uint16_t>(data_at));
      chain.u32(static_cast<std::uint32_t>(data.size()));
      chain.append(as_bytes(name));
      chain.align(8);
      chain.append(data);
      if (i + 1 < contexts.size()) chain.align(8);
    }
    WireWriter place;
    place.u32(static_cast<std::uint32_t>(kHeaderSize + body.size()));
    place.u32(static_cast<std::uint32_t>(chain.size()));
    std::copy(place.bytes().begin(), place.bytes().end(), body.begin() + 48);
    body.insert(body.end(), chain.bytes().begin(), chain.bytes().end());
    return body;
  }
  /// The file of a CREATE's answer.
  static FileId file_id(ConstBytes body) {
    WireReader reader(body);
    reader.seek(64);
    FileId id;
    id.persistent = reader.u64();
    id.of_session = reader.u64();
    return id;
  }
  /// Data of the context "RqLs"; each byte of its key is 0xAB.
  static Octets lease(std::uint8_t version, std::uint32_t state) {
    WireWriter data;
    data.append(Octets(16, 0xAB));
    data.u32(state);
    data.u32(0);
    data.u64(0);
    if (version == 2) {
      data.zeros(16);
      data.u16(5);
      data.u16(0);
    }
    return data.release();
  }
  // Data of the contexts of durable handles.
  static constexpr std::uint8_t kGuid = 0x77;  // each byte of the create GUID
  static Octets durable_v2(std::uint32_t flags = 0, std::uint8_t guid = kGuid) {
    WireWriter data;
    data.u32(0);
    data.u32(flags);
    data.u64(0);
    data.append(Octets(16, guid));
    return data.release();
  }
  static Octets reconnect(FileId id) {
    WireWriter data;
    put(data, id);
    return data.release();
  }
  static Octets reconnect_v2(FileId id, std::uint32_t flags = 0, std::uint8_t guid = kGuid) {
    WireWriter data;
    put(data, id);
    data.append(Octets(16, guid));
    data.u32(flags);
    return data.release();
  }
  static constexpr std::string_view kAppInstance{
      "\x45\xBC\xA6\x6A\xEF\xA7\xF7\x4A\x90\x08\xFA\x46\x2E\x14\x4D\x74", 16};
  static Octets app_instance() {
    Octets data(20, 0x55);
    data[0] = 20;
    data[1] = data[2] = data[3] = 0;
    return data;
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
