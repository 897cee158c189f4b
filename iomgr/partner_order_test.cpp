// The order `cluster/partner`: what is read and what is refused.
#include "iomgr/partner_order.h"

#include <gtest/gtest.h>

namespace understudy {
namespace {

const std::string kKey = "000102030405060708090a0b0c0d0eFF";

std::string order(const std::string& endpoint, const std::string& node, const std::string& partner,
                  const std::string& key) {
  return R"({"connect":")" + endpoint + R"(","node":")" + node + R"(","partner":")" + partner +
         R"(","key":")" + key + R"("})";
}

TEST(PartnerOrder, ReadsEndpointNamesAndKey) {
  const auto read = parse_partner_order(order("127.0.0.1:9", "a", "b", kKey), "connect");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->endpoint, "127.0.0.1:9");
  EXPECT_EQ(read->node, "a");
  EXPECT_EQ(read->partner, "b");
  ASSERT_EQ(read->key.size(), 16U);
  EXPECT_EQ(read->key[10], 0x0A);
  EXPECT_EQ(read->key[15], 0xFF);
}

TEST(PartnerOrder, RefusesWhatIsNoOrder) {
  const std::string good = order("x:1", "a", "b", kKey);
  EXPECT_TRUE(parse_partner_order(good, "connect"));
  EXPECT_FALSE(parse_partner_order(good, "listen"));
  EXPECT_FALSE(parse_partner_order(good.substr(1), "connect"));
  EXPECT_FALSE(parse_partner_order("", "connect"));
  EXPECT_FALSE(parse_partner_order("[]", "connect"));
  EXPECT_FALSE(
      parse_partner_order(R"({"connect":1,"node":"a","partner":"b","key":""})", "connect"));
  EXPECT_FALSE(parse_partner_order(order("x:1", "", "b", kKey), "connect"));
  EXPECT_FALSE(parse_partner_order(order("x:1", "a", "a", kKey), "connect"));
  EXPECT_FALSE(parse_partner_order(order("x:1", "a", std::string(64, 'b'), kKey), "connect"));
  EXPECT_FALSE(parse_partner_order(order("x:1", "a", "b", kKey + "0"), "connect"));
  EXPECT_FALSE(parse_partner_order(order("x:1", "a", "b", kKey.substr(2)), "connect"));
  EXPECT_FALSE(parse_partner_order(order("x:1", "a", "b", "zz" + kKey), "connect"));
}

}  // namespace
}  // namespace understudy
