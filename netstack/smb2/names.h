// Names between the wire (UTF-16LE) and IRPs (UTF-8, components divided by '\').
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "iomgr/bytes.h"
#include "iomgr/result.h"

namespace understudy::smb2 {

/// A path below a share as an IRP wants it. STATUS_OBJECT_NAME_INVALID: a component that no file
/// can have as its name (empty,
/// ".", longer than 255 units, with / : * ? < > " | or a control character). The last one may have
/// a stream behind it, ":name:$DATA" or a part of that; alone it is one of the root.
/// STATUS_OBJECT_PATH_SYNTAX_BAD: "..". STATUS_INVALID_PARAMETER: it is not UTF-16, or begins with
/// '\' (MS-SMB2 3.3.5.9). One '\' at the end stays: it says that a directory is meant.
/// `slash_divides`: '/' is taken for '\' (Share::slash_divides).
Result<std::string> path_from_wire(ConstBytes utf16, bool slash_divides = false);

/// A name or pattern without any check but that it is UTF-16 of not too many bytes.
Result<std::string> text_from_wire(ConstBytes utf16);

/// UTF-16LE of a name that came from below; what is not UTF-8 becomes nothing.
std::vector<std::uint8_t> text_to_wire(std::string_view text);

}  // namespace understudy::smb2
