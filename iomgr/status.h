// The one table of results. Values are NTSTATUS codes (MS-ERREF section 2.3), so netstack puts them
// on the wire as they are.
#pragma once

#include <cstdint>
#include <string_view>

namespace understudy {

// clang-format off
#define UNDERSTUDY_STATUS_TABLE(X)                    \
  X(success,                       0x00000000)        \
  X(pending,                       0x00000103)        \
  X(notify_cleanup,                0x0000010B)        \
  X(notify_enum_dir,               0x0000010C)        \
  X(buffer_overflow,               0x80000005)        \
  X(no_more_files,                 0x80000006)        \
  X(stopped_on_symlink,            0x8000002D)        \
  X(unsuccessful,                  0xC0000001)        \
  X(not_implemented,               0xC0000002)        \
  X(invalid_info_class,            0xC0000003)        \
  X(info_length_mismatch,          0xC0000004)        \
  X(invalid_handle,                0xC0000008)        \
  X(invalid_parameter,             0xC000000D)        \
  X(no_such_device,                0xC000000E)        \
  X(no_such_file,                  0xC000000F)        \
  X(invalid_device_request,        0xC0000010)        \
  X(end_of_file,                   0xC0000011)        \
  X(more_processing_required,      0xC0000016)        \
  X(invalid_view_size,             0xC000001F)        \
  X(no_memory,                     0xC0000017)        \
  X(access_denied,                 0xC0000022)        \
  X(buffer_too_small,              0xC0000023)        \
  X(object_name_invalid,           0xC0000033)        \
  X(object_name_not_found,         0xC0000034)        \
  X(object_name_collision,         0xC0000035)        \
  X(object_path_invalid,           0xC0000039)        \
  X(object_path_not_found,         0xC000003A)        \
  X(object_path_syntax_bad,        0xC000003B)        \
  X(data_error,                    0xC000003E)        \
  X(crc_error,                     0xC000003F)        \
  X(sharing_violation,             0xC0000043)        \
  X(eas_not_supported,             0xC000004F)        \
  X(file_lock_conflict,            0xC0000054)        \
  X(lock_not_granted,              0xC0000055)        \
  X(delete_pending,                0xC0000056)        \
  X(revision_mismatch,             0xC0000059)        \
  X(logon_failure,                 0xC000006D)        \
  X(account_restriction,           0xC000006E)        \
  X(range_not_locked,              0xC000007E)        \
  X(disk_full,                     0xC000007F)        \
  X(insufficient_resources,        0xC000009A)        \
  X(media_write_protected,         0xC00000A2)        \
  X(device_not_ready,              0xC00000A3)        \
  X(pipe_not_available,            0xC00000AC)        \
  X(pipe_empty,                    0xC00000D9)        \
  X(pipe_disconnected,             0xC00000B0)        \
  X(io_timeout,                    0xC00000B5)        \
  X(file_is_a_directory,           0xC00000BA)        \
  X(not_supported,                 0xC00000BB)        \
  X(network_name_deleted,          0xC00000C9)        \
  X(bad_device_type,               0xC00000CB)        \
  X(bad_network_name,              0xC00000CC)        \
  X(request_not_accepted,          0xC00000D0)        \
  X(not_same_device,               0xC00000D4)        \
  X(file_renamed,                  0xC00000D5)        \
  X(invalid_oplock_protocol,       0xC00000E3)        \
  X(internal_error,                0xC00000E5)        \
  X(unexpected_io_error,           0xC00000E9)        \
  X(directory_not_empty,           0xC0000101)        \
  X(file_corrupt,                  0xC0000102)        \
  X(not_a_directory,               0xC0000103)        \
  X(name_too_long,                 0xC0000106)        \
  X(too_many_opened_files,         0xC000011F)        \
  X(cancelled,                     0xC0000120)        \
  X(cannot_delete,                 0xC0000121)        \
  X(file_deleted,                  0xC0000123)        \
  X(file_closed,                   0xC0000128)        \
  X(io_device_error,               0xC0000185)        \
  X(connection_reset,              0xC000020D)        \
  X(user_session_deleted,          0xC0000203)        \
  X(not_found,                     0xC0000225)        \
  X(connection_aborted,            0xC0000241)        \
  X(network_session_expired,       0xC000035C)        \
  X(smb_bad_signature,             0xC000A000)        \
  X(volume_dismounted,             0xC000026E)        \
  X(hash_not_supported,            0xC000A100)        \
  X(server_unavailable,            0xC0000466)        \
  X(file_not_available,            0xC0000467)        \
  X(fs_driver_required,            0xC000019C)        \
  X(too_many_links,                0xC0000265)        \
  X(objectid_not_found,            0xC00002F0)        \
  X(duplicate_objectid,            0xC000022A)        \
  X(file_forced_closed,            0xC00000B6)        \
  X(request_out_of_sequence,       0xC000042A)        \
  X(path_not_covered,              0xC0000257)        \
  X(privilege_not_held,            0xC0000061)        \
  X(invalid_owner,                 0xC000005A)        \
  X(invalid_acl,                   0xC0000077)        \
  X(invalid_sid,                   0xC0000078)        \
  X(invalid_security_descr,        0xC0000079)        \
  X(no_more_eas,                   0x80000012)        \
  X(invalid_ea_name,               0x80000013)        \
  X(ea_list_inconsistent,          0x80000014)        \
  X(ea_too_large,                  0xC0000050)        \
  X(nonexistent_ea_entry,          0xC0000051)        \
  X(bad_impersonation_level,       0xC00000A5)        \
  X(invalid_lock_range,            0xC00001A1)        \
  X(no_eas_on_file,                0xC0000052)        \
  X(not_a_reparse_point,           0xC0000275)        \
  X(smb_no_preauth_integrity_hash_overlap, 0xC05D0000)
// clang-format on

enum class [[nodiscard]] Status : std::uint32_t{
#define UNDERSTUDY_STATUS_ENUM(name, value) name = (value),
    UNDERSTUDY_STATUS_TABLE(UNDERSTUDY_STATUS_ENUM)
#undef UNDERSTUDY_STATUS_ENUM
};

/// True for success and the informational and warning codes that MS-ERREF calls success (bit 31
/// clear).
constexpr bool ok(Status status) {
  return (static_cast<std::uint32_t>(status) >> 31) == 0;
}
constexpr bool failed(Status status) {
  return !ok(status);
}

/// "STATUS_OBJECT_NAME_NOT_FOUND" and the like; "STATUS_?" for a value that is not in the table.
std::string_view to_string(Status status);

}  // namespace understudy
