#include "tests/real/load.h"

#include <poll.h>

#include <algorithm>
#include <numeric>
#include <thread>

namespace understudy {
namespace {

constexpr auto kPoll = std::chrono::milliseconds(20);
constexpr std::size_t kHistoryShown = 12;

using Clock = std::chrono::steady_clock;

}  // namespace

Load::Load(SmbServer server, int clients, std::uint64_t seed) : server_(std::move(server)) {
  for (int i = 0; i < clients; ++i) {
    const std::string directory = "client" + std::to_string(i);
    clients_.push_back(
        {SmbClient(server_), Workload(directory, seed * 1000 + static_cast<std::uint64_t>(i))});
  }
}

void Load::ask(Client& client) {
  const SmbCall call = client.workload.next();
  client.history.push_back(client.workload.unanswered() ? describe(*client.workload.unanswered())
                                                        : "look at " + call.path);
  client.asked = Clock::now();
  client.connection.send(call);
}

void Load::take_answer(Client& client, int timeout_ms) {
  const SmbAnswer answer = client.connection.receive(timeout_ms);
  const bool sensible = client.workload.answered(answer);
  const auto waited =
      std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - client.asked);
  longest_wait_ = std::max(longest_wait_, waited);
  client.history.back() += ": " + std::string(to_string(answer.outcome)) + " after " +
                           std::to_string(waited.count()) + " ms" +
                           (answer.error.empty() ? "" : " (" + answer.error + ")") +
                           (sensible ? "" : "  <-- CANNOT BE");
  const bool connected =
      answer.outcome == SmbAnswer::Outcome::done || answer.outcome == SmbAnswer::Outcome::refused;
  client.broken = !connected || !sensible;
}

/// Until an answer is there, or `limit` is over.
void Load::wait(std::chrono::milliseconds limit) {
  std::vector<pollfd> sockets;
  for (const Client& client : clients_) {
    if (client.connection.busy()) sockets.push_back({client.connection.descriptor(), POLLIN, 0});
  }
  poll(sockets.data(), sockets.size(), static_cast<int>(limit.count()));
}

void Load::run(const std::function<bool()>& enough, std::chrono::milliseconds patience) {
  bool stopping = false;
  Clock::time_point end = Clock::time_point::max();
  while (true) {
    if (!stopping && enough()) {
      stopping = true;
      end = Clock::now() + patience;
    }
    bool waiting = false;
    for (Client& client : clients_) {
      if (!stopping && !client.broken && !client.connection.busy()) ask(client);
      waiting |= client.connection.busy();
    }
    if (stopping && !waiting) return;
    wait(kPoll);
    const bool late = Clock::now() > end;
    for (Client& client : clients_) {
      pollfd ready{client.connection.descriptor(), POLLIN, 0};
      if (client.connection.busy() && (late || poll(&ready, 1, 0) == 1)) take_answer(client, 0);
    }
    if (!waiting && !stopping && all_broken())
      std::this_thread::sleep_for(kPoll);  // nothing to do but to ask `enough` again
  }
}

void Load::run_operations(std::size_t operations) {
  const std::size_t goal = acknowledged() + operations;
  run([&] { return acknowledged() >= goal || all_broken(); });
}

void Load::reconnect() {
  for (Client& client : clients_) {
    client.connection = SmbClient(server_);
    client.broken = false;
  }
}

std::string Load::judge(const Tree& found, bool unmirrored) const {
  std::string wrong;
  Tree others = found;
  for (const Client& client : clients_) {
    const Tree part = below(found, client.workload.directory());
    for (const auto& [path, content] : part) others.erase(path);
    const Tree& before = client.workload.tree();
    const auto& open = client.workload.unanswered();
    const std::vector<Tree> allowed = open ? all_or_nothing(before, *open) : std::vector{before};
    if (std::ranges::find(allowed, part) != allowed.end()) continue;
    if (open && unmirrored && may_be_in_part(before, *open, part)) continue;
    wrong += client.workload.directory() + " does not have what was acknowledged" +
             (open ? " (not answered: " + describe(*open) + ")" : "") + "\n" +
             differences(before, part);
  }
  if (!others.empty()) wrong += "what nobody made:\n" + differences({}, others);
  return wrong;
}

void Load::settle(const Tree& found) {
  for (Client& client : clients_) client.workload.settle(below(found, client.workload.directory()));
}

std::string Load::contradictions() const {
  std::string all;
  for (const Client& client : clients_) {
    if (!client.workload.problem().empty())
      all += client.workload.directory() + ": " + client.workload.problem() + "\n";
  }
  return all;
}

bool Load::all_broken() const {
  return std::ranges::all_of(clients_, &Client::broken);
}

std::size_t Load::acknowledged() const {
  return std::transform_reduce(clients_.begin(), clients_.end(), std::size_t{0}, std::plus<>(),
                               [](const Client& each) { return each.workload.acknowledged(); });
}

std::size_t Load::refused() const {
  return std::transform_reduce(clients_.begin(), clients_.end(), std::size_t{0}, std::plus<>(),
                               [](const Client& each) { return each.workload.refused(); });
}

std::size_t Load::unanswered() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      clients_, [](const Client& each) { return each.workload.unanswered().has_value(); }));
}

std::string Load::history() const {
  std::string text;
  for (const Client& client : clients_) {
    text += client.workload.directory() + ", last of " + std::to_string(client.history.size()) +
            " calls:\n";
    const std::size_t first =
        client.history.size() - std::min(client.history.size(), kHistoryShown);
    for (std::size_t i = first; i < client.history.size(); ++i)
      text += "  " + client.history[i] + "\n";
  }
  return text;
}

std::optional<Tree> read_share(const SmbServer& server, std::chrono::milliseconds patience,
                               std::string& error) {
  const Clock::time_point end = Clock::now() + patience;
  while (true) {
    SmbClient client(server);
    std::optional<Tree> tree = client.read_tree(error);
    if (tree || Clock::now() > end) return tree;
    std::this_thread::sleep_for(kPoll);  // nobody may be listening yet
  }
}

}  // namespace understudy
