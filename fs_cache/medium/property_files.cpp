#include "fs_cache/medium/property_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "iomgr/bounds.h"
#include "iomgr/check.h"

namespace understudy {
namespace {

constexpr PropertyKind kKept[] = {PropertyKind::security_descriptor,
                                  PropertyKind::extended_attributes, PropertyKind::open};

const char* folder_of(PropertyKind kind) {
  switch (kind) {
    case PropertyKind::security_descriptor:
      return "security";
    case PropertyKind::extended_attributes:
      return "attributes";
    case PropertyKind::open:
      return "open";
    case PropertyKind::token:
    case PropertyKind::durable:
      break;
  }
  UNDERSTUDY_CHECK(false);  // of IRPs alone: decode_record() refuses them
  return "";
}

std::string path_of(PropertyKind kind, std::uint64_t id) {
  return std::string(folder_of(kind)) + "/" + id_text(id);
}

std::string temporary_name(std::size_t number) {
  return "property." + std::to_string(number);
}

}  // namespace

IoOutcome make_property_folders(const FileDescriptor& base) {
  if (auto failure = make_directory(base.get(), "property")) return failure;
  for (const PropertyKind kind : kKept) {
    if (auto failure = make_directory(base.get(), std::string("property/") + folder_of(kind)))
      return failure;
  }
  return {};
}

IoOutcome write_property_file(const LunFolders& folders, const PropertyCell& property,
                              std::size_t number, bool syncs) {
  if (property.bytes.empty()) return {};
  const std::string name = temporary_name(number);
  FileDescriptor file;
  if (auto failure = open_at(folders.temporary.get(), name, O_WRONLY | O_CREAT | O_TRUNC, file))
    return failure;
  if (auto failure = write_fully(file.get(), 0, property.bytes, name)) return failure;
  return syncs ? sync_file(file.get(), name) : IoOutcome{};
}

IoOutcome place_property_file(const LunFolders& folders, const PropertyCell& property,
                              std::size_t number) {
  const std::string path = path_of(property.kind, property.id);
  if (property.bytes.empty()) return unlink_at(folders.properties.get(), path);
  const std::string name = temporary_name(number);
  if (renameat(folders.temporary.get(), name.c_str(), folders.properties.get(), path.c_str()) != 0)
    return failed_call("rename", path);
  return {};
}

IoOutcome sync_property_folder(const LunFolders& folders, PropertyKind kind) {
  return sync_path(folders.properties.get(), folder_of(kind));
}

IoOutcome read_property_file(const LunFolders& folders, PropertyKind kind, std::uint64_t id,
                             std::vector<std::uint8_t>& out) {
  out.clear();
  const std::string path = path_of(kind, id);
  FileDescriptor file;
  if (auto failure = open_at(folders.properties.get(), path, O_RDONLY, file)) {
    if (failure->error == ENOENT) return {};
    return failure;
  }
  struct stat inode {};
  if (fstat(file.get(), &inode) != 0) return failed_call("fstat", path);
  if (!S_ISREG(inode.st_mode) || static_cast<std::uint64_t>(inode.st_size) > bounds::kMaxProperty)
    return corrupt("too large for a property", path);
  out.resize(static_cast<std::size_t>(inode.st_size));
  std::size_t count = 0;
  if (auto failure = read_fully(file.get(), 0, out, path, count)) return failure;
  out.resize(count);
  return {};
}

IoOutcome list_property_files(const LunFolders& folders, PropertyKind kind,
                              std::vector<PropertyCell>& out) {
  const auto add = [&](const std::string& name, unsigned char) -> IoOutcome {
    const std::optional<std::uint64_t> id = id_from_text(name);
    if (!id) return {};  // some program of the host put it there
    PropertyCell cell{kind, *id, {}};
    if (auto failure = read_property_file(folders, kind, *id, cell.bytes)) {
      if (failure->status != Status::file_corrupt) return failure;
      cell.bytes.clear();
    }
    out.push_back(std::move(cell));
    return {};
  };
  return for_each_name(folders.properties.get(), folder_of(kind), add);
}

IoOutcome remove_properties_of(const LunFolders& folders, ObjectId object) {
  for (const PropertyKind kind :
       {PropertyKind::security_descriptor, PropertyKind::extended_attributes}) {
    if (auto failure = unlink_at(folders.properties.get(), path_of(kind, object))) return failure;
  }
  return {};
}

}  // namespace understudy
