// Descriptors and extended attributes of files: set, kept to, told, and there after a crash.
#include "fs_cache/fs_cache_fixture.h"
#include "fs_cache/security/access_check.h"
#include "fs_cache/security/extended_attributes.h"

namespace understudy {
namespace {

constexpr Sid kAlice{5, 5, {21, 1, 2, 3, 1001}};
constexpr Sid kBob{5, 5, {21, 1, 2, 3, 1002}};
constexpr std::uint8_t kToAll = Ace::kObjectInherit | Ace::kContainerInherit;

std::string text_of(const std::vector<std::uint8_t>& bytes) {
  return std::string(as_text(bytes));
}
std::string descriptor_of(Acl acl) {
  return text_of(*encode_descriptor({control::kDaclPresent, {}, {}, std::move(acl)}));
}
Acl only(const Sid& sid, std::uint8_t flags = 0, std::uint32_t mask = access::kAllOfAFile) {
  return {{Ace::allowed, flags, mask, sid}};
}

class SecurityTest : public FsCacheTest {
 protected:
  struct Ask {
    Sid who = kAlice;
    std::uint32_t access = access::kAllOfAFile;
    Disposition disposition = Disposition::open_if;
    std::uint32_t options = 0;
    std::string extended = {};
  };
  Status open(std::string path, const Ask& ask) {
    WireWriter token;
    put_sid(token, ask.who);
    put_sid(token, sids::kEveryone);
    std::vector<Property> properties = {{PropertyKind::token, 0, token.bytes()}};
    if (!ask.extended.empty())
      properties.push_back({PropertyKind::extended_attributes, 0, as_bytes(ask.extended)});
    std::vector<std::uint8_t> bytes(properties_size(properties));
    encode_properties(properties, bytes);
    Irp irp = node->irp(Major::create);
    irp.create.desired_access = ask.access;
    irp.create.share_access = TestNode::kShareAll;
    irp.create.create_disposition = static_cast<std::uint32_t>(ask.disposition);
    irp.create.create_options = ask.options;
    irp.create.properties_length = static_cast<std::uint32_t>(bytes.size());
    return node->run_with(irp, path + text_of(bytes)).status;
  }
  Status close() { return node->close(node->last.open); }
  std::uint64_t must_open(const std::string& path, const Ask& ask) {
    EXPECT_EQ(open(path, ask), Status::success) << path;
    return node->last.open;
  }
  Status set(SetMinor minor, std::uint64_t handle, std::string_view value,
             std::uint32_t parts = selection::kDacl) {
    Irp irp = node->irp(minor, handle);
    irp.set.selection = parts;
    return node->run_with(irp, value).status;
  }
  Status query(QueryMinor minor, std::uint64_t handle, std::uint32_t parts = 7) {
    Irp irp = node->irp(Major::query_information, static_cast<std::uint8_t>(minor));
    irp.open = handle;
    irp.query.selection = parts;
    return node->run_with(irp, {}, 65536).status;
  }
  SecurityDescriptor descriptor() { return *decode_descriptor(as_bytes(node->answer)); }
  /// Makes the file or directory, with this DACL, and closes it.
  void make(const std::string& path, Acl acl, std::uint32_t options = 0) {
    const std::uint64_t handle = must_open(path, {.options = options});
    EXPECT_EQ(set(SetMinor::security, handle, descriptor_of(std::move(acl))), Status::success);
    EXPECT_EQ(node->close(handle), Status::success);
  }
  Status try_open(const std::string& path, const Ask& ask) {
    const Status status = open(path, ask);
    if (failed(status)) return status;
    EXPECT_EQ(close(), Status::success);
    return status;
  }
  /// The node dies with what it has not flushed; another replays its partner's copies.
  void take_over() {
    const Filter::Copies copies = node->filter().copies;
    node.reset();
    disk->crash([] { return false; });
    node = std::make_unique<TestNode>(loop, disk);
    ASSERT_EQ(node->mount(R"({"path": "/lun", "lazy_writer": "hold"})", true).status,
              Status::success);
    for (const auto& [lsn, record] : copies) ASSERT_EQ(node->replay(record), Status::success);
  }
};

TEST_F(SecurityTest, AFileWithoutADescriptorIsEverybodysAndStoresNothing) {
  const std::uint64_t handle = must_open("a", {});
  EXPECT_EQ(query(QueryMinor::security, handle), Status::success);
  EXPECT_EQ(descriptor().owner, kAlice);
  EXPECT_EQ(maximal_access(descriptor(), {{kBob, sids::kEveryone}}), access::kAllOfAFile);
  EXPECT_EQ(node->last.lsn, 0U);
}

TEST_F(SecurityTest, ADescriptorIsKeptTo) {
  make("a", only(kAlice));
  EXPECT_EQ(try_open("a", {.who = kBob, .access = access::kReadData}), Status::access_denied);
  EXPECT_EQ(try_open("a", {.who = kAlice}), Status::success);
  EXPECT_EQ(node->last.status, Status::success);
}

TEST_F(SecurityTest, AnOpenSaysWhatItMayDo) {
  make("a", {{Ace::allowed, 0, access::kReadData, sids::kEveryone}});
  EXPECT_EQ(open("a", {.who = kBob, .access = access::kMaximumAllowed}), Status::success);
  // The directory may be listed, and what is in it deleted, by everybody.
  const std::uint32_t all = access::kReadData | access::kReadAttributes | access::kDelete;
  EXPECT_EQ(node->last.create.desired_access, all);
  EXPECT_EQ(node->last.create.facts.maximal_access, all);
}

TEST_F(SecurityTest, SettingNeedsTheRightToDoSo) {
  make("a", {{Ace::allowed, 0, access::kReadData, sids::kEveryone}});
  const std::uint64_t handle = must_open("a", {.who = kBob, .access = access::kReadData});
  EXPECT_EQ(set(SetMinor::security, handle, descriptor_of(only(kBob))), Status::access_denied);
  EXPECT_EQ(query(QueryMinor::security, handle), Status::access_denied);
  EXPECT_EQ(set(SetMinor::security, handle, descriptor_of(only(kBob)), selection::kSacl),
            Status::access_denied);
}

TEST_F(SecurityTest, OverwritingNeedsTheRightToWrite) {
  make("a", {{Ace::allowed, 0, access::kReadData, sids::kEveryone}});
  EXPECT_EQ(
      try_open("a",
               {.who = kBob, .access = access::kReadData, .disposition = Disposition::overwrite}),
      Status::access_denied);
}

TEST_F(SecurityTest, NewObjectsNeedTheRightToBeAddedAndInherit) {
  make("d", only(kAlice, kToAll), option::kDirectoryFile);
  EXPECT_EQ(try_open("d\\bobs", {.who = kBob}), Status::access_denied);
  EXPECT_EQ(try_open("d\\alices", {}), Status::success);
  EXPECT_EQ(try_open("d\\alices", {.who = kBob, .access = access::kReadData}),
            Status::access_denied);
}

TEST_F(SecurityTest, RenamingNeedsTheRightToAddThere) {
  make("d", only(kAlice, kToAll), option::kDirectoryFile);
  const std::uint64_t handle = must_open("bobs", {.who = kBob});
  EXPECT_EQ(node->rename(handle, "d\\bobs"), Status::access_denied);
  EXPECT_EQ(node->rename(handle, "other"), Status::success);
}

TEST_F(SecurityTest, TheMarkOfADescriptorShowsNowhere) {
  make("a", only(kAlice));
  EXPECT_EQ(node->facts("a").attributes, attribute::kArchive);
  EXPECT_EQ(node->list("").front().facts.attributes, attribute::kArchive);
}

TEST_F(SecurityTest, ADescriptorIsKeptToAfterAFlushAndAMount) {
  make("a", only(kAlice));
  ASSERT_EQ(node->flush(), Status::success);
  take_over();
  EXPECT_EQ(try_open("a", {.who = kBob, .access = access::kReadData}), Status::access_denied);
  EXPECT_EQ(try_open("a", {}), Status::success);
}

TEST_F(SecurityTest, ADescriptorIsKeptToAfterATakeover) {
  make("a", only(kAlice));
  take_over();
  EXPECT_EQ(try_open("a", {.who = kBob, .access = access::kReadData}), Status::access_denied);
  EXPECT_EQ(try_open("a", {}), Status::success);
}

TEST_F(SecurityTest, ExtendedAttributesAreThereBesideTheFileAfterATakeover) {
  const std::string list = text_of(encode_attributes({{0, "Colour", {1, 2}}}));
  EXPECT_EQ(try_open("a", {.extended = list}), Status::success);
  for (const bool flushed : {true, false}) {
    if (flushed) {
      ASSERT_EQ(node->flush(), Status::success);
    }
    take_over();
    EXPECT_EQ(node->list("").front().facts.ea_size, 4 + 5 + 6 + 2);
    const std::uint64_t handle = must_open("a", {});
    EXPECT_EQ(query(QueryMinor::extended_attributes, handle), Status::success);
    EXPECT_EQ(node->answer, list);
    EXPECT_EQ(node->close(handle), Status::success);
  }
}

TEST_F(SecurityTest, ExtendedAttributesComeAndGo) {
  const std::uint64_t handle = must_open("a", {});
  EXPECT_EQ(query(QueryMinor::extended_attributes, handle), Status::no_eas_on_file);
  const std::string one = text_of(encode_attributes({{0, "one", {1}}}));
  EXPECT_EQ(set(SetMinor::extended_attributes, handle, one), Status::success);
  EXPECT_EQ(query(QueryMinor::extended_attributes, handle), Status::success);
  EXPECT_EQ(node->answer, one);
  EXPECT_EQ(
      set(SetMinor::extended_attributes, handle, text_of(encode_attributes({{0, "ONE", {}}}))),
      Status::success);
  EXPECT_EQ(query(QueryMinor::extended_attributes, handle), Status::no_eas_on_file);
  EXPECT_EQ(set(SetMinor::extended_attributes, handle, "nonsense"), Status::ea_list_inconsistent);
}

TEST_F(SecurityTest, OverwritingTakesExtendedAttributesAwayAndLeavesTheDescriptor) {
  make("a", only(kAlice));
  const std::uint64_t handle = must_open("a", {});
  EXPECT_EQ(
      set(SetMinor::extended_attributes, handle, text_of(encode_attributes({{0, "one", {1}}}))),
      Status::success);
  EXPECT_EQ(node->close(handle), Status::success);
  EXPECT_EQ(try_open("a", {.disposition = Disposition::supersede}), Status::success);
  EXPECT_EQ(node->facts("a").ea_size, 0);
  EXPECT_EQ(try_open("a", {.who = kBob, .access = access::kReadData}), Status::access_denied);
}

}  // namespace
}  // namespace understudy
