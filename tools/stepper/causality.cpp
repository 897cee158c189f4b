#include "tools/stepper/causality.h"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>

namespace understudy::stepper {
namespace {

// Clocks of two nodes: each is stopped and started a little after the other.
constexpr std::int64_t kSkew_ns = 100'000'000;

/// Node and layer.
using Place = std::pair<std::string, Layer>;

/// What is sent over one link: an IRP one way or back, or a message.
using Way = std::tuple<Hop, Layer, Layer, std::string>;  // hop of the sender, from, to, its node
using What = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t, std::uint32_t, Major,
                        std::uint8_t, std::uint32_t>;

struct Sent {
  std::vector<std::size_t> points;
  std::size_t next = 0;
};

bool is_sent(Hop hop) {
  return hop == Hop::request_out || hop == Hop::completion_out || hop == Hop::message_out;
}

Hop sent_for(Hop received) {
  return static_cast<Hop>(static_cast<std::uint16_t>(received) - 1);
}

What what_of(const TraceEntry& entry, std::uint32_t life) {
  // An IRP's LSN and the like may be given between the two ends of a link; its id stays.
  if (entry.hop != Hop::message_out && entry.hop != Hop::message_in)
    return {entry.irp, 0, 0, 0, entry.major, entry.minor, life};
  return {0, entry.lsn, entry.epoch, entry.lun, entry.major, entry.minor, 0};
}

}  // namespace

std::vector<std::uint32_t> lives_of(const std::vector<Point>& points) {
  struct Node {
    std::uint32_t lives = 0;
    std::array<std::uint64_t, kLayers> last{};
  };
  std::map<std::string, Node> nodes;
  std::vector<std::uint32_t> lives;
  lives.reserve(points.size());
  for (const Point& point : points) {
    Node& node = nodes[point.node];
    std::uint64_t& last = node.last.at(static_cast<std::size_t>(point.entry.layer));
    if (point.entry.sequence <= last) {
      ++node.lives;
      node.last = {};
    }
    last = point.entry.sequence;
    lives.push_back(node.lives);
  }
  return lives;
}

std::vector<std::size_t> senders_of(const std::vector<Point>& points) {
  const std::vector<std::uint32_t> lives = lives_of(points);
  std::map<std::pair<Way, What>, Sent> sent;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const std::string& node = points[i].node;
    const TraceEntry& entry = points[i].entry;
    if (is_sent(entry.hop))
      sent[{{entry.hop, entry.layer, entry.neighbour, node}, what_of(entry, lives[i])}]
          .points.push_back(i);
  }
  std::vector<std::string> nodes;
  for (const Point& point : points) {
    if (std::ranges::find(nodes, point.node) == nodes.end()) nodes.push_back(point.node);
  }
  std::vector<std::size_t> senders(points.size(), kNobody);
  for (std::size_t i = 0; i < points.size(); ++i) {
    const std::string& node = points[i].node;
    const TraceEntry& entry = points[i].entry;
    if (entry.hop == Hop::none || is_sent(entry.hop)) continue;
    const bool is_message = entry.hop == Hop::message_in;
    for (const std::string& from : nodes) {
      if ((from == node) == is_message) continue;
      const auto found = sent.find(
          {{sent_for(entry.hop), entry.neighbour, entry.layer, from}, what_of(entry, lives[i])});
      if (found == sent.end() || found->second.next == found->second.points.size()) continue;
      const std::size_t sender = found->second.points[found->second.next];
      const std::int64_t slack = is_message ? kSkew_ns : 0;
      if (points[sender].entry.time_ns - slack > entry.time_ns) continue;
      senders[i] = sender;
      ++found->second.next;
      break;
    }
  }
  return senders;
}

std::vector<std::size_t> causal_order(const std::vector<Point>& points,
                                      const std::vector<std::size_t>& senders) {
  // Of each point the one before it in its layer.
  std::vector<std::size_t> before(points.size(), kNobody);
  std::map<Place, std::size_t> last;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto [at, is_first] = last.try_emplace({points[i].node, points[i].entry.layer}, i);
    if (!is_first) before[i] = std::exchange(at->second, i);
  }
  enum class State : std::uint8_t { waits, begun, done };
  std::vector<State> states(points.size(), State::waits);
  std::vector<std::size_t> order;
  order.reserve(points.size());
  std::vector<std::size_t> pending;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (states[i] == State::waits) pending.push_back(i);
    while (!pending.empty()) {
      const std::size_t point = pending.back();
      if (states[point] == State::waits) {
        states[point] = State::begun;
        // What is begun already would have to come before itself: such numbers are damaged, and
        // it stays where it is.
        for (const std::size_t first : {senders[point], before[point]}) {
          if (first != kNobody && states[first] == State::waits) pending.push_back(first);
        }
        continue;
      }
      pending.pop_back();
      if (states[point] == State::done) continue;
      states[point] = State::done;
      order.push_back(point);
    }
  }
  return order;
}

}  // namespace understudy::stepper
