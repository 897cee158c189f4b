// CLOSE: MS-SMB2 sections 2.2.15, 2.2.16, 3.3.5.10.
#include "netstack/netstack.h"
#include "netstack/smb2/command.h"
#include "netstack/smb2/connection.h"
#include "netstack/smb2/create.h"
#include "netstack/smb2/facts.h"

namespace understudy::smb2 {

Task<Status> close(Connection& connection, Request& request, Reply& reply) {
  constexpr std::uint16_t kPostQueryAttributes = 1;
  WireReader parser = request.body();
  parser.skip(2);
  const bool taken_back = request.open != nullptr;
  const bool post_query = taken_back && (parser.u16() & kPostQueryAttributes) != 0;
  if (taken_back) request.session->remove_open(*request.open);
  CloseParameters closed{};
  closed.post_query = post_query ? 1 : 0;
  Task<Status> closing = taken_back ? close_handle(connection.netstack(), *request.open, closed)
                                    : ask_kept(connection, request, Major::close);
  const Status status = co_await closing;
  if (failed(status)) co_return status;

  WireWriter body;
  body.u16(60);
  body.u16(post_query ? kPostQueryAttributes : 0);
  body.u32(0);
  if (post_query && request.open->pipe == nullptr) {
    put_open_facts(body, closed.facts);
  } else {
    body.zeros(52);
  }
  reply.put(body.bytes());
  co_return Status::success;
}

}  // namespace understudy::smb2
