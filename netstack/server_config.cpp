#include "netstack/server_config.h"

#include <algorithm>

#include "iomgr/bounds.h"
#include "iomgr/json_fields.h"
#include "iomgr/unicode.h"
#include "netstack/auth/crypto.h"

namespace understudy {
namespace {

constexpr std::string_view kPipeShare = "IPC$";

/// False if it is there and is no word that we know.
bool read_encryption(const json::object& object, Encryption& encryption) {
  constexpr std::string_view kKey = "encryption";
  if (object.if_contains(kKey) == nullptr) return true;
  const std::optional<std::string> word = find_text(object, kKey);
  if (word == "off") encryption = Encryption::off;
  if (word == "allowed") encryption = Encryption::allowed;
  if (word == "required") encryption = Encryption::required;
  return word == "off" || word == "allowed" || word == "required";
}

bool read_share(const json::value& value, ServerConfig& config) {
  if (!value.is_object()) return false;
  const json::object& object = value.get_object();
  std::optional<std::string> name = find_text(object, "name");
  const json::value* lun = object.if_contains("lun");
  if (!name || name->empty() || lun == nullptr || !lun->is_int64()) return false;
  const std::optional<std::size_t> units = utf16_length(*name);
  if (!units || *units > 80 || config.find_share(*name) != nullptr) return false;
  if (lun->get_int64() < 0 || lun->get_int64() >= bounds::kMaxLuns) return false;
  smb2::Share share;
  share.name = std::move(*name);
  share.lun = static_cast<std::uint32_t>(lun->get_int64());
  share.continuously_available = true;
  if (!read_flag(object, "encrypted", share.encrypted) ||
      !read_flag(object, "continuously_available", share.continuously_available) ||
      !read_flag(object, "slash_divides", share.slash_divides)) {
    return false;
  }
  config.shares.push_back(std::move(share));
  return true;
}

bool read_shares(const json::object& object, ServerConfig& config) {
  const json::value* shares = object.if_contains("shares");
  if (shares == nullptr || !shares->is_array()) return false;
  if (shares->get_array().size() > bounds::kMaxShares) return false;
  return std::all_of(shares->get_array().begin(), shares->get_array().end(),
                     [&config](const json::value& share) { return read_share(share, config); });
}

}  // namespace

const smb2::Share* ServerConfig::find_share(std::string_view share_name) const {
  static const smb2::Share kPipes{
      .name = std::string(kPipeShare), .lun = 0, .kind = smb2::Share::Kind::pipe};
  const std::string folded = fold(share_name);
  if (folded == kPipeShare) return &kPipes;
  const auto found =
      std::find_if(shares.begin(), shares.end(),
                   [&folded](const smb2::Share& share) { return fold(share.name) == folded; });
  return found == shares.end() ? nullptr : &*found;
}

std::array<std::uint8_t, 16> ServerConfig::guid() const {
  const std::string folded = fold(name);
  const auth::Sha512Digest digest = auth::sha512(auth::pieces({as_bytes(folded)}));
  std::array<std::uint8_t, 16> guid{};
  std::copy_n(digest.begin(), guid.size(), guid.begin());
  return guid;
}

std::optional<ServerConfig> parse_serve(ConstBytes text, std::string& error) {
  const std::optional<json::object> object = parse_object(as_text(text));
  if (!object) {
    error = "not a JSON object";
    return std::nullopt;
  }
  ServerConfig config;
  const std::optional<std::string> address = find_text(*object, "address");
  const std::optional<std::string> server = find_text(*object, "server");
  const std::optional<std::string> accounts = find_text(*object, "accounts");
  if (!address || !server || server->empty() || !accounts) {
    error = "address, server and accounts must be there";
    return std::nullopt;
  }
  if (!read_flag(*object, "signing_required", config.signing_required)) {
    error = "signing_required must be true or false";
    return std::nullopt;
  }
  if (!read_encryption(*object, config.encryption)) {
    error = "encryption must be off, allowed or required";
    return std::nullopt;
  }
  std::optional<Accounts> parsed = Accounts::parse(*accounts, error);
  if (!parsed) return std::nullopt;
  config.address = *address;
  config.name = *server;
  config.accounts = std::move(*parsed);
  if (!read_shares(*object, config)) {
    error =
        "shares must be a list of different {name, lun, encrypted, continuously_available, "
        "slash_divides}";
    return std::nullopt;
  }
  return config;
}

std::optional<Endpoint> parse_address(ConstBytes text) {
  const std::optional<json::object> object = parse_object(as_text(text));
  return object ? find_text(*object, "address") : std::nullopt;
}

bool stands_by(ConstBytes text) {
  const std::optional<json::object> object = parse_object(as_text(text));
  bool flag = false;
  return object && read_flag(*object, "standby", flag) && flag;
}

}  // namespace understudy
