#include "tools/stepper/page.h"

#include <algorithm>
#include <array>
#include <boost/json/value_from.hpp>
#include <iostream>
#include <map>

#include "cluster_app/cluster_status.h"
#include "tools/stepper/director.h"
#include "tools/stepper/page_data.h"
#include "tools/stepper/page_server.h"

namespace understudy::stepper {
namespace {

constexpr auto kRound = std::chrono::milliseconds(500);
constexpr int kStatusLimitMs = 500;
constexpr std::size_t kMaxBatch = 200;  // points in one event

// Not from a page: the shell, what would keep everybody waiting, and what is for scripts.
constexpr auto kAllowed = std::to_array<std::string_view>(
    {"help",        "h",      "break",    "b",       "tbreak", "tb",     "delete",    "d",
     "breakpoints", "bl",     "continue", "c",       "step",   "s",      "into",      "i",
     "out",         "o",      "pause",    "p",       "where",  "w",      "irp",       "layers",
     "parked",      "hi",     "history",  "cache",   "m",      "mirror", "l",         "ledger",
     "kill",        "hang",   "wake",     "fail",    "cut",    "drop",   "duplicate", "delay",
     "timers",      "expire", "pe",       "pending", "next",   "later",  "edit"});

bool is_allowed(std::string_view command) {
  const std::string_view name = command.substr(0, command.find(' '));
  return std::ranges::find(kAllowed, name) != kAllowed.end();
}

std::string text_of(const Reply& reply) {
  return json::serialize(
      json::object{{"ok", reply.ok}, {"text", reply.text}, {"data", reply.data}});
}

std::string batch_of(const std::vector<Point>& points) {
  const std::size_t left_out = points.size() - std::min(points.size(), kMaxBatch);
  std::map<std::string, std::uint64_t> steps;  // all of them: "a 408"
  for (const Point& each : points) {
    if (each.entry.hop == Hop::none)
      ++steps[each.node + " " + std::to_string(static_cast<int>(each.entry.step))];
  }
  json::array last;
  for (std::size_t i = left_out; i < points.size(); ++i) {
    last.push_back(page_point(points[i]));
  }
  return json::serialize(
      json::object{{"points", last}, {"left_out", left_out}, {"steps", json::value_from(steps)}});
}

class Page {
 public:
  Page(Session& session, const ClusterConfig& config);
  ~Page();
  Page(const Page&) = delete;
  Page& operator=(const Page&) = delete;
  std::string serve(std::uint16_t port);

 private:
  void ask(const std::string& command, const std::function<void(std::string)>& answer);
  void look(bool at_stores);
  void stands(bool so);
  void watch();

  const ClusterConfig& config_;
  PageServer server_;
  Commands looking_;  // the director's thread uses it, and the next three
  std::string state_;
  std::string stores_;
  bool moved_ = true;  // since the stores were read

  std::mutex mutex_;
  bool stands_ = false;  // with mutex_, and the next one
  bool ends_ = false;
  std::condition_variable changed_;
  Director director_;
  std::thread watch_;
};

Page::Page(Session& session, const ClusterConfig& config)
    : config_(config),
      server_([this](const std::string& command, const auto& answer) { ask(command, answer); }),
      looking_(session, std::chrono::seconds(0)),
      director_(session, {.on_stop = [this](const Stop&) { stands(true); },
                          .on_run = [this] { stands(false); },
                          .on_points =
                              [this](const std::vector<Point>& points) {
                                moved_ |= std::ranges::any_of(points, [](const Point& each) {
                                  return !is_heartbeat(each.entry);
                                });
                                server_.publish("points", batch_of(points));
                              }}) {
  watch_ = std::thread([this] { watch(); });
}

Page::~Page() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
    changed_.notify_all();
  }
  watch_.join();
  director_.stop();
}

std::string Page::serve(std::uint16_t port) {
  const std::string wrong = server_.listen(port);
  if (!wrong.empty()) return wrong;
  std::cout << server_.address() << std::endl;
  server_.run();
  return {};
}

void Page::ask(const std::string& command, const std::function<void(std::string)>& answer) {
  if (!is_allowed(command)) {
    answer(text_of({false, "not from the page; see help", {}}));
    return;
  }
  director_.ask(command, [this, answer](const Reply& reply) {
    answer(text_of(reply));
    moved_ = true;
  });
  director_.with_session([this](Session&) { look(true); });
}

/// What there is to see, to whoever reads. The stores are large: they are read when something has
/// moved.
void Page::look(bool at_stores) {
  json::object state;
  for (const char* const about : {"where", "layers", "parked", "breakpoints", "irp"})
    for (const auto& [key, value] : looking_.run(about).data) state[key] = value;
  if (std::string text = json::serialize(state); text != state_) {
    state_ = text;
    server_.publish("state", std::move(text), true);
  }
  if (!at_stores || !std::exchange(moved_, false)) return;
  std::string text =
      json::serialize(page_stores(looking_.run("ledger").data.at("ledger").as_object(),
                                  looking_.run("mirror").data.at("mirror").as_object()));
  if (text == stores_) return;
  stores_ = text;
  server_.publish("stores", std::move(text), true);
}

void Page::stands(bool so) {
  {
    const std::lock_guard lock(mutex_);
    stands_ = so;
    changed_.notify_all();
  }
  server_.publish(so ? "stop" : "run", json::serialize(looking_.run("where").data));
  moved_ = true;
  look(so);
}

/// Every round a look, and while it runs what the nodes say of themselves: held, they say nothing.
void Page::watch() {
  std::string last;
  std::unique_lock lock(mutex_);
  while (!ends_) {
    const bool asks = !stands_;
    lock.unlock();
    director_.with_session([this](Session&) { look(true); });
    if (asks) {
      std::string status = json::serialize(cluster_status(config_, kStatusLimitMs));
      lock.lock();
      const bool fresh = !stands_ && status != last;
      lock.unlock();
      if (fresh) {
        last = status;
        server_.publish("cluster", std::move(status), true);
      }
    }
    lock.lock();
    changed_.wait_for(lock, kRound, [this, asks] { return ends_ || stands_ == asks; });
  }
}

}  // namespace

std::string serve_page(Session& session, const ClusterConfig& config, std::uint16_t port) {
  return Page(session, config).serve(port);
}

}  // namespace understudy::stepper
