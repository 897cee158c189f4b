// CREATE: MS-SMB2 sections 2.2.13, 2.2.14, 3.3.5.9. Form and rights are judged here; whether the
// file is there, may be shared and so on is fs_cache's to say.
#include "netstack/smb2/create.h"

#include <algorithm>

#include "iomgr/property.h"
#include "netstack/netstack.h"
#include "netstack/smb2/command.h"
#include "netstack/smb2/compound.h"
#include "netstack/smb2/connection.h"
#include "netstack/smb2/facts.h"
#include "netstack/smb2/names.h"
#include "netstack/smb2/oplock.h"

namespace understudy::smb2 {
namespace {

constexpr std::uint32_t kReservedAccess = 0x0CE0FE00;
constexpr std::uint32_t kSystemSecurity = 0x01000000;
constexpr std::uint32_t kMaximumAllowed = 0x02000000;
constexpr std::uint32_t kGenericAll = 0x10000000;
constexpr std::uint32_t kGenericExecute = 0x20000000;
constexpr std::uint32_t kGenericWrite = 0x40000000;
constexpr std::uint32_t kGenericRead = 0x80000000;

constexpr std::uint32_t kMaxImpersonation = 3;
constexpr std::uint32_t kMaxDisposition = 5;
constexpr std::uint32_t kShareAll = 7;

constexpr std::uint32_t kDirectoryFile = 0x00000001;
constexpr std::uint32_t kNonDirectoryFile = 0x00000040;
constexpr std::uint32_t kCreateTreeConnection = 0x00000080;
constexpr std::uint32_t kDeleteOnClose = 0x00001000;
constexpr std::uint32_t kOpenByFileId = 0x00002000;
constexpr std::uint32_t kReserveOpfilter = 0x00100000;
constexpr std::uint32_t kKnownOptions = 0x00FFFFFF;
constexpr std::uint32_t kSettableAttributes = 0x00003FB7;
constexpr std::uint32_t kAttributeEncrypted = 0x00004000;  // no file is encrypted on the medium

constexpr std::uint16_t kFileOpened = 1;

/// Section 2.2.13.1: generic rights become the file rights that they stand for.
std::uint32_t map_generic(std::uint32_t desired) {
  std::uint32_t access = desired & (kAllAccess | kMaximumAllowed);
  if ((desired & kGenericRead) != 0) access |= 0x00120089;
  if ((desired & kGenericWrite) != 0) access |= 0x00120116;
  if ((desired & kGenericExecute) != 0) access |= 0x001200A0;
  if ((desired & kGenericAll) != 0) access |= kAllAccess;
  return access;
}

Status parse(const Request& request, Create& create) {
  WireReader body = request.body();
  body.skip(3);
  create.level = body.u8();
  create.impersonation = body.u32();
  body.skip(16);
  CreateParameters& parameters = create.parameters;
  parameters.desired_access = body.u32();
  parameters.attributes = body.u32();
  parameters.share_access = body.u32();
  parameters.create_disposition = body.u32();
  parameters.create_options = body.u32();
  const std::uint16_t name_offset = body.u16();
  const std::uint16_t name_length = body.u16();
  const std::uint32_t contexts_offset = body.u32();
  const std::uint32_t contexts_length = body.u32();
  const std::optional<ConstBytes> name = request.buffer(name_offset, name_length);
  const std::optional<ConstBytes> contexts = request.buffer(contexts_offset, contexts_length);
  if (!body.ok() || !name || !contexts) return Status::invalid_parameter;
  create.name = *name;
  const Result<CreateContexts> parsed = parse_create_contexts(*contexts);
  if (!parsed) return parsed.status();
  create.contexts = *parsed;
  create.token = request.session->token;
  return Status::success;
}

Status check(Create& create) {
  CreateParameters& parameters = create.parameters;
  const std::uint32_t options = parameters.create_options;
  if (create.impersonation > kMaxImpersonation) return Status::bad_impersonation_level;
  if ((parameters.desired_access & kReservedAccess) != 0) return Status::access_denied;
  if ((parameters.attributes & kAttributeEncrypted) != 0) return Status::access_denied;
  if (parameters.create_disposition > kMaxDisposition || parameters.share_access > kShareAll ||
      (options & ~kKnownOptions) != 0 || (parameters.attributes & ~kSettableAttributes) != 0) {
    return Status::invalid_parameter;
  }
  if ((options & kDirectoryFile) != 0 && (options & kNonDirectoryFile) != 0)
    return Status::invalid_parameter;
  if ((options & (kCreateTreeConnection | kOpenByFileId | kReserveOpfilter)) != 0)
    return Status::not_supported;
  if ((parameters.desired_access & kSystemSecurity) != 0) return Status::privilege_not_held;
  parameters.desired_access = map_generic(parameters.desired_access);
  const std::uint32_t access = granted(parameters.desired_access);
  if (access == 0) return Status::access_denied;
  if ((options & kDeleteOnClose) != 0 && (access & kDelete) == 0) return Status::access_denied;
  return Status::success;
}

/// False: its session or tree went away meanwhile.
bool add(Connection& connection, Request& request, std::shared_ptr<Open> open) {
  if (request.session->state != Session::State::valid || !request.tree->connected) return false;
  request.open = open;
  request.session->add_open(std::move(open), connection.netstack().random().next());
  return true;
}

Task<Status> create_pipe(Connection& connection, Request& request, Reply& reply, Create& create) {
  const Result<std::string> name = text_from_wire(create.name);
  if (!name) co_return name.status();
  Credits& slots = connection.netstack().pipe_slots();
  if (!request.session->may_open_pipe() || slots.available() == 0)
    co_return Status::too_many_opened_files;
  auto open = std::make_shared<Open>();
  open->pipe = rpc::open_pipe(*name, connection.server().config());
  if (open->pipe == nullptr) co_return Status::object_name_not_found;
  co_await slots.acquire();
  open->pipe_slot.emplace(slots);
  open->tree = request.tree;
  open->access = granted(create.parameters.desired_access);
  create.parameters.create_action = kFileOpened;
  create.level = kLevelNone;
  if (!add(connection, request, open)) co_return Status::network_name_deleted;
  put_response(reply, *open, create, DurableKind::none);
  co_return Status::success;
}

/// Opens or makes the file; waits until breaks that are in the way have been answered.
Task<Status> open_file(Connection& connection, Request& request, Reply& reply, const Create& create,
                       Irp& irp) {
  Netstack& netstack = connection.netstack();
  for (;;) {
    irp = netstack.irp(Major::create, *request.tree);
    Buffer payload;
    const Status status = co_await ask(netstack, irp, create, payload);
    payload.release();
    if (status != Status::pending) co_return status;
    Irp wait = netstack.irp(Major::oplock, *request.tree);
    wait.minor = static_cast<std::uint8_t>(OplockMinor::settled);
    wait.oplock.object = irp.create.facts.object;
    const Status settled = co_await request.compound->pend(request, reply, wait);
    if (failed(settled)) co_return settled;
  }
}

}  // namespace

/// The most that can come of it. What descriptors and attributes forbid, fs_cache refuses.
std::uint32_t granted(std::uint32_t access) {
  return (access & kMaximumAllowed) != 0 ? kAllAccess : access;
}

Task<Status> ask(Netstack& netstack, Irp& irp, const Create& create, Buffer& payload) {
  const std::string& path = create.path;
  std::vector<Property> properties = {{PropertyKind::token, 0, create.token}};
  const CreateContexts& contexts = create.contexts;
  if (!contexts.descriptor.empty())
    properties.push_back({PropertyKind::security_descriptor, 0, contexts.descriptor});
  if (!contexts.extended.empty())
    properties.push_back({PropertyKind::extended_attributes, 0, contexts.extended});
  const auto* who = reinterpret_cast<const std::uint8_t*>(&create.durable);
  properties.push_back({PropertyKind::durable, 0, {who, sizeof create.durable}});
  const std::size_t size = path.size() + properties_size(properties);
  payload.release();
  payload = co_await netstack.scratch().acquire(std::max(size, sizeof(ReclaimedOpen)));
  std::copy(path.begin(), path.end(), payload.bytes().begin());
  encode_properties(properties, payload.bytes().subspan(path.size()));
  irp.payload = payload.ref(size);
  irp.create = create.parameters;
  irp.create.properties_length = static_cast<std::uint32_t>(size - path.size());
  const Status status = co_await netstack.ask(irp);
  co_return status;
}

std::shared_ptr<Open> make_open(Connection& connection, const Request& request,
                                const Create& create, const Irp& irp) {
  auto open = std::make_shared<Open>();
  open->tree = request.tree;
  open->handle = irp.open;
  open->access = irp.create.desired_access;
  open->options = irp.create.create_options;
  open->directory = irp.create.facts.directory != 0;
  open->path = create.path;
  open->channel_sequence.start(request.header.channel_sequence());
  open->caching = connection.netstack().opens().share(irp.create.caching);
  open->created = irp.create;
  Durability& durability = open->durability;
  durability.request = create.durable;
  durability.request.kind = irp.create.durable;
  durability.timeout_ms = irp.create.timeout_ms;
  if (const std::optional<AppVersion>& version = create.contexts.app_version) {
    durability.versioned = true;
    durability.version_high = version->high;
    durability.version_low = version->low;
  }
  return open;
}

Task<Status> finish_open(Connection& connection, Request& request, Reply& reply, Create& create,
                         std::shared_ptr<Open> open) {
  if (!add(connection, request, open)) {
    CloseParameters closed{};
    // With a create GUID the client can ask for it once more; without one it never learns the id.
    const bool found_again = open->durability.request.kind >= DurableKind::durable_v2;
    closed.client_gone = found_again && request.tree->connected ? 1 : 0;
    const Status ended = co_await close_handle(connection.netstack(), *open, closed);
    static_cast<void>(ended);
    co_return Status::network_name_deleted;
  }
  const bool asked = create.contexts.durable || create.contexts.durable_v2;
  put_response(reply, *open, create, asked ? open->durability.request.kind : DurableKind::none);
  co_return Status::success;
}

void put_response(Reply& reply, const Open& open, const Create& create, DurableKind durable) {
  constexpr std::uint32_t kFixed = 88;
  const FileFacts& facts = create.parameters.facts;
  std::vector<std::uint8_t> contexts;
  if (open.pipe == nullptr) {
    contexts = answer_create_contexts(
        create.contexts, {facts.object, open.tree->share.lun, facts.maximal_access, durable,
                          open.durability.timeout_ms});
  }
  WireWriter body;
  body.u16(89);
  body.u8(create.level);
  body.u8(0);
  body.u32(create.parameters.create_action);
  put_open_facts(body, facts);
  body.u32(0);
  body.u64(open.id.persistent);
  body.u64(open.id.of_session);
  body.u32(contexts.empty() ? 0 : static_cast<std::uint32_t>(kHeaderSize) + kFixed);
  body.u32(static_cast<std::uint32_t>(contexts.size()));
  body.append(contexts);
  if (contexts.empty()) body.u8(0);
  reply.put(body.bytes());
}

Task<Status> create(Connection& connection, Request& request, Reply& reply) {
  Netstack& netstack = connection.netstack();
  Create create;
  const Status parsed = parse(request, create);
  if (failed(parsed)) co_return parsed;
  const bool pipe = request.tree->share.kind == Share::Kind::pipe;
  const Status settled = pipe ? Status::success : settle_durable(connection, request, create);
  if (failed(settled)) co_return settled;
  const bool returns = !pipe && (create.contexts.reconnect || create.contexts.reconnect_v2);
  if (!request.session->may_open()) co_return Status::too_many_opened_files;
  // Who takes his open back asks for nothing: rights and options are those that it has (sections
  // 3.3.5.9.7, 3.3.5.9.12), and the name counts for a lease alone.
  const Status checked = returns ? Status::success : check(create);
  if (failed(checked)) co_return checked;
  if (pipe) {
    const Status opened = co_await create_pipe(connection, request, reply, create);
    co_return opened;
  }

  Result<std::string> path = path_from_wire(create.name, request.tree->share.slash_divides);
  if (path) create.path = std::move(*path);
  if (returns) {
    const Status reclaimed = co_await reclaim(connection, request, reply, create);
    co_return reclaimed;
  }
  if (!path) co_return path.status();
  create.parameters.allocation_size = create.contexts.allocation_size;
  create.parameters.caching = asked_caching(create.level, create.contexts, *connection.negotiation);
  if (create.contexts.app_instance) {
    const Status replaced = co_await replace_application(connection, request, create);
    if (failed(replaced)) co_return replaced;
  }
  OpenTable::Place place;
  if (create.contexts.durable_v2) {
    const Status again = answer_again(connection, request, reply, create, place);
    if (again != Status::not_found) co_return again;
    request.compound->outlive_channel(*request.session);
  }
  Irp irp;
  const Status status = co_await open_file(connection, request, reply, create, irp);
  if (failed(status)) co_return status;

  create.parameters.create_action = irp.create.create_action;
  create.parameters.facts = irp.create.facts;
  create.level = answer_caching(irp.create.caching, create.contexts);
  if (create.level != kLevelNone) netstack.hear_breaks(irp.lun);
  const std::shared_ptr<Open> open = make_open(connection, request, create, irp);
  place.made(open);
  open->place = std::move(place);
  const Status finished = co_await finish_open(connection, request, reply, create, open);
  co_return finished;
}

}  // namespace understudy::smb2
