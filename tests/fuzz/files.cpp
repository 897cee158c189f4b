// What a client that has logged on may say of a file, with a form that is right around it: the
// buffers of SET_INFO (MS-SMB2 section 2.2.39; MS-FSCC section 2.4), the inputs of IOCTL (section
// 2.2.31), names and patterns. Of security descriptors and extended attributes fs_cache has the
// parsers: descriptors.cpp.
#include "fs_cache/path.h"
#include "fs_cache/wildcard.h"
#include "tests/fuzz/logged_on.h"
#include "tests/fuzz/targets.h"

namespace understudy::fuzz {
namespace {

using smb2::Command;
using smb2::TestRequests;

constexpr std::size_t kMaxCalls = 16;
constexpr std::uint8_t kOnDirectory = 0x80;
constexpr std::size_t kInfoTypeAt = 2;

constexpr std::array<std::uint32_t, 16> kControls = {
    0x00060194, 0x000601B0, 0x001401FC, 0x00140204, 0x0011C017, 0x000900A8, 0x00140078, 0x001440F2,
    0x001480F2, 0x0009009C, 0x000900C0, 0x0009003C, 0x0009C040, 0x000980C8, 0x000940CF, 0xFFFFFFFF};

enum class Named : std::uint8_t { create, list, rename, link, share };
constexpr std::uint8_t kNamed = 5;

/// FileRenameInformation and FileLinkInformation (MS-FSCC sections 2.4.37 and 2.4.21).
Octets with_target(ConstBytes name) {
  WireWriter writer;
  writer.zeros(16);
  writer.u32(static_cast<std::uint32_t>(name.size()));
  writer.append(name);
  return writer.release();
}

/// A well-formed body, its name cut off its end and another put there.
Octets with_name(Octets body, std::size_t fixed, std::size_t length_at, ConstBytes name) {
  body.resize(fixed);
  body[length_at] = static_cast<std::uint8_t>(name.size());
  body[length_at + 1] = static_cast<std::uint8_t>(name.size() >> 8);
  body.insert(body.end(), name.begin(), name.end());
  return body;
}

void name(LoggedOn& world, Named what, ConstBytes text) {
  switch (what) {
    case Named::create:
      world.ask(Command::create, with_name(TestRequests::create_body("x"), 56, 46, text));
      break;
    case Named::list:
      world.ask(Command::query_directory,
                with_name(TestRequests::list_body(world.directory, 37, 4096, 1), 32, 26, text));
      break;
    case Named::rename:
      world.ask(Command::set_info, TestRequests::set_body(world.file, 10, with_target(text)));
      break;
    case Named::link:
      world.ask(Command::set_info, TestRequests::set_body(world.file, 11, with_target(text)));
      break;
    case Named::share:
      world.ask(Command::tree_connect, with_name(TestRequests::tree_connect_body("x"), 8, 6, text));
      break;
  }
}

}  // namespace

void run_set_info(ConstBytes input) {
  Pieces pieces(input);
  LoggedOn world;
  for (std::size_t i = 0; i < kMaxCalls && !pieces.done() && !world.client.closed; ++i) {
    const std::uint8_t which = pieces.byte();
    const std::uint8_t how = pieces.byte();
    Octets body = TestRequests::set_body((how & kOnDirectory) != 0 ? world.directory : world.file,
                                         which, pieces.piece());
    body[kInfoTypeAt] = how & 7;
    world.ask(Command::set_info, body);
  }
  world.client.hang_up();
}

std::vector<Octets> set_info_seeds() {
  const Octets target = with_target(*utf16le_from_utf8("other"));
  const std::vector<std::tuple<std::uint8_t, std::uint8_t, Octets>> calls = {
      {4, 1, Octets(40, 1)}, {10, 1, target},       {11, 1, target},       {13, 1, Octets{1}},
      {14, 1, Octets(8, 0)}, {19, 1, Octets(8, 2)}, {20, 1, Octets(8, 3)}, {15, 1, Octets(12, 0)},
      {64, 1, Octets(4, 1)}, {65, 1, target},       {16, 1, Octets(4, 2)}, {39, 1, Octets(8, 0)},
      {0, 3, Octets(20, 1)}, {6, 2, Octets(48, 0)}, {32, 4, Octets(48, 0)}};
  std::vector<Octets> seeds;
  for (const auto& [which, how, data] : calls) {
    for (const std::uint8_t where : {std::uint8_t{0}, kOnDirectory}) {
      Octets& seed = seeds.emplace_back();
      seed = {which, static_cast<std::uint8_t>(how | where)};
      add_piece(seed, data);
    }
  }
  return seeds;
}

void run_ioctl(ConstBytes input) {
  Pieces pieces(input);
  LoggedOn world;
  for (std::size_t i = 0; i < kMaxCalls && !pieces.done() && !world.client.closed; ++i) {
    const std::uint32_t control = kControls.at(pieces.byte() % kControls.size());
    const std::uint8_t how = pieces.byte();
    const std::uint32_t room = std::uint32_t{pieces.byte()} << 8;
    world.ask(Command::ioctl,
              TestRequests::ioctl_body((how & kOnDirectory) != 0 ? world.directory : world.file,
                                       control, pieces.piece(), room));
  }
  world.client.hang_up();
}

std::vector<Octets> ioctl_seeds() {
  WireWriter chunks;
  chunks.zeros(24);
  chunks.u32(1);
  chunks.u32(0);
  chunks.zeros(16);
  chunks.u32(5);
  chunks.u32(0);
  const Octets copy = chunks.release();
  const std::map<std::uint32_t, Octets> inputs = {{0x001440F2, copy},
                                                  {0x001480F2, copy},
                                                  {0x0009C040, Octets(2, 0)},
                                                  {0x00140204, Octets(26, 1)}};
  std::vector<Octets> seeds;
  for (std::size_t i = 0; i < kControls.size(); ++i) {
    const auto input = inputs.find(kControls.at(i));
    Octets& seed = seeds.emplace_back();
    seed = {static_cast<std::uint8_t>(i), 0, 4};
    add_piece(seed, input == inputs.end() ? Octets(16, 4) : input->second);
  }
  return seeds;
}

void run_names(ConstBytes input) {
  Pieces pieces(input);
  LoggedOn world;
  for (std::size_t i = 0; i < kMaxCalls && !pieces.done() && !world.client.closed; ++i) {
    const auto what = static_cast<Named>(pieces.byte() % kNamed);
    name(world, what, pieces.piece());
  }
  world.client.hang_up();
}

std::vector<Octets> name_seeds() {
  std::vector<Octets> seeds;
  for (std::uint8_t what = 0; what < kNamed; ++what) {
    for (const std::string_view text :
         {"d\\other", "*.t?t", "<\">", "\\\\house\\share0", "x:s:$DATA"}) {
      Octets& seed = seeds.emplace_back(1, what);
      add_piece(seed, *utf16le_from_utf8(text));
    }
  }
  return seeds;
}

void run_patterns(ConstBytes input) {
  Pieces pieces(input);
  const ConstBytes pattern = pieces.piece();
  const ConstBytes text = pieces.piece();
  static_cast<void>(Pattern(as_text(pattern)).matches(fold(as_text(text))));
  static_cast<void>(parse_path(as_text(text)));
}

std::vector<Octets> pattern_seeds() {
  std::vector<Octets> seeds;
  for (const auto& [pattern, text] :
       std::vector<std::pair<std::string_view, std::string_view>>{{"*.t?t", "a.txt"},
                                                                  {"<.\"", "a.b.c"},
                                                                  {">>>.>", "d\\e"},
                                                                  {"\xC3\x9F*", "\xC3\x9F\\"},
                                                                  {"", ".."}}) {
    Octets& seed = seeds.emplace_back();
    add_piece(seed, as_bytes(pattern));
    add_piece(seed, as_bytes(text));
  }
  return seeds;
}

}  // namespace understudy::fuzz
