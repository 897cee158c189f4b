// Names as SMB has them (UTF-16LE) and as the rest of the stack has them (UTF-8).
//
// Windows lets a name hold half of a surrogate pair. Such a half is kept as three bytes, as WTF-8
// does, so that every UTF-16 name comes back as it was sent. Invariant: the two directions are
// inverse to each other wherever both are defined, so no two UTF-8 strings mean one UTF-16 name.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "iomgr/bytes.h"

namespace understudy {

/// What to do with half of a surrogate pair: keep it (names) or refuse the text (passwords,
/// accounts, whatever must be real Unicode).
enum class UnpairedSurrogates { keep, refuse };

/// nullopt: not UTF-8 (overlong forms, beyond U+10FFFF, cut short), a surrogate pair written as two
/// halves, or an unpaired half that `policy` refuses.
std::optional<std::vector<std::uint8_t>> utf16le_from_utf8(
    std::string_view text, UnpairedSurrogates policy = UnpairedSurrogates::keep);

/// nullopt: an odd number of bytes, or an unpaired half that `policy` refuses.
std::optional<std::string> utf8_from_utf16le(ConstBytes text,
                                             UnpairedSurrogates policy = UnpairedSurrogates::keep);

/// Number of 16-bit units that `text` takes in UTF-16; nullopt as for utf16le_from_utf8.
std::optional<std::size_t> utf16_length(std::string_view text);

/// The form under which names are compared without case: each character of the basic plane in upper
/// case, one to one, by a table that no locale setting of the process changes. As on NTFS, no
/// character outside ASCII becomes an ASCII one. Bytes that are not UTF-8 stay as they are.
/// fold(fold(x)) == fold(x).
std::string fold(std::string_view text);

}  // namespace understudy
