// An SMB client of a test: a worker process (smb_worker) and the socket to it. Killed with the
// object, also when it hangs on a node that does not answer.
#pragma once

#include <sys/types.h>

#include <string>

#include "iomgr/host/unique_fd.h"
#include "tests/real/smb_call.h"
#include "tests/real/smb_shell.h"
#include "tests/tree_model.h"

namespace understudy {

class SmbClient {
 public:
  explicit SmbClient(SmbServer server);
  ~SmbClient();
  SmbClient(SmbClient&& other) noexcept;
  SmbClient& operator=(SmbClient&& other) noexcept;

  /// Sends a call; its answer is due.
  void send(const SmbCall& call);
  bool busy() const { return busy_; }
  /// Readable when an answer has come.
  int descriptor() const { return socket_.get(); }
  /// The answer that is due: `unanswered` if it does not come in time. The client is of no use
  /// after that.
  SmbAnswer receive(int timeout_ms);
  SmbAnswer call(const SmbCall& call, int timeout_ms = 30'000);

  /// Everything in the share, or nothing and the reason in `error`.
  std::optional<Tree> read_tree(std::string& error);

 private:
  SmbServer server_;
  pid_t pid_ = 0;
  UniqueFd socket_;
  bool busy_ = false;
};

}  // namespace understudy
