// The contexts of CREATE (MS-SMB2 sections 2.2.13.2 and 2.2.14.2). Answered: MxAc, QFid, RqLs, DHnQ
// and DH2Q. Heeded: AlSi, SecD, ExtA, DHnC, DH2C, the two of application instances. Known and
// refused: TWrp. All others are optional by their nature and ignored.
#pragma once

#include <array>
#include <optional>

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

/// DH2Q, section 2.2.13.2.11.
struct DurableContext {
  std::uint32_t timeout_ms = 0;
  bool persistent = false;
  Guid create_guid{};
};

/// DHnC and DH2C, sections 2.2.13.2.4 and 2.2.13.2.12.
struct ReconnectContext {
  std::uint64_t persistent_id = 0;  // of the FileId
  bool persistent = false;
  Guid create_guid{};
};

/// Section 2.2.13.2.15.
struct AppVersion {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
};

struct CreateContexts {
  bool maximal_access = false;        // MxAc
  bool disk_id = false;               // QFid
  std::uint64_t allocation_size = 0;  // AlSi, bytes
  std::optional<LeaseContext> lease;
  // Of a new file, as they came: fs_cache reads them.
  std::vector<std::uint8_t> descriptor;          // SecD
  std::vector<std::uint8_t> extended;            // ExtA
  bool durable = false;                          // DHnQ
  std::optional<ReconnectContext> reconnect;     // DHnC
  std::optional<DurableContext> durable_v2;      // DH2Q
  std::optional<ReconnectContext> reconnect_v2;  // DH2C
  std::optional<Guid> app_instance;              // SMB2_CREATE_APP_INSTANCE_ID
  std::optional<AppVersion> app_version;         // SMB2_CREATE_APP_INSTANCE_VERSION
};

/// The contexts in `bytes`. STATUS_INVALID_PARAMETER when they are malformed.
Result<CreateContexts> parse_create_contexts(ConstBytes bytes);

/// What the open has got, beside what it asked for.
struct ContextAnswers {
  std::uint64_t object = 0;
  std::uint64_t volume = 0;
  std::uint32_t maximal_access = 0;
  DurableKind durable = DurableKind::none;
  std::uint32_t timeout_ms = 0;
};

/// The answers, one chain; empty if nothing was asked that is answered.
std::vector<std::uint8_t> answer_create_contexts(const CreateContexts& asked,
                                                 const ContextAnswers& answers);

}  // namespace understudy::smb2
