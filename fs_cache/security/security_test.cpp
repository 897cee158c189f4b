// Descriptors, the access check, inheritance and extended attributes as pure functions.
#include <gtest/gtest.h>

#include <random>

#include "fs_cache/file_constants.h"
#include "fs_cache/security/access_check.h"
#include "fs_cache/security/extended_attributes.h"
#include "iomgr/bounds.h"

namespace understudy {
namespace {

constexpr Sid kAlice{5, 5, {21, 1, 2, 3, 1001}};
constexpr Sid kBob{5, 5, {21, 1, 2, 3, 1002}};
constexpr Sid kUsers{5, 5, {21, 1, 2, 3, 513}};

const Token kAliceToken{{kAlice, kUsers, sids::kEveryone}};
const Token kBobToken{{kBob, kUsers, sids::kEveryone}};

Ace allow(std::uint32_t mask, const Sid& sid, std::uint8_t flags = 0) {
  return {Ace::allowed, flags, mask, sid};
}
Ace deny(std::uint32_t mask, const Sid& sid) {
  return {Ace::denied, 0, mask, sid};
}
SecurityDescriptor alices(Acl acl) {
  return {control::kDaclPresent, kAlice, kUsers, std::move(acl)};
}

TEST(Descriptor, ComesBackAsItWasEncoded) {
  const SecurityDescriptor all =
      alices({deny(access::kWriteData, kBob), allow(access::kAllOfAFile, sids::kEveryone, 3)});
  const auto bytes = encode_descriptor(all);
  ASSERT_TRUE(bytes);
  const auto decoded = decode_descriptor(*bytes);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded, all);
}

TEST(Descriptor, TellsANullDaclFromAnEmptyOne) {
  SecurityDescriptor none = alices({});
  EXPECT_EQ(*decode_descriptor(*encode_descriptor(none)), none);
  EXPECT_EQ(maximal_access(none, kBobToken), 0U);
  none.dacl.reset();
  EXPECT_EQ(*decode_descriptor(*encode_descriptor(none)), none);
  EXPECT_EQ(maximal_access(none, kBobToken), access::kAllOfAFile);
}

TEST(Descriptor, RefusesEntriesThatNobodyWouldEvaluate) {
  std::vector<std::uint8_t> bytes = *encode_descriptor(alices({allow(1, kBob)}));
  const std::size_t ace = bytes.size() - 8 - sid_size(kBob);
  bytes.at(ace) = 9;  // ACCESS_ALLOWED_CALLBACK_ACE
  EXPECT_EQ(decode_descriptor(bytes).status(), Status::invalid_acl);
}

TEST(Descriptor, OfAnyBytesIsRefusedOrKept) {
  const std::vector<std::uint8_t> sound =
      *encode_descriptor(alices({allow(1, kBob), deny(2, sids::kEveryone)}));
  std::mt19937 random(1);
  for (int i = 0; i < 20000; ++i) {
    std::vector<std::uint8_t> bytes = sound;
    for (int change = 0; change < 3; ++change)
      bytes.at(random() % bytes.size()) = static_cast<std::uint8_t>(random());
    bytes.resize(random() % (bytes.size() + 1));
    const auto decoded = decode_descriptor(bytes);
    if (!decoded) continue;
    EXPECT_EQ(*decode_descriptor(*encode_descriptor(*decoded)), *decoded);
  }
}

TEST(Descriptor, ThatIsTooLongToStoreIsRefused) {
  EXPECT_EQ(encode_descriptor(alices(Acl(4000, allow(1, kBob)))).status(), Status::invalid_acl);
}

TEST(AccessCheck, TakesEntriesInTheirOrder) {
  const auto denied_first = alices({deny(access::kWriteData, kBob), allow(3, sids::kEveryone)});
  EXPECT_EQ(maximal_access(denied_first, kBobToken), access::kReadData);
  const auto allowed_first = alices({allow(3, sids::kEveryone), deny(access::kWriteData, kBob)});
  EXPECT_EQ(maximal_access(allowed_first, kBobToken), 3U);
}

TEST(AccessCheck, LetsTheOwnerAlwaysChangeTheDacl) {
  EXPECT_EQ(maximal_access(alices({}), kAliceToken), access::kReadControl | access::kWriteDac);
}

TEST(AccessCheck, LetsOwnerRightsTakeThatAway) {
  const auto descriptor = alices({allow(access::kReadData, sids::kOwnerRights)});
  EXPECT_EQ(maximal_access(descriptor, kAliceToken), access::kReadData);
  EXPECT_EQ(maximal_access(descriptor, kBobToken), 0U);
}

TEST(AccessCheck, LetsAdministratorsTakeOwnership) {
  Token admin = kBobToken;
  admin.sids.push_back(sids::kAdministrators);
  EXPECT_EQ(maximal_access(alices({}), admin), access::kWriteOwner);
}

TEST(Inheritance, ReplacesTheCreatorAndHandsTheOriginalOn) {
  const std::uint8_t both = Ace::kObjectInherit | Ace::kContainerInherit;
  const auto parent = alices({allow(access::kReadData, sids::kCreatorOwner, both)});
  const auto file = inherit_descriptor(&parent, nullptr, kBobToken, false);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->owner, kBob);
  EXPECT_EQ(*file->dacl, (Acl{allow(access::kReadData, kBob)}));
  const auto directory = inherit_descriptor(&parent, nullptr, kBobToken, true);
  EXPECT_EQ(*directory->dacl, (Acl{allow(access::kReadData, kBob),
                                   allow(access::kReadData, sids::kCreatorOwner,
                                         static_cast<std::uint8_t>(both | Ace::kInheritOnly))}));
}

TEST(Inheritance, OfNothingLeavesTheNewObjectToItsOwner) {
  const auto parent = alices({allow(access::kReadData, sids::kEveryone)});
  const auto made = inherit_descriptor(&parent, nullptr, kBobToken, false);
  EXPECT_EQ(maximal_access(*made, kBobToken), access::kAllOfAFile);
  EXPECT_EQ(maximal_access(*made, kAliceToken), 0U);
}

TEST(Inheritance, StopsWhereItMustNotPropagate) {
  const std::uint8_t flags = Ace::kContainerInherit | Ace::kNoPropagate;
  const auto parent = alices({allow(1, kBob, flags)});
  EXPECT_EQ(*inherit_descriptor(&parent, nullptr, kBobToken, true)->dacl, (Acl{allow(1, kBob)}));
}

TEST(Inheritance, GivesWayToAnExplicitDescriptor) {
  const auto parent = alices({allow(1, kBob, 3)});
  const SecurityDescriptor wanted{control::kDaclPresent, {}, {}, Acl{allow(2, kAlice)}};
  const auto made = inherit_descriptor(&parent, &wanted, kBobToken, false);
  EXPECT_EQ(*made->dacl, (Acl{allow(2, kAlice)}));
  EXPECT_EQ(made->owner, kBob);
}

TEST(Merge, LetsNobodyGiveAFileAway) {
  SecurityDescriptor descriptor = alices({});
  const SecurityDescriptor change{0, kBob, {}, {}};
  EXPECT_EQ(merge_descriptor(descriptor, change, selection::kOwner, kAliceToken),
            Status::invalid_owner);
  EXPECT_EQ(merge_descriptor(descriptor, change, selection::kOwner, kBobToken), Status::success);
  EXPECT_EQ(descriptor.owner, kBob);
}

TEST(Merge, MapsGenericRights) {
  SecurityDescriptor descriptor = alices({});
  const SecurityDescriptor change{control::kDaclPresent, {}, {}, Acl{allow(0x80000000, kBob)}};
  EXPECT_EQ(merge_descriptor(descriptor, change, selection::kDacl, kAliceToken), Status::success);
  EXPECT_EQ(descriptor.dacl->front().mask, access::kGenericRead);
}

TEST(Tokens, AreBounded) {
  WireWriter writer;
  for (std::size_t i = 0; i <= bounds::kMaxTokenSids; ++i) put_sid(writer, kAlice);
  EXPECT_EQ(decode_token(writer.bytes()).status(), Status::invalid_sid);
  EXPECT_EQ(decode_token({}).status(), Status::invalid_sid);
}

TEST(ExtendedAttributeList, ComesBackAsItWasEncoded) {
  const ExtendedAttributes list = {{0, "One", {1, 2, 3}}, {0x80, "two", {4}}};
  std::size_t wrong_at = 0;
  const auto decoded = decode_attributes(encode_attributes(list), wrong_at);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded, list);
  EXPECT_EQ(ea_size(list), 4 + (5 + 3 + 3) + (5 + 3 + 1));
}

TEST(ExtendedAttributeList, SaysWhereItIsWrong) {
  std::vector<std::uint8_t> bytes = encode_attributes({{0, "one", {1}}, {0, "two", {2}}});
  std::size_t wrong_at = 0;
  const std::size_t second = bytes.at(0);
  bytes.pop_back();
  EXPECT_EQ(decode_attributes(bytes, wrong_at).status(), Status::ea_list_inconsistent);
  EXPECT_EQ(wrong_at, second);
}

TEST(ExtendedAttributeList, ReplacesWithoutRegardToCaseAndRemovesWhatIsEmpty) {
  ExtendedAttributes list = {{0, "One", {1}}, {0, "two", {2}}};
  EXPECT_EQ(merge_attributes(list, {{0, "oNE", {3}}, {0, "TWO", {}}, {0, "absent", {}}}),
            Status::success);
  EXPECT_EQ(list, (ExtendedAttributes{{0, "oNE", {3}}}));
}

TEST(ExtendedAttributeList, IsBounded) {
  ExtendedAttributes list;
  EXPECT_EQ(merge_attributes(list, {{0, "a", std::vector<std::uint8_t>(40000)},
                                    {0, "b", std::vector<std::uint8_t>(40000)}}),
            Status::ea_too_large);
}

TEST(ExtendedAttributeList, OfAnyBytesIsRefusedOrKept) {
  const std::vector<std::uint8_t> sound =
      encode_attributes({{0, "one", {1}}, {0, "two", {2, 3, 4, 5}}});
  std::mt19937 random(1);
  for (int i = 0; i < 20000; ++i) {
    std::vector<std::uint8_t> bytes = sound;
    bytes.at(random() % bytes.size()) = static_cast<std::uint8_t>(random());
    bytes.resize(random() % (bytes.size() + 1));
    std::size_t wrong_at = 0;
    const auto decoded = decode_attributes(bytes, wrong_at);
    if (!decoded) continue;
    EXPECT_EQ(*decode_attributes(encode_attributes(*decoded), wrong_at), *decoded);
  }
}

}  // namespace
}  // namespace understudy
