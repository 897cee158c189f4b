// A tree connect: one session's access to one share (MS-SMB2 section 3.3.1.9).
#pragma once

#include "netstack/smb2/share.h"

namespace understudy::smb2 {

struct Tree {
  std::uint32_t id = 0;
  Share share;
  std::uint32_t session = 0;  // id of the session that it belongs to
  bool connected = true;      // false once disconnected: requests in flight may still hold it
};

}  // namespace understudy::smb2
