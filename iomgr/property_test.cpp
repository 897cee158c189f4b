#include "iomgr/property.h"

#include <gtest/gtest.h>

#include "iomgr/bounds.h"

namespace understudy {
namespace {

std::vector<std::uint8_t> encoded(const std::vector<Property>& properties) {
  std::vector<std::uint8_t> bytes(properties_size(properties));
  encode_properties(properties, bytes);
  return bytes;
}

TEST(Properties, AListComesBackAsItWasWritten) {
  const std::vector<std::uint8_t> value = {1, 2, 3};
  const auto bytes = encoded({{PropertyKind::security_descriptor, 7, value},
                              {PropertyKind::open, 7, {}},
                              {PropertyKind::open, 8, value}});
  const auto back = decode_properties(bytes);
  ASSERT_TRUE(back);
  ASSERT_EQ(back->size(), 3U);
  EXPECT_EQ(back->at(0).id, 7U);
  EXPECT_TRUE(std::equal(value.begin(), value.end(), back->at(2).bytes.begin()));
  EXPECT_TRUE(back->at(1).bytes.empty());
  EXPECT_EQ(find_property(*back, PropertyKind::open), &back->at(1));
  EXPECT_EQ(find_property(*back, PropertyKind::token), nullptr);
}

TEST(Properties, AListThatIsCutAnywhereIsRefused) {
  const std::vector<std::uint8_t> value = {1, 2, 3};
  const auto bytes = encoded({{PropertyKind::open, 1, value}});
  for (std::size_t size = 1; size < bytes.size(); ++size)
    EXPECT_FALSE(decode_properties(ConstBytes(bytes).first(size))) << size;
}

TEST(Properties, UnknownKindsAndCellsNamedTwiceAreRefused) {
  auto bytes = encoded({{PropertyKind::open, 1, {}}});
  bytes[0] = 99;
  EXPECT_FALSE(decode_properties(bytes));
  EXPECT_FALSE(
      decode_properties(encoded({{PropertyKind::open, 1, {}}, {PropertyKind::open, 1, {}}})));
}

TEST(Properties, NeitherAValueNorTheirNumberPassesItsBound) {
  std::vector<Property> many;
  for (std::size_t i = 0; i <= bounds::kMaxProperties; ++i)
    many.push_back({PropertyKind::open, i, {}});
  EXPECT_FALSE(decode_properties(encoded(many)));
  many.pop_back();
  EXPECT_TRUE(decode_properties(encoded(many)));

  auto bytes = encoded({{PropertyKind::open, 1, {}}});
  bytes.resize(bytes.size() + bounds::kMaxProperty + 1);
  const auto length = static_cast<std::uint32_t>(bounds::kMaxProperty + 1);
  bytes[4] = static_cast<std::uint8_t>(length);
  bytes[5] = static_cast<std::uint8_t>(length >> 8);
  bytes[6] = static_cast<std::uint8_t>(length >> 16);
  EXPECT_FALSE(decode_properties(bytes));
}

}  // namespace
}  // namespace understudy
