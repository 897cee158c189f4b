// The Unix socket on which a person's command line asks a node: one JSON line in, one JSON line
// out.
#pragma once

#include <functional>
#include <memory>

#include "cluster_app/line_stream.h"
#include "iomgr/json_fields.h"
#include "iomgr/seams.h"

namespace understudy {

class CommandServer {
 public:
  using Handler = std::function<Task<json::object>(json::object)>;

  CommandServer(Seams seams, Endpoint endpoint, Handler handler)
      : seams_(seams), endpoint_(std::move(endpoint)), handler_(std::move(handler)) {}

  /// Fails as Network::listen does.
  Status start();

 private:
  Task<void> accept_all(std::shared_ptr<Listener> listener);
  Task<void> serve(std::shared_ptr<Stream> stream);

  Seams seams_;
  Endpoint endpoint_;
  Handler handler_;
  std::size_t connections_ = 0;
  TaskScope scope_;
};

}  // namespace understudy
