// An IDE as far as tests need one: `stepper --dap` beside a pair or of a recording, and the Debug
// Adapter Protocol over TCP.
#pragma once

#include <sys/types.h>

#include <boost/json.hpp>
#include <deque>
#include <string>

#include "iomgr/host/unique_fd.h"
#include "tests/real/pair.h"
#include "tools/stepper/dap_frames.h"

namespace understudy {

/// `stepper --dap 0`.
class DapServerProcess {
 public:
  explicit DapServerProcess(const Pair& pair)
      : DapServerProcess("-C", (pair.directory() / "cluster").string()) {}
  /// Of a recording.
  explicit DapServerProcess(const std::filesystem::path& recording)
      : DapServerProcess("--open", recording.string()) {}
  ~DapServerProcess();
  DapServerProcess(const DapServerProcess&) = delete;
  DapServerProcess& operator=(const DapServerProcess&) = delete;

  std::uint16_t port() const { return port_; }
  const std::string& token() const { return token_; }

 private:
  DapServerProcess(const char* option, const std::string& value);

  pid_t process_ = 0;
  std::uint16_t port_ = 0;
  std::string token_;
};

class DapClient {
 public:
  explicit DapClient(std::uint16_t port);

  /// The answer to a request; empty if the connection ends or nothing comes for half a minute.
  json::object request(const std::string& command, const json::object& arguments = {});
  /// The body of its answer, which must be a success; else empty.
  json::object body(const std::string& command, const json::object& arguments = {});
  /// Waits for an event, and gives its body.
  json::object event(const std::string& name);
  /// As any IDE does: initialize, attach, configurationDone.
  bool attach(const std::string& token);
  void write(const std::string& bytes);
  /// Whether the server closes the connection without a further message.
  bool is_closed();

 private:
  bool read_message(json::object& message);

  UniqueFd socket_;
  stepper::DapFrames frames_;
  std::deque<json::object> events_;
  std::uint64_t last_seq_ = 0;
};

}  // namespace understudy
