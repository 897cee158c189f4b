#include "tests/sim/shrink.h"

#include <algorithm>

namespace understudy::sim {
namespace {

class Shrinker {
 public:
  Shrinker(Plan plan, int rule, std::size_t most_runs)
      : best_(std::move(plan)), rule_(rule), most_runs_(most_runs) {}

  Shrunk run() {
    bool smaller = true;
    while (smaller && runs_ < most_runs_) {
      smaller = drop_from(&Plan::clients);
      smaller = drop_from(&Plan::faults) || smaller;
      for (std::size_t i = 0; i < best_.clients.size(); ++i)
        smaller = drop_operations(i) || smaller;
      smaller = simplify_settings() || smaller;
    }
    Outcome outcome = World(best_).run();
    return {std::move(best_), std::move(outcome), runs_};
  }

 private:
  /// Takes `smaller` if it still breaks the rule.
  bool accept(const Plan& smaller) {
    if (runs_ >= most_runs_) return false;
    ++runs_;
    if (!breaks(World(smaller).run(), rule_)) return false;
    best_ = smaller;
    return true;
  }

  /// Delta debugging: halves first, then quarters, down to single elements.
  template <typename Container>
  bool drop_from(const std::function<Container&(Plan&)>& part) {
    bool any = false;
    for (std::size_t chunk = std::max<std::size_t>(part(best_).size() / 2, 1); chunk > 0;
         chunk /= 2) {
      for (std::size_t at = 0; at < part(best_).size();) {
        Plan smaller = best_;
        Container& all = part(smaller);
        const std::size_t end = std::min(at + chunk, all.size());
        all.erase(all.begin() + static_cast<std::ptrdiff_t>(at),
                  all.begin() + static_cast<std::ptrdiff_t>(end));
        if (accept(smaller)) {
          any = true;
        } else {
          at = end;
        }
      }
    }
    return any;
  }
  template <typename Container>
  bool drop_from(Container Plan::*part) {
    return drop_from<Container>([part](Plan& plan) -> Container& { return plan.*part; });
  }
  bool drop_operations(std::size_t client) {
    return drop_from<std::vector<PlannedOperation>>([client](Plan & plan) -> auto& {
      return plan.clients.at(client).operations;
    });
  }

  /// What is as usual needs no explanation.
  bool simplify_settings() {
    const Settings usual;
    bool any = false;
    const auto try_usual = [&](auto Settings::*setting) {
      if (best_.settings.*setting == usual.*setting) return;
      Plan simpler = best_;
      simpler.settings.*setting = usual.*setting;
      any = accept(simpler) || any;
    };
    try_usual(&Settings::lazy_writer_runs);
    try_usual(&Settings::auto_giveback);
    try_usual(&Settings::medium_locks);
    try_usual(&Settings::unwritten_kib);
    try_usual(&Settings::mirror_kib);
    return any;
  }

  Plan best_;
  const int rule_;
  const std::size_t most_runs_;
  std::size_t runs_ = 0;
};

}  // namespace

bool breaks(const Outcome& outcome, int rule) {
  return std::any_of(outcome.findings.begin(), outcome.findings.end(),
                     [rule](const Finding& finding) { return finding.rule == rule; });
}

Shrunk shrink(Plan plan, int rule, std::size_t most_runs) {
  return Shrinker(std::move(plan), rule, most_runs).run();
}

}  // namespace understudy::sim
