// Networks of a pair that a test can cut: three namespaces (node a, node b, the clients) and a
// virtual cable for each purpose between them. Needs root.
//
//       clients ──── client_a ──── a ──── interconnect ──── b ──── client_b ──── clients
//                                  └──────── control ───────┘
#pragma once

#include <map>
#include <string>

#include "iomgr/host/unique_fd.h"

namespace understudy {

enum class Cable { client_a, client_b, interconnect, control };

class Networks {
 public:
  Networks();
  ~Networks();
  Networks(const Networks&) = delete;
  Networks& operator=(const Networks&) = delete;

  /// Empty, or why this process cannot make namespaces. Nothing else may be asked then.
  const std::string& problem() const { return problem_; }

  /// Descriptors of the namespaces, for setns().
  int of_node(const std::string& node) const { return descriptors_.at(node).get(); }
  int of_clients() const { return descriptors_.at("clients").get(); }
  /// A node's address on a cable, without port.
  static std::string address(const std::string& node, Cable cable);

  void cut(Cable cable) const;
  void mend(Cable cable) const;

 private:
  std::string name(const std::string& who) const;
  void add(const std::string& who);
  void lay(Cable cable, const std::string& from, const std::string& to);
  void ip(const std::string& arguments);

  std::map<std::string, UniqueFd> descriptors_;
  std::string problem_;
};

}  // namespace understudy
