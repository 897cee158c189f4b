#include "cluster_app/cluster_directory.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "iomgr/check.h"
#include "iomgr/hex.h"
#include "iomgr/host/unique_fd.h"

namespace understudy::cluster_directory {
namespace fs = std::filesystem;

std::string lock_path(const std::string& node) {
  return std::string(kRun) + "/" + node + ".lock";
}
std::string socket_path(const std::string& node) {
  return std::string(kRun) + "/" + node + ".sock";
}

std::string memory_path(const std::string& key, const std::string& node) {
  UNDERSTUDY_CHECK(!key.empty());
  std::array<std::uint8_t, 32> digest{};
  const int done =
      EVP_Digest(key.data(), key.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  UNDERSTUDY_CHECK(done == 1);
  return "/dev/shm/understudy-" + to_hex(ConstBytes(digest).first(8)) + "-" + node;
}

std::optional<std::string> read_file(const std::string& path, std::string& error) {
  constexpr std::uintmax_t kLongest = 1024 * 1024;
  std::error_code failure;
  const std::uintmax_t size = fs::file_size(path, failure);
  std::ifstream file(path, std::ios::binary);
  if (failure || !file) {
    error = path + ": cannot be read: " +
            (failure ? failure.message() : std::string(std::strerror(errno)));
    return std::nullopt;
  }
  if (size > kLongest) {
    error = path + ": larger than 1 MiB, which it should never be";
    return std::nullopt;
  }
  return std::string{std::istreambuf_iterator<char>(file), {}};
}

std::string create_file(const std::string& path, const std::string& text, unsigned mode) {
  const UniqueFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!file) return path + ": " + std::strerror(errno);
  std::size_t written = 0;
  while (written < text.size()) {
    const ssize_t count = write(file.get(), text.data() + written, text.size() - written);
    if (count < 0) return path + ": " + std::strerror(errno);
    written += static_cast<std::size_t>(count);
  }
  return fsync(file.get()) == 0 ? std::string() : path + ": " + std::strerror(errno);
}

std::optional<ClusterConfig> enter(const std::string& directory, std::string& error) {
  std::error_code failure;
  if (!fs::exists(fs::path(directory) / kConfig, failure)) {
    error = "no cluster.toml in " + directory +
            ": make a cluster with `cluster_app init DIR`, or say where it is with -C DIR";
    return std::nullopt;
  }
  fs::current_path(directory, failure);
  if (failure) {
    error = directory + ": " + failure.message();
    return std::nullopt;
  }
  const auto text = read_file(kConfig, error);
  if (!text) return std::nullopt;
  auto config = parse_config(*text, kConfig, error);
  if (!config) return std::nullopt;
  for (LunConfig& lun : config->luns)
    lun.directory = fs::absolute(lun.directory).lexically_normal().string();
  return config;
}

std::optional<std::string> read_key(std::string& error) {
  struct stat facts {};
  if (stat(kKey, &facts) == 0 && (facts.st_mode & 077) != 0) {
    error = std::string(kKey) + ": others may read it; say `chmod 600 " + kKey + "`";
    return std::nullopt;
  }
  auto text = read_file(kKey, error);
  if (!text) return std::nullopt;
  while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
  const bool hex = text->find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!hex || text->size() != 64) {
    error = std::string(kKey) +
            ": is not 64 hexadecimal digits; remove it and say `cluster_app init` again";
    return std::nullopt;
  }
  return text;
}

}  // namespace understudy::cluster_directory
