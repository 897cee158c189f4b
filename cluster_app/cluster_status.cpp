#include "cluster_app/cluster_status.h"

#include <algorithm>

#include "cluster_app/cluster_directory.h"
#include "cluster_app/control_client.h"
#include "cluster_app/node_lock.h"

namespace understudy {
namespace {

/// A node that says nothing: its lock tells whether it is down or hangs.
json::object silent_node(const NodeConfig& node) {
  const bool runs =
      NodeLock::look(cluster_directory::lock_path(node.name)) == NodeLock::State::held;
  return {{"name", node.name},          {"state", runs ? "not answering" : "down"},
          {"addresses", json::array()}, {"owns", json::array()},
          {"luns", json::array()},      {"mirroring", false},
          {"degraded", true},           {"operations_unwritten", 0},
          {"operations_mirrored", 0},   {"processes", json::object()}};
}

std::string joined(const json::array& texts) {
  std::string all;
  for (const json::value& text : texts) {
    if (text.is_string()) all += (all.empty() ? "" : ", ") + std::string(text.as_string());
  }
  return all.empty() ? "-" : all;
}

std::string shares(const json::object& node) {
  std::string all;
  for (const json::value& lun : array_of(node, "luns")) {
    if (!lun.is_object()) continue;
    const std::string phase = text_of(lun.as_object(), "phase");
    all += (all.empty() ? "" : ", ") + text_of(lun.as_object(), "share") +
           (phase == "serving" ? "" : " (" + phase + ")");
  }
  return all.empty() ? "-" : all;
}

using Row = std::vector<std::string>;

std::vector<std::string> as_table(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths(rows.front().size(), 0);
  for (const Row& row : rows) {
    for (std::size_t column = 0; column < row.size(); ++column)
      widths[column] = std::max(widths[column], row[column].size());
  }
  std::vector<std::string> lines;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t column = 0; column < row.size(); ++column) {
      line += row[column] + std::string(widths[column] - row[column].size() + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    lines.push_back(line);
  }
  return lines;
}

std::string count_of(const json::object& node, const char* key) {
  return std::to_string(number_of(node, key));
}

}  // namespace

json::object cluster_status(const ClusterConfig& config, int limit_ms) {
  json::array nodes;
  json::object status;
  std::uint64_t latest = 0;
  for (const NodeConfig& node : config.nodes) {
    std::string unused;
    const auto answer = ask_node(node.name, {{"verb", "status"}}, limit_ms, unused);
    json::object said = answer ? object_of(*answer, "status") : silent_node(node);
    const json::object& takeover = object_of(said, "last_takeover");
    if (!takeover.empty() && number_of(takeover, "time") >= latest) {
      latest = number_of(takeover, "time");
      status["last_takeover"] = takeover;
    }
    const std::string awaiting = text_of(said, "awaiting");
    if (!awaiting.empty() && !status.contains("awaiting")) status["awaiting"] = awaiting;
    nodes.push_back(std::move(said));
  }
  status["nodes"] = std::move(nodes);
  return status;
}

std::string describe_node(const json::object& node) {
  const std::string state = text_of(node, "state");
  std::string line = "node " + text_of(node, "name") + ": " + state;
  if (state == "down" || state == "not answering") return line;
  const std::string offered = shares(node);
  line += offered == "-" ? ", owns nothing"
                         : ", serves " + offered + " on " + joined(array_of(node, "addresses"));
  return line + (flag_of(node, "mirroring") ? ", mirroring" : ", no mirroring");
}

std::vector<std::string> render_status(const json::object& status) {
  std::vector<Row> rows = {
      {"NODE", "STATE", "SHARES", "ADDRESSES", "MIRRORING", "UNWRITTEN", "MIRRORED", "CLIENTS"}};
  std::vector<std::string> sentences;
  for (const json::value& value : array_of(status, "nodes")) {
    const json::object& node = value.as_object();
    const std::string state = text_of(node, "state");
    const bool runs = state != "down" && state != "not answering";
    rows.push_back({text_of(node, "name"), state, shares(node), joined(array_of(node, "addresses")),
                    runs ? (flag_of(node, "mirroring") ? "on" : "off") : "-",
                    runs ? count_of(node, "operations_unwritten") : "-",
                    runs ? count_of(node, "operations_mirrored") : "-",
                    runs ? count_of(node, "connections") : "-"});
    if (runs && state != "starting" && flag_of(node, "degraded")) {
      sentences.push_back(
          "Node " + text_of(node, "name") +
          " is degraded: without its partner every write goes to the medium at once.");
    }
  }
  std::vector<std::string> lines = as_table(rows);
  const json::object& takeover = object_of(status, "last_takeover");
  if (!takeover.empty()) {
    sentences.push_back("Last takeover: from " + text_of(takeover, "from") + " by " +
                        text_of(takeover, "by") + ", " + count_of(takeover, "operations_replayed") +
                        " operations replayed, " + count_of(takeover, "milliseconds") + " ms.");
  }
  for (const json::value& node : array_of(status, "nodes")) {
    const std::string warning = text_of(node.as_object(), "warning");
    if (!warning.empty()) sentences.push_back("Warning: " + warning + ".");
  }
  const std::string awaiting = text_of(status, "awaiting");
  if (!awaiting.empty()) sentences.push_back("Awaiting: " + awaiting + ".");
  lines.insert(lines.end(), sentences.begin(), sentences.end());
  return lines;
}

}  // namespace understudy
