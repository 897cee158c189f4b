#include "cluster_app/config.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <sstream>

#include "iomgr/bounds.h"

namespace understudy {
namespace {

/// "[node.a] address" as the file writes it: what an error names.
std::string full_key(const CLI::ConfigItem& item) {
  if (item.parents.empty()) return item.name;
  return "[" + CLI::detail::join(item.parents, ".") + "] " + item.name;
}

bool plain_name(std::string_view name, std::size_t longest) {
  return !name.empty() && name.size() <= longest &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '-';
         });
}

/// MS-SMB2 2.2.9 leaves share names to the server; these are the ones every client can type.
bool share_name(std::string_view name) {
  if (name.empty() || name.size() > 80 || name == "IPC$") return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) > ' ' && c != 0x7f &&
           std::string_view("\"\\/[]:|<>+=;,*?").find(c) == std::string_view::npos;
  });
}

bool endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (host.find(':') != std::string_view::npos && (host.front() != '[' || host.back() != ']'))
    return false;
  std::uint32_t number = 0;
  const auto [end, failure] = std::from_chars(port.data(), port.data() + port.size(), number);
  return failure == std::errc() && end == port.data() + port.size() && number > 0 && number < 65536;
}

constexpr std::array<std::pair<std::string_view, bool>, 2> kLazyWriter = {
    {{"run", true}, {"hold", false}}};
constexpr std::array<std::pair<std::string_view, bool>, 2> kTakeoverFor = {
    {{"both", true}, {"hardware", false}}};
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kEncryption = {
    {{"off", "off"}, {"allowed", "allowed"}, {"required", "required"}}};
constexpr std::array<std::pair<std::string_view, bool>, 2> kSemantics = {
    {{"windows", false}, {"samba", true}}};
constexpr std::array<std::pair<std::string_view, bool>, 2> kLunEncryption = {
    {{"allowed", false}, {"required", true}}};
constexpr std::array<std::pair<std::string_view, DegradedWrites>, 3> kDegradedWrites = {
    {{"write_through", DegradedWrites::write_through},
     {"direct", DegradedWrites::direct},
     {"write_back", DegradedWrites::write_back}}};

/// Puts one item of the file after the other into the configuration; the first mistake stops it.
class Reader {
 public:
  bool take(const CLI::ConfigItem& item) {
    if (item.name == "++" || item.name == "--") return true;  // begin and end of a section
    item_ = &item;
    if (item.inputs.size() != 1 || !seen_.insert(full_key(item)).second)
      return refuse("must be given once, with one value");
    value_ = item.inputs.front();
    if (item.parents.empty()) return setting();
    if (item.parents.size() == 2 && item.parents[0] == "node") return node(item.parents[1]);
    if (item.parents.size() == 2 && item.parents[0] == "lun") return lun(item.parents[1]);
    return refuse("unknown section; there are [node.NAME] and [lun.NAME]");
  }

  bool finish() {
    item_ = nullptr;
    if (config.nodes.size() != ClusterConfig::kNodes)
      return refuse("a cluster has two [node.NAME] sections");
    if (config.luns.empty()) return refuse("there is no [lun.NAME] section: nothing to serve");
    if (config.failure_after_ms < 3 * config.heartbeat_ms) {
      return refuse("failure_after_ms must be at least three times heartbeat_ms");
    }
    std::set<std::string> endpoints;
    for (NodeConfig& each : config.nodes) {
      if (each.fence_agent.empty()) each.fence_agent = fence_agent_;
      for (const Endpoint& used : {each.address, each.interconnect, each.control}) {
        if (used.empty())
          return refuse("[node." + each.name + "] needs address, interconnect and control");
        if (!endpoints.insert(used).second)
          return refuse("[node." + each.name + "] uses " + used + " a second time");
      }
    }
    return finish_luns();
  }

  ClusterConfig config;
  std::string error;

 private:
  bool setting() {
    const std::string& key = item_->name;
    if (key == "flush_interval_ms") return number(config.flush_interval_ms, 1, 3'600'000);
    if (key == "unwritten_mib") return number(config.unwritten_mib, 8, 65536);
    if (key == "mirror_mib") return number(config.mirror_mib, 8, 65536);
    if (key == "heartbeat_ms") return number(config.heartbeat_ms, 10, 60'000);
    if (key == "failure_after_ms") return number(config.failure_after_ms, 100, 600'000);
    if (key == "mailbox_ms") return number(config.mailbox_ms, 50, 60'000);
    if (key == "layer_hang_ms") return number(config.layer_hang_ms, 500, 600'000);
    if (key == "storage_hang_ms") return number(config.storage_hang_ms, 1000, 600'000);
    if (key == "takeovers_per_hour") return number(config.takeovers_per_hour, 1, 1000);
    if (key == "one_machine") return boolean(config.one_machine);
    if (key == "fence_agent_timeout_ms")
      return number(config.fence_agent_timeout_ms, 1000, 600'000);
    if (key == "fence_agent") return program(fence_agent_);
    if (key == "signing_required") return boolean(config.signing_required);
    if (key == "encryption") return one_of(config.encryption, kEncryption);
    if (key == "auto_giveback") return boolean(config.auto_giveback);
    if (key == "lazy_writer") return one_of(config.lazy_writer_runs, kLazyWriter);
    if (key == "takeover_for") return one_of(config.takes_over_for_software, kTakeoverFor);
    if (key == "degraded_writes") return one_of(config.degraded_writes, kDegradedWrites);
    return refuse("unknown setting");
  }

  bool node(const std::string& name) {
    if (!plain_name(name, 15))
      return refuse("a node's name is 1 to 15 letters, digits, '-' or '_'");
    NodeConfig& node = entry(config.nodes, name);
    const std::string& key = item_->name;
    Endpoint* place = key == "address"        ? &node.address
                      : key == "interconnect" ? &node.interconnect
                      : key == "control"      ? &node.control
                                              : nullptr;
    if (key == "fence_agent") return program(node.fence_agent);
    if (place == nullptr)
      return refuse("unknown key; a node has address, interconnect, control and fence_agent");
    if (!endpoint(value_)) return refuse("must be \"HOST:PORT\", as in \"127.0.0.11:4450\"");
    *place = value_;
    return true;
  }

  bool lun(const std::string& name) {
    if (!plain_name(name, 63)) return refuse("a LUN's name is 1 to 63 letters, digits, '-' or '_'");
    LunConfig& lun = entry(config.luns, name);
    const std::string& key = item_->name;
    if (key == "share") {
      if (!share_name(value_))
        return refuse("is no share name: 1 to 80 characters, none of \"\\/[]:|<>+=;,*? or blank");
      lun.share = value_;
    } else if (key == "owner") {
      owners_.emplace_back(name, value_);
    } else if (key == "directory") {
      if (value_.empty()) return refuse("must name a directory");
      lun.directory = value_;
    } else if (key == "encryption") {
      return one_of(lun.encrypted, kLunEncryption);
    } else if (key == "continuously_available") {
      return boolean(lun.continuously_available);
    } else if (key == "semantics") {
      return one_of(lun.like_samba, kSemantics);
    } else {
      return refuse(
          "unknown key; a LUN has share, owner, directory, encryption, continuously_available and "
          "semantics");
    }
    return true;
  }

  bool finish_luns() {
    for (const auto& [lun, owner] : owners_) {
      const auto index = config.node_index(owner);
      if (!index) return refuse("[lun." + lun + "] owner: there is no node " + owner);
      entry(config.luns, lun).owner = *index;
    }
    std::set<std::string> shares;
    std::set<std::string> directories;
    for (LunConfig& lun : config.luns) {
      const bool owned = std::any_of(owners_.begin(), owners_.end(),
                                     [&](const auto& each) { return each.first == lun.name; });
      if (lun.share.empty() || !owned)
        return refuse("[lun." + lun.name + "] needs share and owner");
      if (lun.encrypted && config.encryption == "off")
        return refuse("[lun." + lun.name + "] wants encryption, which is off");
      if (lun.directory.empty()) lun.directory = lun.name;
      if (!shares.insert(CLI::detail::to_lower(lun.share)).second)
        return refuse("share " + lun.share + " is there twice");
      if (!directories.insert(lun.directory).second)
        return refuse("directory " + lun.directory + " belongs to two LUNs");
    }
    return true;
  }

  bool number(std::uint32_t& out, std::uint32_t least, std::uint32_t most) {
    std::uint32_t value = 0;
    const auto [end, failure] =
        std::from_chars(value_.data(), value_.data() + value_.size(), value);
    if (failure != std::errc() || end != value_.data() + value_.size() || value < least ||
        value > most) {
      return refuse("must be a number from " + std::to_string(least) + " to " +
                    std::to_string(most));
    }
    out = value;
    return true;
  }

  /// The value must be one of the names, and means what stands beside it.
  template <typename T, std::size_t count>
  bool one_of(T& out, const std::array<std::pair<std::string_view, T>, count>& meanings) {
    std::string names;
    for (const auto& [name, meaning] : meanings) {
      if (value_ == name) {
        out = meaning;
        return true;
      }
      names += (names.empty() ? "\"" : " or \"") + std::string(name) + "\"";
    }
    return refuse("must be " + names);
  }

  bool program(std::string& out) {
    if (!value_.starts_with('/')) return refuse("must be the absolute path of a program");
    out = value_;
    return true;
  }

  bool boolean(bool& out) {
    if (value_ != "true" && value_ != "false") return refuse("must be true or false");
    out = value_ == "true";
    return true;
  }

  template <typename Entry>
  Entry& entry(std::vector<Entry>& all, const std::string& name) {
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const Entry& each) { return each.name == name; });
    if (found != all.end()) return *found;
    all.emplace_back().name = name;
    return all.back();
  }

  bool refuse(const std::string& why) {
    error = item_ == nullptr ? why : full_key(*item_) + ": " + why;
    return false;
  }

  const CLI::ConfigItem* item_ = nullptr;
  std::string value_;
  std::string fence_agent_;  // of every node that names none itself
  std::set<std::string> seen_;
  std::vector<std::pair<std::string, std::string>>
      owners_;  // LUN, node: nodes may stand below LUNs
};

}  // namespace

std::optional<std::uint32_t> ClusterConfig::node_index(std::string_view name) const {
  for (std::uint32_t index = 0; index < nodes.size(); ++index) {
    if (nodes[index].name == name) return index;
  }
  return std::nullopt;
}

std::vector<std::uint32_t> ClusterConfig::luns_of(std::uint32_t node) const {
  std::vector<std::uint32_t> numbers;
  for (std::uint32_t lun = 0; lun < luns.size(); ++lun) {
    if (luns[lun].owner == node) numbers.push_back(lun);
  }
  return numbers;
}

std::optional<ClusterConfig> parse_config(const std::string& text, const std::string& name,
                                          std::string& error) {
  constexpr std::size_t kLongest = 64 * 1024;
  const auto fail = [&](const std::string& why) {
    error = name + ": " + why;
    return std::nullopt;
  };
  if (text.size() > kLongest || text.find('\0') != std::string::npos)
    return fail("is not a cluster.toml");
  Reader reader;
  try {
    std::istringstream input(text);
    for (const CLI::ConfigItem& item : CLI::ConfigTOML().from_config(input)) {
      if (!reader.take(item)) return fail(reader.error);
    }
  } catch (const CLI::Error& unreadable) {
    return fail(unreadable.what());
  }
  if (!reader.finish()) return fail(reader.error);
  if (reader.config.luns.size() > bounds::kMaxLuns)
    return fail("more than " + std::to_string(bounds::kMaxLuns) + " LUNs");
  return std::move(reader.config);
}

std::string default_config_text() {
  return R"(# An Understudy cluster: two nodes that stand in for each other. `cluster_app up` starts it.
# A change here takes effect when the nodes are started again.

# How often each node writes its unwritten operations to the storage medium, in milliseconds.
flush_interval_ms = 1000
# "run" writes in the background; "hold" writes only when it must, for looking at what is mirrored.
lazy_writer = "run"
# Memory of a node for its own unwritten operations, and for the copies of its partner's, in MiB.
unwritten_mib = 256
mirror_mib = 256

# What a node does with writes while its partner is missing (STEP 318). "write_through": through the cache, on the
# medium before the answer; those that wait at the same time share a flush. "direct": each flushed by itself.
# "write_back": answered from memory. UNSAFE: what was answered is lost when this node dies too.
degraded_writes = "write_through"

# How often the nodes tell each other that they live, on the network and in the mailboxes on the LUNs, and how long a
# silence on all of these and on the interconnect counts as a failure of the server.
heartbeat_ms = 100
mailbox_ms = 500
failure_after_ms = 3000
# A layer that has made no progress for so long fails its node (the operating system's failure).
layer_hang_ms = 2500
# A storage request this old fails its node, if the partner can reach the LUN (the failure of its I/O).
storage_hang_ms = 10000
# "both": take over whatever has failed. "hardware": leave a node whose programs died or hang to the operator.
takeover_for = "both"
# After so many takeovers within an hour a node asks the operator instead.
takeovers_per_hour = 5

# All nodes run on this machine: what is not seen here is not running, and can be killed from here. For nodes on
# machines of their own say false and name a program that turns a node off (also possible below [node.NAME]); it is
# called as `PROGRAM off NAME` and confirms with exit code 0. Without any, `cluster_app takeover NAME --fenced` does.
one_machine = true
# fence_agent = "/usr/local/sbin/turn-off"
# fence_agent_timeout_ms = 30000

# Give a node's LUNs back by itself when it is there again; otherwise `cluster_app giveback NAME` does.
auto_giveback = false

# Refuse clients that do not sign.
signing_required = true
# SMB 3 encryption. "off"; "allowed": clients that ask for it encrypt; "required": the others are refused. A LUN can
# require it for its own share: `encryption = "required"` below [lun.NAME].
encryption = "allowed"

# A node's place in this file is its number: do not swap nodes that have run.
# address: for SMB clients. interconnect: for the partner's copies. control: for the partner's cluster_app.
[node.a]
address = "127.0.0.11:4450"
interconnect = "127.0.0.11:4451"
control = "127.0.0.11:4452"

[node.b]
address = "127.0.0.12:4450"
interconnect = "127.0.0.12:4451"
control = "127.0.0.12:4452"

# A LUN is what one node owns at a time. Its files lie in <directory>/tree. `semantics = "samba"` below [lun.NAME], for
# clients that are used to smbd: a slash divides names like a backslash, and the time of a write shows up to two
# seconds late, or when the file is flushed or closed.
[lun.lun0]
share = "share0"
owner = "a"
directory = "lun0"

[lun.lun1]
share = "share1"
owner = "b"
directory = "lun1"
)";
}

}  // namespace understudy
