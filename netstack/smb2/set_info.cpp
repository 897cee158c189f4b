// SET_INFO: MS-SMB2 sections 2.2.39, 2.2.40, 3.3.5.21, with the classes of MS-FSCC section 2.4.
#include <algorithm>

#include "netstack/netstack.h"
#include "netstack/smb2/command.h"
#include "netstack/smb2/compound.h"
#include "netstack/smb2/connection.h"
#include "netstack/smb2/file_classes.h"
#include "netstack/smb2/names.h"

namespace understudy::smb2 {
namespace {

constexpr std::uint8_t kTypeFile = 1;
constexpr std::uint8_t kTypeSecurity = 3;
constexpr std::uint64_t kMaxSize = INT64_MAX;

/// One SET_INFO on its way: what it says, and who wants it.
struct Setting {
  Netstack& netstack;
  Open& open;
  ConstBytes data;  // gone once the request has been pended
  Request& request;
  Reply& reply;
};

Task<Status> set(Setting& setting, std::uint32_t needs, SetMinor minor, SetParameters parameters,
                 std::string bytes = {}) {
  if (!setting.open.may(needs)) co_return Status::access_denied;
  for (;;) {
    Irp irp = setting.netstack.irp(minor, *setting.open.tree);
    irp.open = setting.open.handle;
    irp.set = parameters;
    Buffer payload;
    if (!bytes.empty()) {
      payload = co_await setting.netstack.scratch().acquire(bytes.size());
      std::copy(bytes.begin(), bytes.end(), payload.bytes().begin());
      irp.payload = payload.ref(bytes.size());
    }
    const Status status = co_await setting.netstack.ask(irp);
    if (status != Status::pending) co_return status;
    payload.release();
    Irp wait = setting.netstack.irp(Major::oplock, *setting.open.tree);
    wait.minor = static_cast<std::uint8_t>(OplockMinor::settled);
    wait.oplock.object = irp.information;
    const Status settled =
        co_await setting.request.compound->pend(setting.request, setting.reply, wait);
    if (failed(settled)) co_return settled;
  }
}

/// FileBasicInformation. A time is a FILETIME, 0 (leave), -1 or -2; nothing else is negative.
Task<Status> set_basic(Setting& setting) {
  WireReader reader(setting.data);
  SetParameters parameters{};
  bool valid = true;
  for (std::uint64_t* time : {&parameters.creation_time, &parameters.access_time,
                              &parameters.write_time, &parameters.change_time}) {
    const auto value = reader.get<std::int64_t>();
    valid = valid && value >= -2;
    *time = static_cast<std::uint64_t>(value);
  }
  parameters.attributes = reader.u32();
  if (!reader.ok()) co_return Status::info_length_mismatch;
  if (!valid) co_return Status::invalid_parameter;
  const Status status = co_await set(setting, kWriteAttributes, SetMinor::basic, parameters);
  co_return status;
}

/// FileRenameInformation and FileLinkInformation, MS-SMB2 section 2.2.39: the same form.
Task<Status> set_name(Setting& setting, SetMinor minor) {
  WireReader reader(setting.data);
  SetParameters parameters{};
  parameters.replace = reader.u8() != 0 ? 1 : 0;
  reader.skip(7);
  const std::uint64_t root = reader.u64();
  const std::uint32_t length = reader.u32();
  ConstBytes name = reader.take(length);
  if (!reader.ok()) co_return Status::info_length_mismatch;
  if (root != 0 || length == 0) co_return Status::invalid_parameter;
  // Some clients begin with the root, others do not.
  if (length >= 2 && name[0] == '\\' && name[1] == 0) name = name.subspan(2);
  Result<std::string> path = path_from_wire(name, setting.open.tree->share.slash_divides);
  if (!path) co_return path.status();
  if (path->empty()) co_return Status::object_name_invalid;
  const std::uint32_t needs = minor == SetMinor::rename ? kDelete : 0;
  const Status status = co_await set(setting, needs, minor, parameters, std::move(*path));
  co_return status;
}

Task<Status> set_disposition(Setting& setting) {
  if (setting.data.empty()) co_return Status::info_length_mismatch;
  SetParameters parameters{};
  parameters.delete_file = setting.data[0] != 0 ? 1 : 0;
  const Status status = co_await set(setting, kDelete, SetMinor::disposition, parameters);
  co_return status;
}

Task<Status> set_size(Setting& setting, SetMinor minor) {
  WireReader reader(setting.data);
  SetParameters parameters{};
  parameters.size = reader.u64();
  if (!reader.ok()) co_return Status::info_length_mismatch;
  if (parameters.size > kMaxSize || setting.open.directory) co_return Status::invalid_parameter;
  const Status status = co_await set(setting, kWriteData, minor, parameters);
  co_return status;
}

Status set_position(Setting& setting) {
  WireReader reader(setting.data);
  const std::uint64_t position = reader.u64();
  if (!reader.ok()) return Status::info_length_mismatch;
  if (position > kMaxSize) return Status::invalid_parameter;
  setting.open.position = position;
  return Status::success;
}

/// FileModeInformation: the options that an open may change later (MS-FSCC 2.4.31).
Status set_mode(Setting& setting) {
  WireReader reader(setting.data);
  const std::uint32_t mode = reader.u32();
  if (!reader.ok()) return Status::info_length_mismatch;
  if ((mode & ~kSettableModes) != 0) return Status::invalid_parameter;
  setting.open.options = (setting.open.options & ~kSettableModes) | mode;
  return Status::success;
}

/// FileFullEaInformation: fs_cache reads the list.
Task<Status> set_extended(Setting& setting) {
  if (setting.data.size() > bounds::kMaxProperty) co_return Status::ea_too_large;
  if (setting.data.empty()) co_return Status::success;
  const Status status = co_await set(setting, kWriteEa, SetMinor::extended_attributes, {},
                                     std::string(as_text(setting.data)));
  co_return status;
}

/// Section 3.3.5.21.3: the parts of a descriptor that `parts` names. What the open may set,
/// fs_cache judges.
Task<Status> set_security(Setting& setting, std::uint32_t parts) {
  if (setting.data.empty() || setting.data.size() > bounds::kMaxProperty)
    co_return Status::invalid_security_descr;
  SetParameters parameters{};
  parameters.selection = parts;
  const Status status =
      co_await set(setting, 0, SetMinor::security, parameters, std::string(as_text(setting.data)));
  co_return status;
}

Task<Status> set_file(Setting& setting, FileClass which) {
  Status status = Status::invalid_info_class;
  switch (which) {
    case FileClass::basic:
      status = co_await set_basic(setting);
      break;
    case FileClass::rename:
      status = co_await set_name(setting, SetMinor::rename);
      break;
    case FileClass::link:
      status = co_await set_name(setting, SetMinor::link);
      break;
    case FileClass::disposition:
      status = co_await set_disposition(setting);
      break;
    case FileClass::allocation:
      status = co_await set_size(setting, SetMinor::allocation);
      break;
    case FileClass::end_of_file:
      status = co_await set_size(setting, SetMinor::end_of_file);
      break;
    case FileClass::position:
      status = set_position(setting);
      break;
    case FileClass::mode:
      status = set_mode(setting);
      break;
    case FileClass::full_ea:
      status = co_await set_extended(setting);
      break;
    default:
      break;
  }
  co_return status;
}

}  // namespace

Task<Status> set_info(Connection& connection, Request& request, Reply& reply) {
  WireReader parser = request.body();
  parser.skip(2);
  const std::uint8_t type = parser.u8();
  const auto which = static_cast<FileClass>(parser.u8());
  const std::uint32_t length = parser.u32();
  const std::uint16_t offset = parser.u16();
  parser.skip(2);
  const std::uint32_t additional = parser.u32();
  const std::optional<ConstBytes> data = request.buffer(offset, length);
  if (!data || length > connection.negotiation->max_transfer()) co_return Status::invalid_parameter;
  if (request.open->pipe != nullptr || (type != kTypeFile && type != kTypeSecurity))
    co_return Status::not_supported;

  Setting setting{connection.netstack(), *request.open, *data, request, reply};
  Status status = Status::success;
  if (type == kTypeSecurity)
    status = co_await set_security(setting, additional);
  else
    status = co_await set_file(setting, which);
  if (ok(status)) {
    constexpr std::array<std::uint8_t, 2> kBody = {2, 0};
    reply.put(kBody);
  }
  co_return status;
}

}  // namespace understudy::smb2
