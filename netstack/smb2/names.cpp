#include "netstack/smb2/names.h"

#include <algorithm>

#include "iomgr/bounds.h"
#include "iomgr/unicode.h"

namespace understudy::smb2 {
namespace {

bool is_illegal(char letter) {
  constexpr std::string_view kIllegal = "/:*?<>\"|";
  return static_cast<unsigned char>(letter) < 0x20 ||
         kIllegal.find(letter) != std::string_view::npos;
}

Status check_component(std::string_view component) {
  if (component == "..") return Status::object_path_syntax_bad;
  if (component.empty() || component == ".") return Status::object_name_invalid;
  if (std::any_of(component.begin(), component.end(), is_illegal))
    return Status::object_name_invalid;
  const std::optional<std::size_t> units = utf16_length(component);
  return units && *units <= bounds::kMaxNameUnits ? Status::success : Status::object_name_invalid;
}

/// Whether something that can name a stream stands behind the last component, or nothing. What it
/// says is for fs_cache to read.
bool cut_stream(std::string_view& path) {
  const std::size_t last = path.rfind('\\') + 1;  // npos + 1 is 0
  const std::size_t colon = path.find(':', last);
  if (colon == std::string_view::npos) return true;
  const bool nameless = colon == last && last > 0;
  const std::string_view stream = path.substr(colon);
  path = path.substr(0, colon);
  return !nameless && stream.find('/') == stream.npos && stream.find('\0') == stream.npos;
}

}  // namespace

Result<std::string> path_from_wire(ConstBytes utf16, bool slash_divides) {
  Result<std::string> path = text_from_wire(utf16);
  if (!path || path->empty()) return path;
  if (slash_divides) std::replace(path->begin(), path->end(), '/', '\\');
  if (path->front() == '\\') return Status::invalid_parameter;
  std::string_view rest = *path;
  if (!cut_stream(rest)) return Status::object_name_invalid;
  if (rest.empty()) return path;
  if (rest.ends_with('\\')) rest.remove_suffix(1);
  while (true) {
    const std::size_t divider = rest.find('\\');
    const Status status = check_component(rest.substr(0, divider));
    if (failed(status)) return status;
    if (divider == std::string_view::npos) return path;
    rest.remove_prefix(divider + 1);
  }
}

Result<std::string> text_from_wire(ConstBytes utf16) {
  std::optional<std::string> text = utf8_from_utf16le(utf16);
  if (!text) return Status::invalid_parameter;
  if (text->size() > bounds::kMaxPathBytes) return Status::object_name_invalid;
  return *std::move(text);
}

std::vector<std::uint8_t> text_to_wire(std::string_view text) {
  return utf16le_from_utf8(text).value_or(std::vector<std::uint8_t>());
}

}  // namespace understudy::smb2
