// Extended attributes: FILE_FULL_EA_INFORMATION (MS-FSCC 2.4.16), the form in which they are set,
// stored and told. Names compare without regard to case and stay as they were written last: the
// Linux client looks for the very bytes that it wrote.
#pragma once

#include <string>
#include <vector>

#include "iomgr/bytes.h"
#include "iomgr/result.h"

namespace understudy {

struct ExtendedAttribute {
  std::uint8_t flags = 0;
  std::string name;                 // 1 to 254 bytes of ASCII or the client's code page
  std::vector<std::uint8_t> value;  // empty: the attribute goes

  bool operator==(const ExtendedAttribute&) const = default;
};

using ExtendedAttributes = std::vector<ExtendedAttribute>;

/// A list as a client sent it, or as it was stored. STATUS_EA_LIST_INCONSISTENT or
/// STATUS_INVALID_EA_NAME, with the offset of the entry that is to blame in `wrong_at`.
Result<ExtendedAttributes> decode_attributes(ConstBytes bytes, std::size_t& wrong_at);
std::vector<std::uint8_t> encode_attributes(const ExtendedAttributes& attributes);

/// Sets each of `changes`, or removes it if its value is empty. STATUS_EA_TOO_LARGE: together they
/// could not be stored.
Status merge_attributes(ExtendedAttributes& attributes, const ExtendedAttributes& changes);

/// EaSize, MS-FSCC 2.4.12: of the list as OS/2 packed it, which is what NTFS tells; 0 of none.
std::uint16_t ea_size(const ExtendedAttributes& attributes);

}  // namespace understudy
