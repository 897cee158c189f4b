// A client whose answers were lost with the node that gave them: it comes back to the partner,
// takes its durable open again and repeats itself. What had been done is not done twice, and it
// hears of success (MS-SMB2 sections 3.3.5.9.10, 3.3.5.9.12; rule 10).
#include "netstack/smb2/oplock.h"
#include "tests/real/raw_client.h"
#include "tests/real/scenario.h"

namespace understudy {
namespace {

using smb2::Command;
using Octets = RawClient::Octets;

constexpr std::uint16_t kPort = 4450;
constexpr std::uint32_t kOpen = 1;
constexpr std::uint32_t kCreate = 2;
constexpr std::uint8_t kRename = 10;
constexpr std::uint8_t kDisposition = 13;

class Retry : public ::testing::Test {
 protected:
  Retry() : pair(Pair::Settings{{"lazy_writer", "\"hold\""}}) {}

  void SetUp() override {
    ASSERT_TRUE(pair.start_mirrored());
    connect();
  }
  void connect() {
    client = std::make_unique<RawClient>(pair.address("a"), kPort);
    ASSERT_TRUE(client->connected());
    ASSERT_EQ(client->log_on("tester", "secret"), Status::success);
    ASSERT_EQ(client->tree_connect("share0"), Status::success);
  }
  /// A CREATE with a lease of all three states; `context` says for which durable open.
  static Octets create_body(std::string_view path, std::uint32_t disposition,
                            std::string_view context, Octets data) {
    Octets body = RawClient::create_body(path, disposition);
    body[3] = smb2::kLevelLease;
    return RawClient::with_contexts(std::move(body), {{"RqLs", RawClient::lease(2, caching::kAll)},
                                                      {context, std::move(data)}});
  }
  Status create(const Octets& body) {
    const auto answer = client->ask(Command::create, body);
    if (!answer) return Status::connection_reset;
    if (ok(answer->status())) client->file = RawClient::file_id(answer->body);
    return answer->status();
  }
  Status open(std::string_view path, std::uint32_t disposition = kCreate) {
    return create(create_body(path, disposition, "DH2Q", RawClient::durable_v2()));
  }
  Status reclaim(std::string_view path, smb2::FileId id) {
    return create(create_body(path, kOpen, "DH2C", RawClient::reconnect_v2(id)));
  }
  Status ask(Command command, ConstBytes body) {
    const auto answer = client->ask(command, body);
    return answer ? answer->status() : Status::connection_reset;
  }
  Octets rename(std::string_view target) const {
    const Octets name = *utf16le_from_utf8(target);
    WireWriter data;
    data.zeros(16);
    data.u32(static_cast<std::uint32_t>(name.size()));
    data.append(name);
    return RawClient::set_body(client->file, kRename, data.bytes());
  }
  Octets dispose() const { return RawClient::set_body(client->file, kDisposition, Octets{1}); }

  /// It is done, the partner has it, and the node that did it dies before its client hears of it.
  void lose_answer(Command command, ConstBytes body) {
    const std::int64_t before = pair.number("b", "operations_mirrored");
    ASSERT_TRUE(client->send(client->message(command, body)));
    ASSERT_TRUE(pair.wait_until(
        [before](const Pair& p) { return p.number("b", "operations_mirrored") > before; }, 10));
    pair.kill("a");
    ASSERT_TRUE(pair.wait_until([](const Pair& p) { return p.serves("b", "lun0"); }, 15));
    connect();
  }
  std::string listing() { return pair.smb("a", "share0", "ls").output; }
  bool lists(const std::string& name) {
    return listing().find(" " + name + " ") != std::string::npos;
  }

  Pair pair;
  std::unique_ptr<RawClient> client;
};

TEST_F(Retry, OfARenameSucceedsAndItIsDoneOnce) {
  ASSERT_EQ(open("before"), Status::success);
  const smb2::FileId file = client->file;
  ASSERT_EQ(ask(Command::write, RawClient::write_body(file, 0, "content")), Status::success);
  ASSERT_NO_FATAL_FAILURE(lose_answer(Command::set_info, rename("after")));
  ASSERT_EQ(reclaim("before", file), Status::success);  // its client knows no other name
  EXPECT_EQ(ask(Command::set_info, rename("after")), Status::success);
  EXPECT_EQ(ask(Command::close, RawClient::close_body(client->file)), Status::success);
  EXPECT_TRUE(lists("after")) << listing();
  EXPECT_FALSE(lists("before")) << listing();
  EXPECT_EQ(SmbClient(pair.server("a", "share0")).call({SmbCall::Kind::read, "after"}).data,
            "content");
}

TEST_F(Retry, OfADeleteSucceedsAndItIsDoneOnce) {
  ASSERT_EQ(open("file"), Status::success);
  const smb2::FileId file = client->file;
  ASSERT_NO_FATAL_FAILURE(lose_answer(Command::set_info, dispose()));
  ASSERT_EQ(reclaim("file", file), Status::success);
  EXPECT_EQ(ask(Command::set_info, dispose()), Status::success);
  EXPECT_EQ(ask(Command::close, RawClient::close_body(client->file)), Status::success);
  EXPECT_FALSE(lists("file")) << listing();
  EXPECT_EQ(open("file", kOpen), Status::object_name_not_found);
}

TEST_F(Retry, OfACreateFindsTheFileThatItMade) {
  const Octets body = create_body("file", kCreate, "DH2Q", RawClient::durable_v2());
  ASSERT_NO_FATAL_FAILURE(lose_answer(Command::create, body));
  EXPECT_EQ(create(body), Status::duplicate_objectid);  // a second one with the same GUID
  client->flags = smb2::kFlagReplay;
  EXPECT_EQ(create(body), Status::success);
  client->flags = 0;
  EXPECT_EQ(ask(Command::write, RawClient::write_body(client->file, 0, "mine")), Status::success);
  EXPECT_EQ(ask(Command::close, RawClient::close_body(client->file)), Status::success);
  EXPECT_EQ(SmbClient(pair.server("a", "share0")).call({SmbCall::Kind::read, "file"}).data, "mine");
}

}  // namespace
}  // namespace understudy
