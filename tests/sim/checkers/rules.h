// The rules of the design (section 4), one function a rule, each in a file of its own. A rule is
// shown every event just after the ledger has taken it in, and says what is wrong. It keeps
// nothing: what a rule needs to know of the past stands in the ledger.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/ledger.h"

namespace understudy::sim {

/// A broken rule.
struct Finding {
  int rule = 0;
  std::string text;
  std::vector<std::uint64_t> requests;  // involved
};

class Findings {
 public:
  void add(int rule, std::string text, std::vector<std::uint64_t> requests = {}) {
    findings_.push_back({rule, std::move(text), std::move(requests)});
  }
  const std::vector<Finding>& all() const { return findings_; }

 private:
  std::vector<Finding> findings_;
};

void rule_01_durable(const Event& event, const Ledger& ledger, Findings& findings);
void rule_02_real_time(const Event& event, const Ledger& ledger, Findings& findings);
void rule_03_no_resurrection(const Event& event, const Ledger& ledger, Findings& findings);
void rule_04_mirrored_first(const Event& event, const Ledger& ledger, Findings& findings);
void rule_05_shown_is_safe(const Event& event, const Ledger& ledger, Findings& findings);
void rule_06_purge(const Event& event, const Ledger& ledger, Findings& findings);
void rule_07_fencing(const Event& event, const Ledger& ledger, Findings& findings);
void rule_08_replay_first(const Event& event, const Ledger& ledger, Findings& findings);
void rule_09_fresh_reads(const Event& event, const Ledger& ledger, Findings& findings);
void rule_10_exactly_once(const Event& event, const Ledger& ledger, Findings& findings);
void rule_11_degrade(const Event& event, const Ledger& ledger, Findings& findings);
void rule_12_flush_errors(const Event& event, const Ledger& ledger, Findings& findings);

struct Rule {
  int number;
  std::string_view name;
  void (*look)(const Event& event, const Ledger& ledger, Findings& findings);
};
/// All of them. Progress (a run that never comes to its end) is no rule of the design; it has the
/// number 13 and is found by the run itself.
std::span<const Rule> rules();
inline constexpr int kProgress = 13;
std::string_view rule_name(int number);

}  // namespace understudy::sim
