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

bool valid(std::string_view name) {
  if (name.empty() || name == "." || name == "..") return false;
  if (name.size() > bounds::kMaxNameBytes || !std::all_of(name.begin(), name.end(), allowed))
    return false;
  const std::optional<std::size_t> units = utf16_length(name);
  return units && *units <= bounds::kMaxNameUnits;
}

}  // namespace

Result<Path> parse_path(std::string_view text) {
  Path path;
  if (text.size() > bounds::kMaxPathBytes) return Status::object_name_invalid;
  if (text.ends_with('\\')) {
    path.directory_only = true;
    text.remove_suffix(1);
  }
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
