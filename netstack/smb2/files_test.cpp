// What a client does with files once it has a tree: SMB2 to IRPs and back.
#include "netstack/smb2/test_client.h"

namespace understudy::smb2 {
namespace {

class Files : public ::testing::Test {
 protected:
  void SetUp() override { client.begin(); }
  const Irp& last(Major major) {
    const auto& seen = node.files.seen;
    const auto found = std::find_if(seen.rbegin(), seen.rend(),
                                    [major](const Irp& irp) { return irp.major == major; });
    return found == seen.rend() ? nothing_ : *found;
  }
  TestNode node;
  TestClient client{node};

 private:
  Irp nothing_;
};

TEST_F(Files, AreWrittenAndReadBack) {
  ASSERT_EQ(client.create("dir\\file").status(), Status::success);
  const Response written =
      client.ask(Command::write, TestClient::write_body(client.file, 3, "hello"));
  EXPECT_EQ(written.status(), Status::success);
  EXPECT_EQ(written.body[4], 5);
  const Response read = client.ask(Command::read, TestClient::read_body(client.file, 4, 100));
  EXPECT_EQ(read.status(), Status::success);
  EXPECT_EQ(TestClient::text(read), "ello");
  EXPECT_EQ(client.ask(Command::read, TestClient::read_body(client.file, 8, 1)).status(),
            Status::end_of_file);
  EXPECT_EQ(client.ask(Command::flush, TestClient::flush_body(client.file)).status(),
            Status::success);
  EXPECT_EQ(client.ask(Command::close, TestClient::close_body(client.file)).status(),
            Status::success);
  EXPECT_TRUE(node.files.handles.empty());
  EXPECT_EQ(last(Major::write).lun, 7U);
}

TEST_F(Files, PassTheirDataInTheArenaWithoutACopy) {
  ASSERT_EQ(client.create("file").status(), Status::success);
  client.ask(Command::write, TestClient::write_body(client.file, 0, "hello"));
  const Irp write = last(Major::write);
  const Region region = node.host.arena().region(Layer::netstack);
  EXPECT_GE(write.payload.offset, region.offset);
  EXPECT_LT(write.payload.offset, region.offset + region.size / 2);  // where requests lie
  client.ask(Command::read, TestClient::read_body(client.file, 0, 5));
  EXPECT_GE(last(Major::read).payload.offset,
            region.offset + region.size / 2);  // where replies lie
}

TEST_F(Files, OfAMegabyteTravelInOneRequest) {
  ASSERT_EQ(client.create("big").status(), Status::success);
  std::string data(bounds::kMaxTransfer, 'x');
  data.back() = 'y';
  client.credit_charge = 16;
  EXPECT_EQ(client.ask(Command::write, TestClient::write_body(client.file, 0, data)).status(),
            Status::success);
  const Response read =
      client.ask(Command::read, TestClient::read_body(client.file, 0, bounds::kMaxTransfer));
  EXPECT_EQ(TestClient::text(read), data);
  EXPECT_EQ(client.bad_signatures, 0U);
}

TEST_F(Files, AreNotMovedFasterThanPaidFor) {
  ASSERT_EQ(client.create("big").status(), Status::success);
  EXPECT_EQ(client.ask(Command::read, TestClient::read_body(client.file, 0, 65537)).status(),
            Status::invalid_parameter);
  client.credit_charge = 17;
  EXPECT_EQ(
      client.ask(Command::read, TestClient::read_body(client.file, 0, bounds::kMaxTransfer + 1))
          .status(),
      Status::invalid_parameter);
}

TEST_F(Files, AreNotReadOrWrittenByAHandleThatMayNot) {
  constexpr std::uint32_t kReadOnly = 0x00120089;
  constexpr std::uint32_t kWriteOnly = 0x00120116;
  ASSERT_EQ(client.create("file", 3, 0, kReadOnly).status(), Status::success);
  EXPECT_EQ(client.ask(Command::write, TestClient::write_body(client.file, 0, "x")).status(),
            Status::access_denied);
  ASSERT_EQ(client.create("file", 3, 0, kWriteOnly).status(), Status::success);
  EXPECT_EQ(client.ask(Command::read, TestClient::read_body(client.file, 0, 1)).status(),
            Status::access_denied);
  const Octets one = {1};
  EXPECT_EQ(client.ask(Command::set_info, TestClient::set_body(client.file, 13, one)).status(),
            Status::access_denied);
}

TEST_F(Files, OpenedForAppendingGrowAtTheirEnd) {
  constexpr std::uint32_t kAppendOnly = 0x00100004;
  ASSERT_EQ(client.create("file", 3, 0, kAppendOnly).status(), Status::success);
  client.ask(Command::write, TestClient::write_body(client.file, 0, "one"));
  client.ask(Command::write, TestClient::write_body(client.file, 0, "two"));
  EXPECT_EQ(as_text(node.files.files["file"].data), "onetwo");
}

TEST_F(Files, WithGenericRightsAreOpenedWithTheRightsTheseStandFor) {
  ASSERT_EQ(client.create("file", 3, 0, 0x80000000).status(), Status::success);
  EXPECT_EQ(last(Major::create).create.desired_access, 0x00120089U);
  ASSERT_EQ(client.create("file", 3, 0, 0x10000000).status(), Status::success);
  EXPECT_EQ(last(Major::create).create.desired_access, kAllAccess);
}

TEST_F(Files, AreRefusedNamesThatNoFileCanHave) {
  const std::string long_name(256, 'n');
  const std::vector<std::pair<std::string, Status>> cases = {
      {"a*b", Status::object_name_invalid},
      {"a?b", Status::object_name_invalid},
      {"a:b\\c", Status::object_name_invalid},
      {"a:b/c", Status::object_name_invalid},
      {"a/b", Status::object_name_invalid},
      {"a\"b", Status::object_name_invalid},
      {"a<b", Status::object_name_invalid},
      {"a\tb", Status::object_name_invalid},
      {"a\\\\b", Status::object_name_invalid},
      {".", Status::object_name_invalid},
      {"a\\.\\b", Status::object_name_invalid},
      {"..", Status::object_path_syntax_bad},
      {"a\\..\\..\\b", Status::object_path_syntax_bad},
      {"\\a", Status::invalid_parameter},
      {long_name, Status::object_name_invalid},
      {"a\\" + long_name, Status::object_name_invalid}};
  for (const auto& [name, expected] : cases)
    EXPECT_EQ(client.create(name).status(), expected) << name;
  EXPECT_TRUE(node.files.handles.empty());
  EXPECT_EQ(client.create(std::string(255, 'n')).status(), Status::success);
  EXPECT_EQ(client.create("äöü€😀").status(), Status::success);
  EXPECT_TRUE(node.files.files.contains("äöü€😀"));
}

TEST_F(Files, HaveNamesDividedBySlashesWhereTheShareSaysSo) {
  std::string text = TestNode::serve_text();
  text.replace(text.find("\"lun\": 7"), 8, "\"lun\": 7, \"slash_divides\": true");
  ASSERT_EQ(node.order(ClusterMinor::serve, text), Status::success);
  client.tree_connect("share0");
  EXPECT_EQ(client.create("a/b").status(), Status::success);
  EXPECT_TRUE(node.files.files.contains("a\\b"));
  EXPECT_EQ(client.create("a/../b").status(), Status::object_path_syntax_bad);
  EXPECT_EQ(client.create("/a").status(), Status::invalid_parameter);
}

TEST_F(Files, AreRefusedContradictoryRequests) {
  EXPECT_EQ(client.create("file", 6).status(), Status::invalid_parameter);
  EXPECT_EQ(client.create("file", 3, 0x41).status(), Status::invalid_parameter);
  // No rights, and rights that there are not.
  for (const std::uint32_t access : {0U, 0x04000001U, 0x08000001U, 0x00000201U})
    EXPECT_EQ(client.create("file", 3, 0, access).status(), Status::access_denied) << access;
  EXPECT_EQ(client.create("file", 3, 0, 0x00100000).status(), Status::success);  // SYNCHRONIZE
  EXPECT_EQ(client.create("file", 3, 0x1000, 1).status(), Status::access_denied);
  for (const std::uint32_t option : {0x80U, 0x2000U, 0x00100000U})
    EXPECT_EQ(client.create("file", 3, option).status(), Status::not_supported);
}

TEST_F(Files, AreNotEncryptedOnTheMedium) {
  Octets body = TestClient::create_body("file");
  body[28] = 0;
  body[29] = 0x40;  // FILE_ATTRIBUTE_ENCRYPTED
  EXPECT_EQ(client.ask(Command::create, body).status(), Status::access_denied);
}

TEST_F(Files, PassOnTheErrorsOfTheFileSystemAsTheyAre) {
  EXPECT_EQ(client.create("absent", 1).status(), Status::object_name_not_found);
  client.create("there");
  EXPECT_EQ(client.create("there", 2).status(), Status::object_name_collision);
}

TEST_F(Files, AreKnownOnlyByTheirWholeFileId) {
  ASSERT_EQ(client.create("file").status(), Status::success);
  FileId guessed = client.file;
  guessed.persistent ^= 1;
  EXPECT_EQ(client.ask(Command::read, TestClient::read_body(guessed, 0, 1)).status(),
            Status::file_closed);
  FileId next = client.file;
  next.of_session += 1;
  EXPECT_EQ(client.ask(Command::close, TestClient::close_body(next)).status(), Status::file_closed);
}

TEST_F(Files, OfAnotherSessionCannotBeTouched) {
  ASSERT_EQ(client.create("file").status(), Status::success);
  TestClient other(node);
  other.begin();
  EXPECT_EQ(other.ask(Command::read, TestClient::read_body(client.file, 0, 1)).status(),
            Status::file_closed);
}

TEST_F(Files, AreRenamedAndDeleted) {
  ASSERT_EQ(client.create("file").status(), Status::success);
  const Octets target = *utf16le_from_utf8("moved");
  WireWriter rename;
  rename.zeros(16);
  rename.u32(static_cast<std::uint32_t>(target.size()));
  rename.append(target);
  EXPECT_EQ(
      client.ask(Command::set_info, TestClient::set_body(client.file, 10, rename.bytes())).status(),
      Status::success);
  EXPECT_TRUE(node.files.files.contains("moved"));
  const Octets one = {1};
  EXPECT_EQ(client.ask(Command::set_info, TestClient::set_body(client.file, 13, one)).status(),
            Status::success);
  client.ask(Command::close, TestClient::close_body(client.file));
  EXPECT_FALSE(node.files.files.contains("moved"));
}

TEST_F(Files, AreNotRenamedToWhatNoFileCanBeCalled) {
  ASSERT_EQ(client.create("file").status(), Status::success);
  for (const std::string_view name : {"..\\x", "a*", "", "\\"}) {
    const Octets target = *utf16le_from_utf8(name);
    WireWriter rename;
    rename.zeros(16);
    rename.u32(static_cast<std::uint32_t>(target.size()));
    rename.append(target);
    EXPECT_TRUE(
        failed(client.ask(Command::set_info, TestClient::set_body(client.file, 10, rename.bytes()))
                   .status()));
  }
  EXPECT_TRUE(node.files.files.contains("file"));
}

TEST_F(Files, AreCutToASize) {
  ASSERT_EQ(client.create("file").status(), Status::success);
  client.ask(Command::write, TestClient::write_body(client.file, 0, "hello"));
  const Octets size = {2, 0, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(client.ask(Command::set_info, TestClient::set_body(client.file, 20, size)).status(),
            Status::success);
  EXPECT_EQ(as_text(node.files.files["file"].data), "he");
}

TEST_F(Files, TellTheirSizeWhenTheyAreClosed) {
  ASSERT_EQ(client.create("file").status(), Status::success);
  client.ask(Command::write, TestClient::write_body(client.file, 0, "hello"));
  const Response closed = client.ask(Command::close, TestClient::close_body(client.file, 1));
  EXPECT_EQ(closed.body.at(48), 5);
}

TEST_F(Files, AnswerEveryKnownInformationClass) {
  ASSERT_EQ(client.create("file").status(), Status::success);
  for (const int which : {4, 5, 6, 7, 8, 9, 14, 16, 17, 18, 21, 22, 28, 34, 35, 48, 59}) {
    const Octets body =
        TestClient::query_body(client.file, 1, static_cast<std::uint8_t>(which), 1024);
    EXPECT_EQ(client.ask(Command::query_info, body).status(), Status::success)
        << "file class " << which;
  }
  for (const int which : {1, 3, 4, 5, 6, 7, 8, 11}) {
    const Octets body =
        TestClient::query_body(client.file, 2, static_cast<std::uint8_t>(which), 1024);
    EXPECT_EQ(client.ask(Command::query_info, body).status(), Status::success)
        << "volume class " << which;
  }
  EXPECT_EQ(
      client.ask(Command::query_info, TestClient::query_body(client.file, 1, 99, 1024)).status(),
      Status::invalid_info_class);
}

TEST_F(Files, CutInformationThatHasTooLittleRoom) {
  ASSERT_EQ(client.create("file").status(), Status::success);
  const Response cut =
      client.ask(Command::query_info, TestClient::query_body(client.file, 1, 9, 6));
  EXPECT_EQ(cut.status(), Status::buffer_overflow);
  EXPECT_EQ(cut.body.size(), 8U + 6U);
  EXPECT_EQ(client.ask(Command::query_info, TestClient::query_body(client.file, 1, 4, 39)).status(),
            Status::info_length_mismatch);
}

TEST_F(Files, SayHowLongADescriptorIsToThoseWhoMayReadIt) {
  ASSERT_EQ(client.create("file").status(), Status::success);
  const Response small =
      client.ask(Command::query_info, TestClient::query_body(client.file, 3, 0, 8, 7));
  EXPECT_EQ(small.status(), Status::buffer_too_small);
  const std::uint8_t needed = small.body.at(8);
  const Response all =
      client.ask(Command::query_info, TestClient::query_body(client.file, 3, 0, needed, 7));
  EXPECT_EQ(all.status(), Status::success);
  EXPECT_EQ(all.body.size(), 8U + needed);

  client.create("file", 3, 0, 0x80);  // may read attributes, not the descriptor
  EXPECT_EQ(
      client.ask(Command::query_info, TestClient::query_body(client.file, 3, 0, 100, 4)).status(),
      Status::access_denied);
  EXPECT_EQ(
      client.ask(Command::query_info, TestClient::query_body(client.file, 3, 0, 100, 0)).status(),
      Status::success);
}

TEST_F(Files, AreNotListedByAPatternLongerThanAName) {
  ASSERT_EQ(client.create("", 1, 1).status(), Status::success);
  for (const auto& [units, expected] : {std::pair{bounds::kMaxNameUnits, Status::no_such_file},
                                        {bounds::kMaxNameUnits + 1, Status::object_name_invalid}}) {
    Octets body = TestClient::list_body(client.file, 37, 4096);
    body.resize(32);
    body[26] = static_cast<std::uint8_t>(2 * units);
    body[27] = static_cast<std::uint8_t>(2 * units >> 8);
    for (std::size_t i = 0; i < units; ++i) body.insert(body.end(), {'*', 0});
    const Status status = client.ask(Command::query_directory, body).status();
    if (expected == Status::object_name_invalid) {
      EXPECT_EQ(status, expected);
    } else {
      EXPECT_NE(status, Status::object_name_invalid);
    }
  }
}

TEST_F(Files, AreListedInEveryClass) {
  client.create("one");
  client.create("eleven");
  for (const int which : {1, 2, 3, 12, 37, 38}) {
    ASSERT_EQ(client.create("", 1, 1).status(), Status::success);
    const Response listed =
        client.ask(Command::query_directory,
                   TestClient::list_body(client.file, static_cast<std::uint8_t>(which), 4096));
    ASSERT_EQ(listed.status(), Status::success);
    WireReader reader(listed.body);
    reader.skip(4);
    EXPECT_EQ(reader.u32(), listed.body.size() - 8);
    const std::uint32_t next = reader.u32();
    EXPECT_GT(next, 0U);
    EXPECT_EQ(next % 8, 0U);
    reader.seek(8 + next);
    EXPECT_EQ(reader.u32(), 0U);  // the second is the last
    const Octets one = *utf16le_from_utf8("one");
    EXPECT_TRUE(std::equal(one.rbegin(), one.rend(), listed.body.rbegin()));
    EXPECT_EQ(
        client.ask(Command::query_directory, TestClient::list_body(client.file, 1, 4096)).status(),
        Status::no_more_files);
    EXPECT_EQ(client.ask(Command::query_directory, TestClient::list_body(client.file, 1, 4096, 1))
                  .status(),
              Status::success);
  }
}

TEST_F(Files, AreNotListedAsWhatTheyAreNot) {
  client.create("file");
  EXPECT_EQ(
      client.ask(Command::query_directory, TestClient::list_body(client.file, 37, 4096)).status(),
      Status::invalid_parameter);
  client.create("", 1, 1);
  EXPECT_EQ(
      client.ask(Command::query_directory, TestClient::list_body(client.file, 99, 4096)).status(),
      Status::invalid_info_class);
  EXPECT_EQ(
      client.ask(Command::query_directory, TestClient::list_body(client.file, 37, 103)).status(),
      Status::info_length_mismatch);
}

TEST_F(Files, AnswerTheContextsOfCreateAndIgnoreStrangeOnes) {
  WireWriter contexts;
  for (const std::string_view name : {"MxAc", "QFid", "Last"}) {
    contexts.u32(name == "Last" ? 0 : 24);
    contexts.u16(16);
    contexts.u16(4);
    contexts.u64(0);
    contexts.append(as_bytes(name));
    contexts.u32(0);
  }
  Octets body = TestClient::create_body("file");
  body.resize((body.size() + 7) / 8 * 8);
  WireWriter place;
  place.u32(static_cast<std::uint32_t>(kHeaderSize + body.size()));
  place.u32(static_cast<std::uint32_t>(contexts.size()));
  std::copy(place.bytes().begin(), place.bytes().end(), body.begin() + 48);
  body.insert(body.end(), contexts.bytes().begin(), contexts.bytes().end());
  const Response created = client.ask(Command::create, body);
  ASSERT_EQ(created.status(), Status::success);
  const std::string text = TestClient::text(created, 88);
  EXPECT_NE(text.find("MxAc"), std::string::npos);
  EXPECT_NE(text.find("QFid"), std::string::npos);
  EXPECT_EQ(text.find("Last"), std::string::npos);
}

TEST_F(Files, AreMadeWithTheRoomThatIsWished) {
  WireWriter context;
  context.u32(0);
  context.u16(16);
  context.u16(4);
  context.u16(0);
  context.u16(24);
  context.u32(8);
  context.append(as_bytes("AlSi"));
  context.u32(0);
  context.u64(123456);
  Octets body = TestClient::create_body("file");
  body.resize((body.size() + 7) / 8 * 8);
  WireWriter place;
  place.u32(static_cast<std::uint32_t>(kHeaderSize + body.size()));
  place.u32(static_cast<std::uint32_t>(context.size()));
  std::copy(place.bytes().begin(), place.bytes().end(), body.begin() + 48);
  body.insert(body.end(), context.bytes().begin(), context.bytes().end());
  ASSERT_EQ(client.ask(Command::create, body).status(), Status::success);
  EXPECT_EQ(last(Major::create).create.allocation_size, 123456U);
}

TEST_F(Files, KnowNoReferralsAndNoUnknownControls) {
  EXPECT_EQ(client.ask(Command::ioctl, TestClient::ioctl_body({}, 0x00060194, {}, 1024)).status(),
            Status::fs_driver_required);
  EXPECT_EQ(client.ask(Command::ioctl, TestClient::ioctl_body({}, 0x00140FFC, {}, 1024)).status(),
            Status::invalid_device_request);
}

TEST(Pipes, ListTheShares) {
  TestNode node;
  TestClient client(node);
  client.begin();
  ASSERT_EQ(client.tree_connect("IPC$").status(), Status::success);
  EXPECT_EQ(client.create("nothing", 1).status(), Status::object_name_not_found);
  ASSERT_EQ(client.create("srvsvc", 1).status(), Status::success);
  constexpr std::uint32_t kTransceive = 0x0011C017;
  const Octets bind = auth::from_hex(
      "05000b03100000004800000001000000b810b81000000000010000000000010"
      "0c84f324b7016d30112785a47bf6ee18803000000045d888aeb1cc9119fe808002b10486002000000");
  EXPECT_EQ(client.ask(Command::ioctl, TestClient::ioctl_body(client.file, kTransceive, bind, 4280))
                .status(),
            Status::success);
  const Octets share_enum = auth::from_hex(
      "05000003100000003800000002000000200000000000"
      "0f00"
      "00000000"
      "01000000"
      "01000000"
      "00000200"
      "00000000"
      "00000000"
      "ffffffff"
      "00000000");
  const Response listed = client.ask(
      Command::ioctl, TestClient::ioctl_body(client.file, kTransceive, share_enum, 4280));
  ASSERT_EQ(listed.status(), Status::success);
  const Octets name = *utf16le_from_utf8("share0");
  EXPECT_NE(std::search(listed.body.begin(), listed.body.end(), name.begin(), name.end()),
            listed.body.end());
}

TEST(Pipes, OfASessionHaveABound) {
  TestNode node;
  TestClient client(node);
  client.begin();
  ASSERT_EQ(client.tree_connect("IPC$").status(), Status::success);
  for (std::uint32_t i = 0; i < bounds::kMaxPipesPerSession; ++i)
    ASSERT_EQ(client.create("srvsvc", 1).status(), Status::success);
  EXPECT_EQ(client.create("srvsvc", 1).status(), Status::too_many_opened_files);
  EXPECT_EQ(client.ask(Command::close, TestClient::close_body(client.file)).status(),
            Status::success);
  EXPECT_EQ(client.create("srvsvc", 1).status(), Status::success);
}

TEST(Pipes, RefuseToBindMoreContextsThanAnyClientHas) {
  TestNode node;
  TestClient client(node);
  client.begin();
  ASSERT_EQ(client.tree_connect("IPC$").status(), Status::success);
  ASSERT_EQ(client.create("srvsvc", 1).status(), Status::success);
  constexpr std::uint8_t kContexts = 200;
  Octets bind = auth::from_hex("05000b03100000000000000001000000b810b81000000000c8000000");
  bind.resize(bind.size() + kContexts * 24);
  bind[8] = static_cast<std::uint8_t>(bind.size());
  bind[9] = static_cast<std::uint8_t>(bind.size() >> 8);
  EXPECT_EQ(client.ask(Command::ioctl, TestClient::ioctl_body(client.file, 0x0011C017, bind, 4280))
                .status(),
            Status::invalid_parameter);
}

TEST(Pipes, SurviveWhatIsNoRemoteProcedureCall) {
  TestNode node;
  TestClient client(node);
  client.begin();
  ASSERT_EQ(client.tree_connect("IPC$").status(), Status::success);
  ASSERT_EQ(client.create("srvsvc", 1).status(), Status::success);
  const Octets bind = auth::from_hex(
      "05000b03100000004800000001000000b810b81000000000010000000000010"
      "0c84f324b7016d30112785a47bf6ee18803000000045d888aeb1cc9119fe808002b10486002000000");
  for (std::size_t length = 0; length < bind.size(); ++length) {
    const Response response = client.ask(
        Command::ioctl,
        TestClient::ioctl_body(client.file, 0x0011C017, ConstBytes(bind).first(length), 4280));
    EXPECT_TRUE(failed(response.status())) << length;
  }
}

}  // namespace
}  // namespace understudy::smb2
