// IOCTL's parts: one function a control, in files by what they are about. All are asked with FSCTL
// codes (MS-FSCC section 2.3, MS-SMB2 section 2.2.31).
#pragma once

#include "netstack/smb2/request.h"

namespace understudy::smb2 {

class Connection;

/// What an IOCTL request says.
struct Ioctl {
  std::uint32_t code = 0;
  FileId file_id;
  ConstBytes input;
  std::uint32_t most_output = 0;
};

/// The answer with `output`. STATUS_BUFFER_TOO_SMALL if the client has no room for it.
Status put_output(Reply& reply, const Ioctl& ioctl, ConstBytes output);
/// Bytes of output that the reply has room for, whatever the client has.
std::size_t output_room(const Reply& reply);

/// A control; what needs an open file is only called with one.
using Control = Task<Status> (*)(Connection& connection, Request& request, const Ioctl& ioctl,
                                 Reply& reply);

// ioctl_network.cpp
Task<Status> network_interfaces(Connection&, Request&, const Ioctl&, Reply&);
Task<Status> validate_negotiate(Connection&, Request&, const Ioctl&, Reply&);

// copy_chunk.cpp
Task<Status> request_resume_key(Connection&, Request&, const Ioctl&, Reply&);
Task<Status> copy_chunk(Connection&, Request&, const Ioctl&, Reply&);

// ioctl_file.cpp
Task<Status> get_object_id(Connection&, Request&, const Ioctl&, Reply&);
Task<Status> get_compression(Connection&, Request&, const Ioctl&, Reply&);
Task<Status> set_compression(Connection&, Request&, const Ioctl&, Reply&);
Task<Status> set_sparse(Connection&, Request&, const Ioctl&, Reply&);
Task<Status> set_zero_data(Connection&, Request&, const Ioctl&, Reply&);
Task<Status> query_allocated_ranges(Connection&, Request&, const Ioctl&, Reply&);

}  // namespace understudy::smb2
