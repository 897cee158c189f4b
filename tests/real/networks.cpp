#include "tests/real/networks.h"

#include <fcntl.h>
#include <unistd.h>

#include "iomgr/check.h"
#include "tests/real/pair.h"

namespace understudy {
namespace {

/// The name of a cable's end, in both namespaces that it joins.
std::string interface(Cable cable) {
  switch (cable) {
    case Cable::client_a:
      return "client_a";
    case Cable::client_b:
      return "client_b";
    case Cable::interconnect:
      return "interconnect";
    case Cable::control:
      return "control";
  }
  return "?";
}

/// 10.88.<cable>.<end>: namespaces of their own, so that nobody else's addresses matter.
std::string address_of(Cable cable, const std::string& who) {
  const int end = who == "a" ? 1 : who == "b" ? 2 : 3;
  return "10.88." + std::to_string(static_cast<int>(cable)) + "." + std::to_string(end);
}

}  // namespace

Networks::Networks() {
  for (const char* who : {"a", "b", "clients"}) add(who);
  lay(Cable::client_a, "a", "clients");
  lay(Cable::client_b, "b", "clients");
  lay(Cable::interconnect, "a", "b");
  lay(Cable::control, "a", "b");
}

Networks::~Networks() {
  for (const auto& [who, descriptor] : descriptors_) run_command("ip netns delete " + name(who));
}

std::string Networks::address(const std::string& node, Cable cable) {
  return address_of(cable, node);
}

std::string Networks::name(const std::string& who) const {
  return "understudy-" + std::to_string(getpid()) + "-" + who;
}

void Networks::ip(const std::string& arguments) {
  if (!problem_.empty()) return;
  const CommandResult result = run_command("ip " + arguments);
  if (result.exit_code != 0) problem_ = "ip " + arguments + ": " + result.output;
}

void Networks::add(const std::string& who) {
  ip("netns add " + name(who));
  ip("-n " + name(who) + " link set lo up");
  // The survivor listens on the dead node's address, which leads to it only when somebody turns the
  // network round.
  ip("netns exec " + name(who) + " sh -c 'echo 1 > /proc/sys/net/ipv4/ip_nonlocal_bind'");
  if (!problem_.empty()) return;
  descriptors_[who] = UniqueFd(open(("/run/netns/" + name(who)).c_str(), O_RDONLY | O_CLOEXEC));
  UNDERSTUDY_CHECK(descriptors_[who]);
}

void Networks::lay(Cable cable, const std::string& from, const std::string& to) {
  const std::string end = interface(cable);
  ip("link add " + end + " netns " + name(from) + " type veth peer name " + end + " netns " +
     name(to));
  for (const std::string& who : {from, to}) {
    ip("-n " + name(who) + " address add " + address_of(cable, who) + "/24 dev " + end);
    ip("-n " + name(who) + " link set " + end + " up");
  }
}

void Networks::cut(Cable cable) const {
  const std::string end = cable == Cable::client_b || cable == Cable::client_a ? "clients" : "b";
  UNDERSTUDY_CHECK(
      run_command("ip -n " + name(end) + " link set " + interface(cable) + " down").exit_code == 0);
}

void Networks::mend(Cable cable) const {
  const std::string end = cable == Cable::client_b || cable == Cable::client_a ? "clients" : "b";
  UNDERSTUDY_CHECK(
      run_command("ip -n " + name(end) + " link set " + interface(cable) + " up").exit_code == 0);
}

}  // namespace understudy
