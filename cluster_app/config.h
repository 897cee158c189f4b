// cluster.toml: which nodes there are, which LUNs, who owns them, and the settings of all. Read by
// every command; invariant: a ClusterConfig that parse() gave is valid, and every index in it is in
// range.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "iomgr/irp.h"
#include "iomgr/network.h"

namespace understudy {

struct NodeConfig {
  std::string name;
  Endpoint address;         // where its clients connect: SMB
  Endpoint interconnect;    // where its mirror server listens for the partner's redirect filter
  Endpoint control;         // where its cluster_app listens for the partner's
  std::string fence_agent;  // program that turns it off; empty: none (agent_fence.h)
};

struct LunConfig {
  std::string name;
  std::string share;
  std::uint32_t owner = 0;  // index of the node that serves it in quiet times: its home
  std::string directory;    // on the host; relative to the cluster's directory until resolved
  bool encrypted = false;   // clients must encrypt what they do on the share
  bool continuously_available = true;  // its clients may have persistent handles
  bool like_samba = false;  // semantics = "samba": where smbd differs from Windows, as smbd
};

struct ClusterConfig {
  /// This version pairs two nodes: each is the other's partner.
  static constexpr std::size_t kNodes = 2;

  std::vector<NodeConfig> nodes;  // a node's index is its place in the file
  std::vector<LunConfig> luns;    // a LUN's number likewise

  std::uint32_t flush_interval_ms = 1000;
  bool lazy_writer_runs = true;
  std::uint32_t unwritten_mib = 256;
  std::uint32_t mirror_mib = 256;
  std::uint32_t heartbeat_ms = 100;
  std::uint32_t failure_after_ms = 3000;
  std::uint32_t mailbox_ms = 500;
  std::uint32_t layer_hang_ms = 2500;
  std::uint32_t storage_hang_ms = 10'000;
  bool takes_over_for_software = true;
  std::uint32_t takeovers_per_hour = 5;
  bool one_machine = false;  // all nodes run on this one
  std::uint32_t fence_agent_timeout_ms = 30'000;
  DegradedWrites degraded_writes = DegradedWrites::write_through;
  bool signing_required = true;
  std::string_view encryption = "allowed";  // or "off", "required": netstack's words
  bool auto_giveback = false;

  std::optional<std::uint32_t> node_index(std::string_view name) const;
  const NodeConfig& partner_of(std::uint32_t node) const { return nodes.at(kNodes - 1 - node); }
  /// Numbers of the LUNs whose home is `node`.
  std::vector<std::uint32_t> luns_of(std::uint32_t node) const;
};

/// Reads the text of a cluster.toml. `name` stands before errors. Nothing, and the reason in
/// `error` with the key that is at fault, for what is unknown, missing, twice there, out of range
/// or contradicts itself.
std::optional<ClusterConfig> parse_config(const std::string& text, const std::string& name,
                                          std::string& error);

/// The cluster.toml that `init` writes: two nodes on 127.0.0.11 and 127.0.0.12, two LUNs, every
/// setting explained.
std::string default_config_text();

}  // namespace understudy
