// Several SMB clients at once on one share, each with a workload of its own, and the judgement of
// what is there afterwards. What was said and answered is kept, for the message when something is
// lost.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "tests/real/smb_client.h"
#include "tests/real/workload.h"

namespace understudy {

class Load {
 public:
  Load(SmbServer server, int clients, std::uint64_t seed);

  /// Every client works until `enough` says so (asked after each answer and every 20 ms) or its
  /// connection fails; then what is under way is waited for, but no longer than `patience`: a
  /// client that has no answer by then is given up. Returns when no client waits any more.
  void run(const std::function<bool()>& enough,
           std::chrono::milliseconds patience = std::chrono::seconds(30));
  /// The same, until so many operations more are acknowledged.
  void run_operations(std::size_t operations);
  /// New connections for all clients, when a look has settled what there is.
  void reconnect();

  /// Judges what a share holds: each client's part must be what was acknowledged, with or without
  /// the operation of it that was not answered; nothing else may be there. Empty, or what is wrong.
  /// `unmirrored`: what was not answered was asked of a node without a partner, so it may be there
  /// in part.
  std::string judge(const Tree& found, bool unmirrored = false) const;
  /// The clients go on from what was found and judged right.
  void settle(const Tree& found);

  /// What servers have answered that cannot be; empty when all is well.
  std::string contradictions() const;
  bool all_broken() const;
  std::size_t acknowledged() const;
  std::size_t refused() const;
  std::size_t unanswered() const;
  std::chrono::milliseconds longest_wait() const { return longest_wait_; }
  /// The last things that each client said and heard.
  std::string history() const;

 private:
  struct Client {
    SmbClient connection;
    Workload workload;
    bool broken = false;
    std::chrono::steady_clock::time_point asked = {};
    std::vector<std::string> history = {};
  };
  void ask(Client& client);
  void take_answer(Client& client, int timeout_ms);
  void wait(std::chrono::milliseconds limit);

  SmbServer server_;
  std::vector<Client> clients_;
  std::chrono::milliseconds longest_wait_{0};
};

/// Everything in the share, from a client that connects now and tries again until `patience` is
/// over; nothing and the reason in `error`.
std::optional<Tree> read_share(const SmbServer& server, std::chrono::milliseconds patience,
                               std::string& error);

}  // namespace understudy
