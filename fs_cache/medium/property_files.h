// Properties in a LUN's directory: property/<kind>/<id>, one small file each, replaced in one step.
// Blocking; runs off the layer's thread.
#pragma once

#include "fs_cache/medium/medium.h"
#include "fs_cache/medium/posix_layout.h"

namespace understudy {

/// Makes the folders that are missing. `base` is .understudy.
IoOutcome make_property_folders(const FileDescriptor& base);

/// The new value under a temporary name of its own (`number`); durable if `syncs`. Nothing for a
/// value that goes.
IoOutcome write_property_file(const LunFolders& folders, const PropertyCell& property,
                              std::size_t number, bool syncs);
/// From the temporary name to where it belongs, or away with it.
IoOutcome place_property_file(const LunFolders& folders, const PropertyCell& property,
                              std::size_t number);
/// Makes durable what was placed there.
IoOutcome sync_property_folder(const LunFolders& folders, PropertyKind kind);

/// No bytes: there is none. STATUS_FILE_CORRUPT: it is larger than any property.
IoOutcome read_property_file(const LunFolders& folders, PropertyKind kind, std::uint64_t id,
                             std::vector<std::uint8_t>& out);
IoOutcome list_property_files(const LunFolders& folders, PropertyKind kind,
                              std::vector<PropertyCell>& out);
/// Those of an object that is gone.
IoOutcome remove_properties_of(const LunFolders& folders, ObjectId object);

}  // namespace understudy
