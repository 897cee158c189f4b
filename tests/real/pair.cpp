#include "tests/real/pair.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <deque>
#include <fstream>
#include <iostream>
#include <numeric>
#include <regex>
#include <sstream>
#include <thread>

#include "iomgr/check.h"

namespace understudy {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

// How often a status is asked while a test waits for it to change: there is no event to wait for
// across a command line.
constexpr auto kPoll = std::chrono::milliseconds(50);

std::string binary(const std::string& name) {
  return std::string(UNDERSTUDY_BIN) + "/" + name;
}

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char letter : text)
    out += letter == '\'' ? std::string("'\\''") : std::string(1, letter);
  return out + "'";
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

/// Of a log; it may not be there.
std::string last_lines(const fs::path& path) {
  constexpr std::size_t kLines = 40;
  std::deque<std::string> lines;
  std::ifstream log(path);
  for (std::string line; std::getline(log, line); lines.push_back(line + "\n"))
    if (lines.size() == kLines) lines.pop_front();
  return std::accumulate(lines.begin(), lines.end(), "-- " + path.filename().string() + "\n");
}

}  // namespace

CommandResult run_command(const std::string& command, int seconds) {
  const std::string limited =
      "timeout -k 5 " + std::to_string(seconds) + " bash -c " + quoted(command) + " 2>&1";
  CommandResult result;
  FILE* pipe = popen(limited.c_str(), "re");
  UNDERSTUDY_CHECK(pipe != nullptr);
  std::array<char, 65536> buffer;
  std::size_t count = 0;
  while ((count = fread(buffer.data(), 1, buffer.size(), pipe)) > 0)
    result.output.append(buffer.data(), count);
  const int status = pclose(pipe);
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

char process_state(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  return std::getline(stat, text) ? text.at(text.rfind(')') + 2) : '\0';
}

Pair::Pair(const Settings& settings, const Networks* networks, const fs::path& parent)
    : networks_(networks) {
  std::string pattern = (parent / "understudy-pair-XXXXXX").string();
  UNDERSTUDY_CHECK(mkdtemp(pattern.data()) != nullptr);
  directory_ = pattern;
  // Tests run side by side: the process id gives each its own loopback addresses.
  const auto pid = static_cast<unsigned>(getpid());
  prefix_ =
      "127." + std::to_string(1 + (pid >> 8U) % 254) + "." + std::to_string(pid & 0xFFU) + ".1";

  const CommandResult made = cluster_app("init " + quoted((directory_ / "cluster").string()));
  UNDERSTUDY_CHECK(made.exit_code == 0);
  const fs::path config = directory_ / "cluster" / "cluster.toml";
  std::stringstream text;
  text << std::ifstream(config).rdbuf();
  std::string edited = text.str();
  if (networks_ != nullptr) {
    for (const char* node : {"a", "b"}) {
      const std::string old = std::string("127.0.0.1") + (*node == 'a' ? "1" : "2");
      replace_all(edited, old + ":4450", address(node) + ":4450");
      replace_all(edited, old + ":4451", Networks::address(node, Cable::interconnect) + ":4451");
      replace_all(edited, old + ":4452", Networks::address(node, Cable::control) + ":4452");
    }
  }
  replace_all(edited, "127.0.0.1", prefix_);
  for (const auto& [key, value] : settings) {
    edited = std::regex_replace(edited, std::regex("(^|\n)" + key + " *=[^\n]*"),
                                "$1" + key + " = " + value);
  }
  std::ofstream(config) << edited;
  const CommandResult user =
      run_command("printf 'secret\\n' | " + binary("cluster_app") + " -C " +
                  quoted((directory_ / "cluster").string()) + " user add tester --password-stdin");
  UNDERSTUDY_CHECK(user.exit_code == 0);
}

Pair::~Pair() {
  if (testing::Test::HasFailure()) {
    for (const char* const node : {"a", "b"})
      std::cerr << last_lines(directory_ / "cluster" / "log" / (std::string(node) + ".log"));
  }
  for (const auto& [name, pid] : nodes_) {
    ::kill(pid, SIGKILL);  // its layers die with it
    waitpid(pid, nullptr, 0);
  }
  std::error_code ignored;
  // What kill -9 does not take away: the nodes' memories.
  const std::string key = quoted((directory_ / "cluster" / "cluster.key").string());
  run_command("rm -f /dev/shm/understudy-$(tr -d '\\n' <" + key + " | sha256sum | cut -c1-16)-*");
  if (!keep_ && std::getenv("UNDERSTUDY_KEEP") == nullptr) fs::remove_all(directory_, ignored);
}

void Pair::start(const std::string& node, const std::string& faults) {
  const std::string cluster = (directory_ / "cluster").string();
  const std::string log = (directory_ / (node + ".out")).string();
  const std::string app = binary("cluster_app");
  const pid_t pid = fork();
  UNDERSTUDY_CHECK(pid >= 0);
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that aborts leaves no node behind
    const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    dup2(in, 0);
    dup2(out, 1);
    dup2(out, 2);
    if (networks_ != nullptr && setns(networks_->of_node(node), CLONE_NEWNET) != 0) _exit(126);
    if (!faults.empty()) setenv("UNDERSTUDY_FAULTS", faults.c_str(), 1);
    execl(app.c_str(), app.c_str(), "-C", cluster.c_str(), "node", node.c_str(), nullptr);
    _exit(127);
  }
  nodes_[node] = pid;
}

bool Pair::start_mirrored(const std::string& faults) {
  start("a", faults);
  start("b", faults);
  return wait_until([](const Pair& p) { return p.mirroring("a") && p.mirroring("b"); }, 30);
}

void Pair::kill(const std::string& node) {
  signal(node, SIGKILL);
  waitpid(nodes_.at(node), nullptr, 0);
  nodes_.erase(node);
}

bool Pair::ended(const std::string& node) {
  const auto found = nodes_.find(node);
  if (found == nodes_.end()) return true;
  if (waitpid(found->second, nullptr, WNOHANG) != found->second) return false;
  nodes_.erase(found);
  return true;
}

bool Pair::wait_for_end(const std::string& node, double seconds) {
  return wait_until([&](const Pair&) { return ended(node); }, seconds);
}

std::map<std::string, pid_t> Pair::processes(const std::string& node) const {
  const pid_t app = nodes_.at(node);
  std::map<std::string, pid_t> found = {{"cluster_app", app}};
  const std::string task = "/proc/" + std::to_string(app) + "/task/" + std::to_string(app);
  std::ifstream children(task + "/children");
  for (pid_t pid = 0; children >> pid;) {
    std::ifstream named("/proc/" + std::to_string(pid) + "/comm");  // "a.netstack"
    std::string layer;
    if (std::getline(named, layer)) found[layer.substr(layer.find('.') + 1)] = pid;
  }
  return found;
}

void Pair::signal(const std::string& node, int signal) const {
  for (const auto& [layer, pid] : processes(node)) ::kill(pid, signal);
}

json::object Pair::status() const {
  const CommandResult result = cluster_app("status --json", 20);
  boost::system::error_code error;
  const json::value value = json::parse(result.output, error);
  return error || !value.is_object() ? json::object{} : value.as_object();
}

json::object Pair::node(const std::string& name) const {
  const json::object all = status();
  const json::value* nodes = all.if_contains("nodes");
  if (nodes == nullptr || !nodes->is_array()) return {};
  for (const json::value& each : nodes->as_array()) {
    if (each.as_object().at("name").as_string() == name) return each.as_object();
  }
  return {};
}

bool Pair::wait_until(const std::function<bool(const Pair&)>& condition, double seconds) const {
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (!condition(*this)) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(kPoll);
  }
  return true;
}

bool Pair::owns(const std::string& name, const std::string& lun) const {
  const json::object about = node(name);
  const json::value* owned = about.if_contains("owns");
  if (owned == nullptr || !owned->is_array()) return false;
  for (const json::value& each : owned->as_array()) {
    if (each.as_string() == lun) return true;
  }
  return false;
}

bool Pair::serves(const std::string& name, const std::string& lun) const {
  const json::object about = node(name);
  const json::value* addresses = about.if_contains("addresses");
  if (!owns(name, lun) || addresses == nullptr) return false;
  const std::string wanted = address(lun == "lun0" ? "a" : "b") + ":4450";
  const json::array& all = addresses->as_array();
  return std::ranges::find(all, json::value(wanted)) != all.end();
}

bool Pair::mirroring(const std::string& name) const {
  return flag(name, "mirroring") && node(name).at("state").as_string() == "up" &&
         owns(name, name == "a" ? "lun0" : "lun1");
}

std::int64_t Pair::number(const std::string& name, const std::string& key) const {
  const json::object about = node(name);
  const json::value* value = about.if_contains(key);
  return value == nullptr ? -1 : value->to_number<std::int64_t>();
}

SmbServer Pair::server(const std::string& node, const std::string& share) const {
  return {address(node), 4450,     share,
          "tester",      "secret", networks_ != nullptr ? networks_->of_clients() : -1};
}

bool Pair::flag(const std::string& name, const std::string& key) const {
  const json::object about = node(name);
  const json::value* value = about.if_contains(key);
  return value != nullptr && value->is_bool() && value->as_bool();
}

CommandResult Pair::smb(const std::string& node, const std::string& share,
                        const std::string& commands, int seconds) const {
  return run_command("cd " + quoted(directory_.string()) + " && smbclient //" + address(node) +
                         "/" + share + " -p 4450 -U 'tester%secret' -c " + quoted(commands),
                     seconds);
}

CommandResult Pair::cluster_app(const std::string& arguments, int seconds) const {
  const bool init = arguments.rfind("init", 0) == 0;
  const std::string where = init ? "" : " -C " + quoted((directory_ / "cluster").string());
  return run_command(binary("cluster_app") + where + " " + arguments +
                         (arguments.find("--json") == std::string::npos ? "" : " 2>/dev/null"),
                     seconds);
}

Tree Pair::host_tree(const std::string& lun) const {
  Tree found;
  // A directory of the share is a symbolic link on the medium.
  const auto read = [&](const auto& self, const fs::path& from, const std::string& prefix) -> void {
    for (const auto& entry : fs::directory_iterator(from)) {
      const std::string path = prefix + entry.path().filename().string();
      if (entry.is_directory()) {
        found[path + "\\"];
        self(self, entry.path(), path + "\\");
      } else {
        std::ifstream file(entry.path(), std::ios::binary);
        found[path] = std::string(std::istreambuf_iterator<char>(file), {});
      }
    }
  };
  read(read, tree(lun) / "", "");
  return found;
}

std::string Pair::address(const std::string& node) const {
  if (networks_ != nullptr)
    return Networks::address(node, node == "a" ? Cable::client_a : Cable::client_b);
  return prefix_ + (node == "a" ? "1" : "2");
}

}  // namespace understudy
