#include "iomgr/status.h"

#include <array>
#include <cctype>
#include <string>
#include <unordered_map>

namespace understudy {
namespace {

struct Row {
  Status status;
  std::string_view name;
};

constexpr std::array kRows = {
#define UNDERSTUDY_STATUS_ROW(name, value) Row{Status::name, #name},
    UNDERSTUDY_STATUS_TABLE(UNDERSTUDY_STATUS_ROW)
#undef UNDERSTUDY_STATUS_ROW
};

std::unordered_map<Status, std::string> make_names() {
  std::unordered_map<Status, std::string> names;
  for (const Row& row : kRows) {
    std::string text = "STATUS_";
    for (const char letter : row.name) text += static_cast<char>(std::toupper(letter));
    names.emplace(row.status, std::move(text));
  }
  return names;
}

}  // namespace

std::string_view to_string(Status status) {
  static const auto kNames = make_names();
  const auto found = kNames.find(status);
  return found == kNames.end() ? std::string_view("STATUS_?") : std::string_view(found->second);
}

}  // namespace understudy
