// The contexts of CREATE (MS-SMB2 sections 2.2.13.2 and 2.2.14.2). Answered: MxAc and QFid. Heeded:
// AlSi. Known and refused: ExtA with extended attributes in it, TWrp. All others (leases, durable
// handles, ...) are optional by their nature and ignored.
#pragma once

#include "iomgr/result.h"
#include "iomgr/wire.h"
#include "netstack/smb2/request.h"

namespace understudy::smb2 {

struct CreateContexts {
  bool maximal_access = false;        // MxAc
  bool disk_id = false;               // QFid
  std::uint64_t allocation_size = 0;  // AlSi, bytes
};

/// The contexts in `bytes`. STATUS_INVALID_PARAMETER when they are malformed.
Result<CreateContexts> parse_create_contexts(ConstBytes bytes);

/// The answers, one chain; empty if nothing was asked that is answered.
std::vector<std::uint8_t> answer_create_contexts(const CreateContexts& asked, std::uint64_t object,
                                                 std::uint64_t volume);

}  // namespace understudy::smb2
