#include "tests/sim/checkers/rules.h"

#include <algorithm>

namespace understudy::sim {

std::span<const Rule> rules() {
  static constexpr Rule kRules[] = {
      {1, "durable", rule_01_durable},
      {2, "real time", rule_02_real_time},
      {3, "no resurrection", rule_03_no_resurrection},
      {4, "mirrored before the medium", rule_04_mirrored_first},
      {5, "what is shown is safe", rule_05_shown_is_safe},
      {6, "purge", rule_06_purge},
      {7, "fencing", rule_07_fencing},
      {8, "replay first", rule_08_replay_first},
      {9, "fresh reads", rule_09_fresh_reads},
      {10, "exactly once", rule_10_exactly_once},
      {11, "degrade", rule_11_degrade},
      {12, "flush errors", rule_12_flush_errors},
  };
  return kRules;
}

std::string_view rule_name(int number) {
  const auto all = rules();
  const auto found = std::ranges::find(all, number, &Rule::number);
  return found == all.end() ? "progress" : found->name;
}

}  // namespace understudy::sim
