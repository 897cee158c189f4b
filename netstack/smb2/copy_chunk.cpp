// Copies that never leave the server: MS-SMB2 sections 2.2.31.1, 2.2.32.1, 2.2.32.3, 3.3.5.15.5 and
// 3.3.5.15.6. A chunk is a READ of the one file and a WRITE of the other, each an IRP of its own; a
// copy that fails in between has copied what it has.
#include "netstack/netstack.h"
#include "netstack/smb2/connection.h"
#include "netstack/smb2/ioctl.h"

namespace understudy::smb2 {
namespace {

constexpr std::uint32_t kCopyChunkWrite = 0x001480F2;
constexpr std::size_t kKeySize = 24;
constexpr std::uint64_t kMaxOffset = INT64_MAX;

struct Chunk {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  std::uint32_t length = 0;
};

struct Copy {
  std::shared_ptr<Open> source;
  std::vector<Chunk> chunks;
};

/// SRV_COPYCHUNK_RESPONSE: what was copied, or with STATUS_INVALID_PARAMETER what is allowed.
Status put_counts(Reply& reply, const Ioctl& ioctl, std::uint32_t chunks, std::uint32_t of_chunk,
                  std::uint32_t total) {
  WireWriter output;
  output.u32(chunks);
  output.u32(of_chunk);
  output.u32(total);
  return put_output(reply, ioctl, output.bytes());
}

Status put_limits(Reply& reply, const Ioctl& ioctl) {
  const Status put =
      put_counts(reply, ioctl, bounds::kMaxCopyChunks, bounds::kMaxTransfer, bounds::kMaxCopyBytes);
  return failed(put) ? put : Status::invalid_parameter;
}

/// SRV_COPYCHUNK_COPY. nullopt: cut short.
std::optional<std::vector<Chunk>> read_chunks(WireReader& input) {
  const std::uint32_t count = input.u32();
  input.skip(4);
  std::vector<Chunk> chunks;
  for (std::uint32_t i = 0; i < count && i <= bounds::kMaxCopyChunks && input.ok(); ++i) {
    Chunk chunk;
    chunk.from = input.u64();
    chunk.to = input.u64();
    chunk.length = input.u32();
    input.skip(4);
    chunks.push_back(chunk);
  }
  return input.ok() ? std::optional(std::move(chunks)) : std::nullopt;
}

bool within_limits(const std::vector<Chunk>& chunks) {
  std::uint64_t total = 0;
  for (const Chunk& chunk : chunks) {
    if (chunk.length == 0 || chunk.length > bounds::kMaxTransfer) return false;
    total += chunk.length;
  }
  return chunks.size() <= bounds::kMaxCopyChunks && total <= bounds::kMaxCopyBytes;
}

/// Section 3.3.5.15.6, in its order.
Status check_rights(const Open& source, const Open& target, std::uint32_t code) {
  if (source.pipe != nullptr || target.pipe != nullptr || source.directory || target.directory)
    return Status::invalid_device_request;
  if (!source.may_any(kReadData | kExecute)) return Status::access_denied;
  if (!target.may_any(kWriteData | kAppendData)) return Status::access_denied;
  if (code != kCopyChunkWrite && !target.may_any(kReadData)) return Status::access_denied;
  return Status::success;
}

Task<Status> copy_one(Netstack& netstack, const Open& source, const Open& target, Chunk chunk,
                      Buffer& data) {
  if (chunk.from > kMaxOffset - chunk.length || chunk.to > kMaxOffset - chunk.length)
    co_return Status::invalid_parameter;
  Irp read = netstack.irp(Major::read, *source.tree);
  read.open = source.handle;
  read.payload = data.ref(chunk.length);
  read.read = {chunk.from, chunk.length, chunk.length};
  const Status got = co_await netstack.ask(read);
  // It reaches beyond the end of the file.
  if (got == Status::end_of_file) co_return Status::invalid_view_size;
  if (failed(got)) co_return got;
  if (read.information != chunk.length) co_return Status::invalid_view_size;
  Irp write = netstack.irp(Major::write, *target.tree);
  write.open = target.handle;
  write.payload = data.ref(chunk.length);
  write.write.offset = chunk.to;
  const Status put = co_await netstack.ask(write);
  co_return put;
}

}  // namespace

Task<Status> request_resume_key(Connection&, Request& request, const Ioctl& ioctl, Reply& reply) {
  const Open& open = *request.open;
  if (open.pipe != nullptr) co_return Status::invalid_device_request;
  WireWriter output;
  output.u64(open.id.persistent);
  output.u64(open.id.of_session);
  output.zeros(kKeySize - output.size());
  output.u64(0);  // no context
  co_return put_output(reply, ioctl, output.bytes());
}

Task<Status> copy_chunk(Connection& connection, Request& request, const Ioctl& ioctl,
                        Reply& reply) {
  constexpr std::uint32_t kCountsSize = 12;
  if (ioctl.most_output < kCountsSize) co_return Status::invalid_parameter;
  WireReader input(ioctl.input);
  FileId key;
  key.persistent = input.u64();
  key.of_session = input.u64();
  input.skip(kKeySize - 16);
  const std::optional<std::vector<Chunk>> chunks = read_chunks(input);
  if (!chunks) co_return Status::invalid_parameter;
  const std::shared_ptr<Open> source = request.session->find_open(key);
  if (source == nullptr) co_return Status::object_name_not_found;
  if (!within_limits(*chunks)) co_return put_limits(reply, ioctl);
  const Status rights = check_rights(*source, *request.open, ioctl.code);
  if (failed(rights)) co_return rights;

  Netstack& netstack = connection.netstack();
  std::uint32_t copied = 0;
  std::uint32_t total = 0;
  Buffer data = co_await netstack.scratch().acquire(bounds::kMaxTransfer);
  for (const Chunk& chunk : *chunks) {
    const Status status = co_await copy_one(netstack, *source, *request.open, chunk, data);
    if (failed(status)) {
      const Status put = put_counts(reply, ioctl, copied, 0, total);
      co_return failed(put) ? put : status;
    }
    ++copied;
    total += chunk.length;
  }
  co_return put_counts(reply, ioctl, copied, 0, total);
}

}  // namespace understudy::smb2
