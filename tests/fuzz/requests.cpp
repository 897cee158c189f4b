#include "tests/fuzz/logged_on.h"
#include "tests/fuzz/targets.h"

namespace understudy::fuzz {
namespace {

using smb2::Command;
using smb2::FileId;
using smb2::TestRequests;

// `how` of a request.
constexpr std::uint8_t kOwnId = 1;      // the file id in the body is meant as it stands ...
constexpr std::uint8_t kDirectory = 2;  // ... else it is the file's, or the directory's
constexpr std::uint8_t kChained = 4;    // a compound with the next one
constexpr std::uint8_t kRelated = 8;    // the compound is a related one

constexpr std::array kDialects = {smb2::kDialect311, smb2::kDialect302, smb2::kDialect210,
                                  smb2::kDialect202};
constexpr std::size_t kMaxRequests = 32;

/// Where the body of a request has its file id; 0: nowhere.
std::size_t id_offset(Command command) {
  switch (command) {
    case Command::close:
    case Command::flush:
    case Command::lock:
    case Command::ioctl:
    case Command::query_directory:
    case Command::change_notify:
    case Command::oplock_break:
      return 8;
    case Command::read:
    case Command::write:
    case Command::set_info:
      return 16;
    case Command::query_info:
      return 24;
    default:
      return 0;
  }
}

void put_id(Octets& body, std::size_t at, FileId id) {
  if (at == 0 || body.size() < at + 16) return;
  WireWriter writer;
  TestRequests::put(writer, id);
  const Octets bytes = writer.release();
  std::ranges::copy(bytes, body.begin() + static_cast<std::ptrdiff_t>(at));
}

void add(Octets& seed, Command command, std::uint8_t how, const Octets& body) {
  seed.push_back(static_cast<std::uint8_t>(command));
  seed.push_back(how);
  add_piece(seed, body);
}

}  // namespace

void run_requests(ConstBytes input) {
  Pieces pieces(input);
  LoggedOn world(kDialects.at(pieces.byte() % kDialects.size()));
  smb2::TestClient& client = world.client;

  std::vector<std::pair<Command, Octets>> compound;
  std::uint32_t flags = 0;
  for (std::size_t i = 0; i < kMaxRequests && !pieces.done() && !client.closed; ++i) {
    const auto command = static_cast<Command>(pieces.byte() % (smb2::kCommands + 1));
    const std::uint8_t how = pieces.byte();
    const ConstBytes piece = pieces.piece();
    Octets body(piece.begin(), piece.end());
    if ((how & kOwnId) == 0)
      put_id(body, id_offset(command), (how & kDirectory) != 0 ? world.directory : world.file);
    compound.emplace_back(command, std::move(body));
    if ((how & kRelated) != 0) flags = smb2::kFlagRelated;
    if ((how & kChained) != 0 && !pieces.done()) continue;
    client.send(client.compound(compound, flags));
    compound.clear();
    flags = 0;
    world.take_all();
  }
  client.hang_up();
}

std::vector<Octets> request_seeds() {
  const FileId any{};
  const Octets renamed = *utf16le_from_utf8("other");
  WireWriter rename;
  rename.zeros(16);
  rename.u32(static_cast<std::uint32_t>(renamed.size()));
  rename.append(renamed);
  const std::vector<std::tuple<Command, std::uint8_t, Octets>> requests = {
      {Command::create, 0, TestRequests::create_body("new", 3)},
      {Command::create, 0, TestRequests::create_body("d\\file", 1)},
      {Command::create, 0,
       TestRequests::with_contexts(TestRequests::create_body("kept", 3),
                                   {{"DH2Q", TestRequests::durable_v2(2)},
                                    {TestRequests::kAppInstance, TestRequests::app_instance()}})},
      {Command::create, 0,
       TestRequests::with_contexts(TestRequests::create_body("kept", 1),
                                   {{"DH2C", TestRequests::reconnect_v2(any, 2)}})},
      {Command::create, 0,
       TestRequests::with_contexts(
           TestRequests::create_body("kept", 1),
           {{"DHnQ", Octets(16)}, {"DHnC", TestRequests::reconnect({1, 1})}})},
      {Command::read, 0, TestRequests::read_body(any, 0, 64)},
      {Command::write, 0, TestRequests::write_body(any, 3, "bytes")},
      {Command::flush, 0, TestRequests::flush_body(any)},
      {Command::query_info, 0, TestRequests::query_body(any, 1, 18, 4096)},
      {Command::query_info, 0, TestRequests::query_body(any, 2, 5, 4096)},
      {Command::query_info, 0, TestRequests::query_body(any, 3, 0, 4096)},
      {Command::set_info, 0, TestRequests::set_body(any, 10, rename.release())},
      {Command::set_info, 0, TestRequests::set_body(any, 20, Octets(8, 1))},
      {Command::query_directory, kDirectory, TestRequests::list_body(any, 37, 4096)},
      {Command::ioctl, 0, TestRequests::ioctl_body(any, 0x00140204, Octets(24, 0), 64)},
      {Command::change_notify, kDirectory, TestRequests::notify_body(any)},
      {Command::lock, 0, Octets(48, 1)},
      {Command::echo, 0, TestRequests::empty_body()},
      {Command::close, 0, TestRequests::close_body(any, 1)},
      {Command::tree_connect, 0, TestRequests::tree_connect_body("share0")},
      {Command::tree_disconnect, 0, TestRequests::empty_body()},
      {Command::logoff, 0, TestRequests::empty_body()},
  };
  std::vector<Octets> seeds;
  Octets everything = {0};
  Octets chain = {0};
  for (const auto& [command, how, body] : requests) {
    Octets& alone = seeds.emplace_back(1, std::uint8_t{0});
    add(alone, command, how, body);
    add(everything, command, how, body);
    if (command != Command::change_notify)
      add(chain, command, static_cast<std::uint8_t>(how | kChained | kRelated), body);
  }
  seeds.push_back(std::move(everything));
  seeds.push_back(std::move(chain));
  return seeds;
}

}  // namespace understudy::fuzz
