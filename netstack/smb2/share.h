// What a server offers: a share is a LUN under a name, or IPC$.
#pragma once

#include <cstdint>
#include <string>

namespace understudy::smb2 {

struct Share {
  enum class Kind : std::uint8_t { disk, pipe };

  std::string name;  // UTF-8; clients match it without regard to case
  std::uint32_t lun = 0;
  Kind kind = Kind::disk;
  bool encrypted = false;               // Share.EncryptData: what is not encrypted is refused
  bool continuously_available = false;  // Share.IsCA: opens may be persistent
  bool slash_divides = false;           // names, as '\' does: smbd's way
};

}  // namespace understudy::smb2
