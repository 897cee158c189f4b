#include "fs_cache/medium/owner_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "iomgr/check.h"
#include "iomgr/wire.h"

namespace understudy {
namespace {

constexpr std::string_view kPrefix = "owner.";
constexpr std::size_t kBytes = 16;

std::string file_name(std::uint64_t epoch) {
  return std::string(kPrefix) + id_text(epoch);
}

/// The epochs that have a file.
IoOutcome claimed_epochs(const LunFolders& folders, std::vector<std::uint64_t>& out) {
  out.clear();
  return for_each_name(folders.base.get(), ".",
                       [&](const std::string& name, unsigned char) -> IoOutcome {
                         if (!name.starts_with(kPrefix)) return {};
                         if (const auto epoch = id_from_text(name.substr(kPrefix.size())))
                           out.push_back(*epoch);
                         return {};
                       });
}

IoOutcome highest_epoch(const LunFolders& folders, std::uint64_t& out) {
  std::vector<std::uint64_t> epochs;
  if (auto failure = claimed_epochs(folders, epochs)) return failure;
  out = epochs.empty() ? 0 : *std::max_element(epochs.begin(), epochs.end());
  return {};
}

IoFailure taken(const std::string& name) {
  return {"epoch has been claimed", name, Status::object_name_collision};
}

/// A claimer that was overtaken between looking and linking sees it afterwards: a higher epoch's
/// file is there before lower ones are removed.
IoOutcome settle(const LunFolders& folders, std::uint64_t epoch) {
  std::vector<std::uint64_t> epochs;
  if (auto failure = claimed_epochs(folders, epochs)) return failure;
  // Ours may be gone already: whoever removed it has claimed a higher one.
  if (std::find(epochs.begin(), epochs.end(), epoch) == epochs.end())
    return taken(file_name(epoch));
  const std::uint64_t highest = *std::max_element(epochs.begin(), epochs.end());
  for (const std::uint64_t older : epochs) {
    if (older >= highest) continue;
    if (auto failure = unlink_at(folders.base.get(), file_name(older))) return failure;
  }
  if (highest > epoch) return taken(file_name(epoch));
  return {};
}

}  // namespace

IoOutcome read_owner_file(const LunFolders& folders, Ownership& out) {
  while (true) {
    std::uint64_t epoch = 0;
    if (auto failure = highest_epoch(folders, epoch)) return failure;
    out = {};
    if (epoch == 0) return {};
    const std::string name = file_name(epoch);
    FileDescriptor file;
    if (auto failure = open_at(folders.base.get(), name, O_RDONLY, file)) {
      if (failure->error == ENOENT) continue;  // a higher epoch came meanwhile
      return failure;
    }
    std::array<std::uint8_t, kBytes> bytes{};
    std::size_t count = 0;
    if (auto failure = read_fully(file.get(), 0, bytes, name, count)) return failure;
    WireReader reader(bytes);
    out.epoch = reader.u64();
    out.node = reader.u32();
    const bool intact = reader.u32() == crc32c(ConstBytes(bytes).first(kBytes - 4));
    if (!intact || out.epoch != epoch) return corrupt("owner file is damaged", name);
    return {};
  }
}

IoOutcome prepare_claim(const LunFolders& folders, const Ownership& ownership,
                        std::string& temporary) {
  UNDERSTUDY_CHECK(ownership.epoch > 0);
  WireWriter writer;
  writer.u64(ownership.epoch);
  writer.u32(ownership.node);
  writer.u32(crc32c(writer.bytes()));
  // Claimers do not hold the lock, so each needs a name of its own.
  temporary = file_name(ownership.epoch) + "." + std::to_string(ownership.node) + "." +
              std::to_string(getpid());
  FileDescriptor file;
  if (auto failure =
          open_at(folders.temporary.get(), temporary, O_WRONLY | O_CREAT | O_TRUNC, file))
    return failure;
  if (auto failure = write_fully(file.get(), 0, writer.bytes(), temporary)) return failure;
  return sync_file(file.get(), temporary);
}

IoOutcome finish_claim(const LunFolders& folders, const Ownership& ownership,
                       const std::string& temporary) {
  const std::string name = file_name(ownership.epoch);
  const bool linked =
      linkat(folders.temporary.get(), temporary.c_str(), folders.base.get(), name.c_str(), 0) == 0;
  IoOutcome failure;
  if (!linked) failure = errno == EEXIST ? taken(name) : failed_call("link", name);
  if (auto left = unlink_at(folders.temporary.get(), temporary); left && !failure) failure = left;
  if (failure) return failure;
  // What makes the claim durable comes before what it replaces goes.
  if (auto unsynced = sync_file(folders.base.get(), name)) return unsynced;
  return settle(folders, ownership.epoch);
}

}  // namespace understudy
