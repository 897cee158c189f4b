// Descriptors, extended attributes and who asks, on their way between the wire and IRPs.
#include "iomgr/property.h"
#include "netstack/smb2/test_client.h"
#include "netstack/smb2/token.h"

namespace understudy::smb2 {
namespace {

class Security : public ::testing::Test {
 protected:
  void SetUp() override {
    client.begin();
    ASSERT_EQ(client.create("file").status(), Status::success);
  }
  const Irp& last(Major major) {
    const auto& seen = node.files.seen;
    const auto found = std::find_if(seen.rbegin(), seen.rend(),
                                    [major](const Irp& irp) { return irp.major == major; });
    EXPECT_NE(found, seen.rend());
    return *found;
  }
  /// SET_INFO of a class that set_body has not.
  Status set(std::uint8_t type, std::uint8_t which, std::uint32_t additional, const Octets& data) {
    Octets body = TestRequests::set_body(client.file, which, data);
    body[2] = type;
    body[12] = static_cast<std::uint8_t>(additional);
    return client.ask(Command::set_info, body).status();
  }
  static Octets attribute(std::string_view name, std::string_view value, bool more) {
    WireWriter writer;
    writer.u32(0);
    writer.u8(0);
    writer.u8(static_cast<std::uint8_t>(name.size()));
    writer.u16(static_cast<std::uint16_t>(value.size()));
    writer.append(as_bytes(name));
    writer.u8(0);
    writer.append(as_bytes(value));
    if (!more) return writer.release();
    writer.align(4);
    writer.patch(0, static_cast<std::uint32_t>(writer.size()));
    return writer.release();
  }
  Response query_attributes(std::uint32_t room, std::uint8_t flags) {
    Octets body = TestRequests::query_body(client.file, 1, 15, room);
    body[20] = flags;
    return client.ask(Command::query_info, body);
  }
  static constexpr std::size_t kOutput = 8;

  TestNode node;
  TestClient client{node};
};

TEST_F(Security, ADescriptorGoesDownAndComesUpAsItIs) {
  const Octets descriptor(40, 7);
  EXPECT_EQ(set(3, 0, 4, descriptor), Status::success);
  EXPECT_EQ(last(Major::set_information).set.selection, 4U);
  const Response answer =
      client.ask(Command::query_info, TestRequests::query_body(client.file, 3, 0, 1000, 5));
  EXPECT_EQ(answer.status(), Status::success);
  EXPECT_EQ(last(Major::query_information).query.selection, 5U);
  EXPECT_EQ(Octets(answer.body.begin() + kOutput, answer.body.end()), descriptor);
}

TEST_F(Security, OneThatNobodyCouldStoreIsRefused) {
  client.credit_charge = 2;
  EXPECT_EQ(set(3, 0, 4, Octets(bounds::kMaxProperty + 1)), Status::invalid_security_descr);
  EXPECT_EQ(set(1, 15, 0, Octets(bounds::kMaxProperty + 1)), Status::ea_too_large);
}

TEST_F(Security, ExtendedAttributesAreListedOneByOneOrAtOnce) {
  Octets list = attribute("one", "1", true);
  const Octets second = attribute("two", "22", false);
  const Octets first = attribute("one", "1", false);
  list.insert(list.end(), second.begin(), second.end());
  EXPECT_EQ(set(1, 15, 0, list), Status::success);
  const auto output = [](const Response& response) {
    return Octets(response.body.begin() + kOutput, response.body.end());
  };
  EXPECT_EQ(output(query_attributes(1000, 0)), list);
  EXPECT_EQ(output(query_attributes(1000, 3)), first);
  EXPECT_EQ(output(query_attributes(1000, 2)), second);
  EXPECT_EQ(query_attributes(1000, 2).status(), Status::no_more_eas);
  EXPECT_EQ(query_attributes(9, 0).status(), Status::buffer_overflow);
  EXPECT_EQ(query_attributes(7, 0).status(), Status::info_length_mismatch);
}

TEST(Tokens, AreTheSameOnBothNodesAndDifferByUser) {
  ServerConfig config;
  config.name = "HOUSE";
  std::string error;
  ASSERT_TRUE(config.accounts.put("one", NtHash{}, error));
  ASSERT_TRUE(config.accounts.put("root", NtHash{}, error, true));
  EXPECT_EQ(make_token(config, "one"), make_token(config, "ONE"));
  EXPECT_NE(make_token(config, "one"), make_token(config, "two"));
  EXPECT_EQ(make_token(config, "root").size(), make_token(config, "one").size() + 16);
  ServerConfig other = config;
  other.name = "other";
  EXPECT_NE(make_token(config, "one"), make_token(other, "one"));
}

}  // namespace
}  // namespace understudy::smb2
