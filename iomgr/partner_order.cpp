#include "iomgr/partner_order.h"

#include <boost/json.hpp>
#include <optional>

#include "iomgr/interconnect.h"

namespace understudy {
namespace {

std::optional<std::string> text_member(const boost::json::object& object, std::string_view name) {
  const boost::json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string(value->get_string());
}

std::optional<std::uint8_t> hex_digit(char digit) {
  if (digit >= '0' && digit <= '9') return static_cast<std::uint8_t>(digit - '0');
  if (digit >= 'a' && digit <= 'f') return static_cast<std::uint8_t>(digit - 'a' + 10);
  if (digit >= 'A' && digit <= 'F') return static_cast<std::uint8_t>(digit - 'A' + 10);
  return std::nullopt;
}

std::optional<std::vector<std::uint8_t>> parse_hex(std::string_view text) {
  if (text.size() % 2 != 0 || text.size() / 2 < kMinKeyBytes || text.size() / 2 > kMaxKeyBytes) {
    return std::nullopt;
  }
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const auto high = hex_digit(text[i]);
    const auto low = hex_digit(text[i + 1]);
    if (!high || !low) return std::nullopt;
    bytes.push_back(static_cast<std::uint8_t>(*high << 4 | *low));
  }
  return bytes;
}

bool is_node_name(std::string_view name) {
  return !name.empty() && name.size() <= interconnect::kMaxNodeName;
}

}  // namespace

Result<PartnerOrder> parse_partner_order(std::string_view json, std::string_view endpoint_member) {
  boost::json::error_code error;
  const boost::json::value value = boost::json::parse(json, error);
  if (error || !value.is_object()) return Status::invalid_parameter;
  const boost::json::object& object = value.get_object();
  auto endpoint = text_member(object, endpoint_member);
  auto node = text_member(object, "node");
  auto partner = text_member(object, "partner");
  const auto key_text = text_member(object, "key");
  if (!endpoint || !node || !partner || !key_text) return Status::invalid_parameter;
  auto key = parse_hex(*key_text);
  if (!key || !is_node_name(*node) || !is_node_name(*partner) || *node == *partner) {
    return Status::invalid_parameter;
  }
  return PartnerOrder{std::move(*endpoint), std::move(*node), std::move(*partner), std::move(*key)};
}

}  // namespace understudy
