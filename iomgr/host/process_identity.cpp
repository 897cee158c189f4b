#include "iomgr/host/process_identity.h"

#include <sys/stat.h>

#include <charconv>
#include <fstream>
#include <sstream>

namespace understudy {

namespace {

/// What stands behind the program's name in /proc/<pid>/stat; empty if there is no such process.
std::string behind_name(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  // By getline, which takes it for an end when the process is gone between opening and reading; a
  // bare iterator throws then.
  std::string text;
  std::getline(file, text, '\0');
  // Field 2 is the program's name in parentheses and may contain anything, parentheses too.
  const std::size_t name_end = text.rfind(')');
  return name_end == std::string::npos ? std::string() : text.substr(name_end + 1);
}

}  // namespace

char state_of(pid_t pid) {
  const std::string text = behind_name(pid);
  return text.size() < 2 ? '\0' : text[1];
}

std::optional<std::uint64_t> start_time_of(pid_t pid) {
  std::istringstream fields(behind_name(pid));
  constexpr int kStartTime = 22;
  std::string field;
  for (int number = 3; number <= kStartTime; ++number) fields >> field;
  std::uint64_t ticks = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), ticks);
  if (!fields || error != std::errc() || end != field.data() + field.size()) return std::nullopt;
  return ticks;
}

std::string machine_identity() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string boot;
  file >> boot;
  struct stat space {};
  const bool known = !boot.empty() && stat("/proc/self/ns/pid", &space) == 0;
  return known ? boot + ":" + std::to_string(space.st_ino) : std::string();
}

}  // namespace understudy
