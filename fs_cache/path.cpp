#include "fs_cache/path.h"

#include <algorithm>

#include "iomgr/bounds.h"
#include "iomgr/unicode.h"

namespace understudy {
namespace {

bool allowed(char letter) {
  constexpr std::string_view kForbidden = "\"*/:<>?|";
  return static_cast<unsigned char>(letter) >= 0x20 && kForbidden.find(letter) == kForbidden.npos;
}

bool fits(std::string_view name) {
  if (name.empty() || name == "." || name == ".." || name.size() > bounds::kMaxNameBytes)
    return false;
  const std::optional<std::size_t> units = utf16_length(name);
  return units && *units <= bounds::kMaxNameUnits;
}

bool valid(std::string_view name) {
  return fits(name) && std::all_of(name.begin(), name.end(), allowed);
}

/// Cuts the stream off the last component. False: that is none.
bool take_stream(std::string_view& text, Path& path) {
  const std::size_t last = text.rfind('\\') + 1;  // npos + 1 is 0
  const std::size_t colon = text.find(':', last);
  if (colon == text.npos) return true;
  std::string_view stream = text.substr(colon + 1);
  text = text.substr(0, colon);
  if (path.directory_only || (colon == last && last > 0)) return false;
  if (const std::size_t type = stream.find(':'); type != stream.npos) {
    if (fold(stream.substr(type + 1)) != fold("$DATA")) return false;
    stream = stream.substr(0, type);
    path.names_data = stream.empty();
  }
  path.stream = stream;
  return path.names_data || is_stream_name(stream);
}

}  // namespace

bool is_stream_name(std::string_view name) {
  constexpr std::string_view kForbidden("/\\:\0", 4);
  return fits(name) && name.find_first_of(kForbidden) == name.npos;
}

Result<Path> parse_path(std::string_view text) {
  Path path;
  if (text.size() > bounds::kMaxPathBytes) return Status::object_name_invalid;
  if (text.ends_with('\\')) {
    path.directory_only = true;
    text.remove_suffix(1);
  }
  if (!take_stream(text, path)) return Status::object_name_invalid;
  while (!text.empty()) {
    const std::size_t end = text.find('\\');
    const std::string_view name = text.substr(0, end);
    if (!valid(name)) return Status::object_name_invalid;
    path.components.emplace_back(name);
    if (end == text.npos) break;
    text.remove_prefix(end + 1);
    if (text.empty()) return Status::object_name_invalid;
  }
  return path;
}

}  // namespace understudy
