// smbclient as a session: commands go in, what it prints comes out.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <cstdio>
#include <string>

#include "iomgr/host/unique_fd.h"
#include "tests/real/smb_call.h"

namespace understudy {

struct SmbServer {
  std::string host;
  std::uint16_t port = 0;
  std::string share;
  std::string user;
  std::string password;
  int network = -1;  // descriptor of the network namespace to connect from; -1: where the test is
};

class SmbShell {
 public:
  explicit SmbShell(const SmbServer& server) : server_(server) {}
  ~SmbShell() { end(); }
  SmbShell(const SmbShell&) = delete;
  SmbShell& operator=(const SmbShell&) = delete;

  /// One SET_INFO of FileRenameInformation, with or without ReplaceIfExists.
  SmbAnswer rename(const std::string& from, const std::string& to, bool replace);

 private:
  bool start();
  void end();
  /// What it prints for `command`; empty and `alive` false when it ends over it.
  std::string ask(const std::string& command, bool& alive);

  const SmbServer& server_;
  pid_t pid_ = 0;
  UniqueFd input_;
  UniqueFd output_;
  std::string unread_;
  unsigned asked_ = 0;
};

}  // namespace understudy
