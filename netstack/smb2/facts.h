// FileFacts as the wire has them.
#pragma once

#include "iomgr/irp.h"
#include "iomgr/wire.h"

namespace understudy::smb2 {

/// FileAttributes: a file that has none is FILE_ATTRIBUTE_NORMAL.
std::uint32_t wire_attributes(const FileFacts& facts);

/// CreationTime, LastAccessTime, LastWriteTime, ChangeTime: 32 bytes.
void put_times(WireWriter& writer, const FileFacts& facts);

/// The 52 bytes that CREATE and CLOSE responses share: times, AllocationSize, EndOfFile,
/// FileAttributes.
void put_open_facts(WireWriter& writer, const FileFacts& facts);

}  // namespace understudy::smb2
