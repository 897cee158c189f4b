#include "iomgr/partner_order.h"

#include <optional>

#include "iomgr/hex.h"
#include "iomgr/interconnect.h"
#include "iomgr/json_fields.h"

namespace understudy {
namespace {

bool is_node_name(std::string_view name) {
  return !name.empty() && name.size() <= interconnect::kMaxNodeName;
}

}  // namespace

Result<PartnerOrder> parse_partner_order(std::string_view text, std::string_view endpoint_member) {
  const std::optional<json::object> object = parse_object(text);
  if (!object) return Status::invalid_parameter;
  auto endpoint = find_text(*object, endpoint_member);
  auto node = find_text(*object, "node");
  auto partner = find_text(*object, "partner");
  const auto key_text = find_text(*object, "key");
  if (!endpoint || !node || !partner || !key_text) return Status::invalid_parameter;
  auto key = from_hex(*key_text);
  if (!key || key->size() < kMinKeyBytes || key->size() > kMaxKeyBytes) {
    return Status::invalid_parameter;
  }
  if (!is_node_name(*node) || !is_node_name(*partner) || *node == *partner) {
    return Status::invalid_parameter;
  }
  return PartnerOrder{std::move(*endpoint), std::move(*node), std::move(*partner), std::move(*key)};
}

}  // namespace understudy
