// Asynchronous answers: MS-SMB2 sections 3.3.4.2 (interim response), 3.3.4.3, 3.3.5.16 (CANCEL). A
// request that has to wait for another client tells its own with STATUS_PENDING, gives back the
// memory that it holds, and waits as a pended IRP.
#include <algorithm>

#include "iomgr/bounds.h"
#include "netstack/netstack.h"
#include "netstack/smb2/compound.h"

namespace understudy::smb2 {

Task<Status> Compound::pend(Request& request, Reply& reply, Irp& irp) {
  Netstack& netstack = connection_.netstack();
  if (running_.async_id == 0) {
    const Status told = co_await go_async(request);
    if (failed(told)) co_return told;
  }
  // What is cancelled from here on has an IRP that can be; before, this is where it ends.
  if (running_.cancelled) co_return Status::cancelled;
  running_.irp = irp.id;
  running_.lun = irp.lun;
  if (last_) release_memory(request);
  const Status status = co_await netstack.pend(irp);
  running_.irp = 0;
  if (last_) co_await acquire_memory(reply);
  co_return status;
}

/// Sections 3.3.4.2 and 3.3.5.2.7.2. Before the last of a compound only a CREATE may wait, and what
/// follows it waits too. A rename beyond that: the Linux kernel's client sends each as CREATE,
/// SET_INFO and CLOSE, and its programs would get an error for every lease that has to break first.
Task<Status> Compound::go_async(const Request& request) {
  const bool may_wait = request.header.is(Command::create) || request.header.is(Command::set_info);
  if (!last_ && !may_wait) co_return Status::internal_error;
  if (!connection_.may_pend()) co_return Status::insufficient_resources;
  running_.async_id = connection_.new_async_id();
  co_await connection_.pended().acquire();
  pended_.emplace(connection_.pended());
  Header header = reply_header(request, Status::pending);
  header.flags &= ~kFlagSigned;  // an interim response is not signed
  const std::size_t start = aligned(end_);
  const std::vector<std::uint8_t> body = error_body({});
  std::copy(body.begin(), body.end(),
            replies_.bytes().begin() + static_cast<std::ptrdiff_t>(start + kHeaderSize));
  made_.push_back({header, start, kHeaderSize + body.size(), nullptr, nullptr});
  end_ = start + made_.back().size;
  finish();
  co_await connection_.send(answer());
  answer_ = {};
  made_.clear();
  end_ = start;
  co_return Status::success;
}

void Compound::release_memory(Request& request) {
  request.message = {};
  frame_.release();
  replies_.release();
  shares.place.reset();
  shares.frame.reset();
  shares.replies.reset();
}

Task<void> Compound::acquire_memory(Reply& reply) {
  const auto room = static_cast<std::uint32_t>(reply.room().size());
  const std::uint32_t size = static_cast<std::uint32_t>(kPrefixEnd + kHeaderSize) + room;
  co_await connection_.memory().acquire(size);
  shares.replies.emplace(connection_.memory(), size);
  replies_ = co_await connection_.netstack().replies().acquire(size);
  end_ = kPrefixEnd;
  const std::size_t body = kPrefixEnd + kHeaderSize;
  reply.move_to(replies_.bytes().subspan(body, room), replies_.offset() + body);
}

/// Section 3.3.5.16. It is answered by what it cancels.
void Compound::cancel(const Message& message) {
  Request request;
  request.header = message.header;
  request.message = message.bytes;
  request.sealed = sealed_by_ != nullptr;
  request.session = connection_.find_session(message.header.session_id);
  if (request.session == nullptr || failed(check_signature(request))) return;
  if (request.session->encrypts && !request.sealed) return;
  const Header& header = message.header;
  const std::uint64_t async_id = std::uint64_t{header.tree_id} << 32 | header.reserved;
  connection_.cancel_if([&header, async_id](const Running& running) {
    return header.has(kFlagAsync) ? running.async_id == async_id
                                  : running.message_id == header.message_id;
  });
}

}  // namespace understudy::smb2
