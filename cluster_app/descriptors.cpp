#include "cluster_app/descriptors.h"

#include <sys/resource.h>

#include <cstring>

#include "iomgr/bounds.h"

namespace understudy {

std::string raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return std::string("cannot ask how many files it may open: ") + std::strerror(errno);
  limit.rlim_cur = limit.rlim_max;
  if (limit.rlim_max < bounds::kMinDescriptors || setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return "may open " + std::to_string(limit.rlim_max) + " files and needs " +
           std::to_string(bounds::kMinDescriptors) + ": raise the hard limit (ulimit -Hn)";
  }
  return {};
}

}  // namespace understudy
