// The contexts of CREATE (MS-SMB2 sections 2.2.13.2 and 2.2.14.2). Answered: MxAc, QFid and RqLs.
// Heeded: AlSi, SecD, ExtA. Known and refused: TWrp. All others (durable
// handles, ...) are optional by their nature and ignored.
#pragma once

#include <array>
#include <optional>

#include "iomgr/irp.h"
#include "iomgr/result.h"
#include "iomgr/wire.h"
#include "netstack/smb2/request.h"

namespace understudy::smb2 {

/// RqLs in its two versions (sections 2.2.13.2.8 and 2.2.13.2.10), as asked or as answered.
struct LeaseContext {
  std::uint8_t version = 1;
  std::array<std::uint8_t, 16> key{};
  std::uint32_t state = 0;
  std::uint32_t flags = 0;
  std::array<std::uint8_t, 16> parent{};
  std::uint16_t epoch = 0;
};

struct CreateContexts {
  bool maximal_access = false;        // MxAc
  bool disk_id = false;               // QFid
  std::uint64_t allocation_size = 0;  // AlSi, bytes
  std::optional<LeaseContext> lease;
  // Of a new file, views into the request: fs_cache reads them.
  ConstBytes descriptor;  // SecD
  ConstBytes extended;    // ExtA
};

/// The contexts in `bytes`. STATUS_INVALID_PARAMETER when they are malformed.
Result<CreateContexts> parse_create_contexts(ConstBytes bytes);

/// The answers, one chain; empty if nothing was asked that is answered.
std::vector<std::uint8_t> answer_create_contexts(const CreateContexts& asked,
                                                 const FileFacts& facts, std::uint64_t volume);

}  // namespace understudy::smb2
