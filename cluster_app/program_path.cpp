#include "cluster_app/program_path.h"

#include <filesystem>

namespace understudy {

std::string program_path() {
  std::error_code failure;
  const std::filesystem::path path = std::filesystem::read_symlink("/proc/self/exe", failure);
  return failure ? "cluster_app" : path.string();
}

}  // namespace understudy
