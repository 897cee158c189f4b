#include "tests/sim/report.h"

#include <algorithm>
#include <cstdio>
#include <ostream>

#include "iomgr/mutant.h"
#include "tests/sim/coverage.h"

namespace understudy::sim {
namespace {

namespace json = boost::json;

json::string text(std::string_view view) {
  return json::string(view.data(), view.size());
}

std::string describe(const PlannedOperation& operation) {
  std::string line = std::string(to_string(operation.what)) + " '" + operation.path + "'";
  if (!operation.target.empty()) line += " to '" + operation.target + "'";
  if (operation.length != 0)
    line +=
        ", " + std::to_string(operation.length) + " bytes at " + std::to_string(operation.offset);
  if (operation.after_ms != 0) line += ", after " + std::to_string(operation.after_ms) + " ms";
  if (operation.replace) line += ", replacing";
  if (operation.keep_open) line += ", kept open";
  return line;
}

std::string describe(const PlannedFault& fault) {
  std::string line = std::string(to_string(fault.kind)) + " node " + (fault.node == 0 ? "a" : "b");
  if (fault.kind == FaultKind::kill_layer || fault.kind == FaultKind::hang_layer ||
      fault.kind == FaultKind::slow_layer)
    line += " " + std::string(understudy::to_string(fault.layer));
  if (!fault.link.empty()) line += " " + fault.link;
  if (fault.ms != 0) line += " for " + std::to_string(fault.ms) + " ms";
  line += ", after " + std::to_string(fault.trigger.after_ms) + " ms";
  if (fault.trigger.kind == Trigger::Kind::point)
    line += " at pass " + std::to_string(fault.trigger.nth) + " of " + fault.trigger.point;
  if (fault.trigger.kind == Trigger::Kind::step)
    line += " at STEP " + std::to_string(fault.trigger.step) + ", time " +
            std::to_string(fault.trigger.nth);
  return line;
}

std::string padded(std::string_view word, std::size_t width) {
  std::string out(word);
  out.resize(std::max(out.size() + 1, width), ' ');
  return out;
}

}  // namespace

std::string_view failure_name(int rule) {
  if (rule == kCrash) return "crash";
  if (rule == kNotRepeatable) return "not repeatable";
  return rule_name(rule);
}

void print_history(std::ostream& out, const Plan& plan, const Outcome& outcome) {
  out << "seed " << plan.seed << ": " << plan.operations() << " operations, " << plan.faults.size()
      << " faults\n";
  for (std::size_t i = 0; i < plan.clients.size(); ++i) {
    out << "  client " << i << " on LUN " << plan.clients[i].lun << ", from "
        << plan.clients[i].start_ms << " ms\n";
    for (const PlannedOperation& operation : plan.clients[i].operations)
      out << "    " << describe(operation) << '\n';
  }
  for (const PlannedFault& fault : plan.faults) out << "  fault: " << describe(fault) << '\n';
  for (const Finding& finding : outcome.findings) {
    out << "  BROKEN rule " << finding.rule << " (" << failure_name(finding.rule)
        << "): " << finding.text << '\n';
    for (const std::uint64_t id : finding.requests) {
      if (id == 0 || id > outcome.requests.size()) continue;
      const Request& request = outcome.requests[id - 1];
      out << "    request " << id << " of client " << request.client << ": " << request.text << ", "
          << (request.status ? std::string(understudy::to_string(*request.status)) : "unanswered")
          << '\n';
    }
  }
}

std::vector<std::string_view> missed_marks(const Batch& batch) {
  std::vector<std::string_view> missed;
  for (const Mark& mark : marks()) {
    if (!batch.marks.contains(mark.name)) missed.push_back(mark.name);
  }
  return missed;
}

void print_batch(std::ostream& out, const Batch& batch, bool must_hit_all_marks) {
  out << "Sometimes:\n";
  for (const Mark& mark : marks()) {
    const auto found = batch.marks.find(mark.name);
    const std::uint64_t count = found == batch.marks.end() ? 0 : found->second;
    out << "  " << padded(mark.name, 42) << padded(std::to_string(count), 9) << mark.meaning
        << (count == 0 && must_hit_all_marks ? "  NEVER" : "") << '\n';
  }
  const auto share = [&](std::uint64_t count) {
    return batch.histories == 0 ? 0.0
                                : static_cast<double>(count) / static_cast<double>(batch.histories);
  };
  char line[256];
  std::snprintf(line, sizeof line,
                "%llu histories, %.0f a CPU-minute; on average %.1f operations and %.1f faults; "
                "%.0f %% with a takeover; %llu run twice, alike\n",
                static_cast<unsigned long long>(batch.histories),
                batch.cpu_seconds > 0
                    ? static_cast<double>(batch.histories + batch.repeated) * 60 / batch.cpu_seconds
                    : 0,
                share(batch.operations), share(batch.faults), 100 * share(batch.takeovers),
                static_cast<unsigned long long>(batch.repeated));
  out << line;
  for (const Failure& failure : batch.failures) {
    out << "BROKEN in seed " << failure.seed << ": rule " << failure.rule << " ("
        << failure_name(failure.rule) << "): " << failure.text << '\n';
  }
  out << "Broken rules: " << batch.failures.size() << '\n';
}

json::object batch_to_json(const Batch& batch) {
  json::object counts;
  for (const Mark& mark : marks()) {
    const auto found = batch.marks.find(mark.name);
    counts[json::string_view(mark.name.data(), mark.name.size())] =
        found == batch.marks.end() ? 0 : found->second;
  }
  json::array failures;
  for (const Failure& failure : batch.failures)
    failures.push_back({{"seed", failure.seed},
                        {"rule", failure.rule},
                        {"name", text(failure_name(failure.rule))},
                        {"text", failure.text}});
  return {{"histories", batch.histories}, {"operations", batch.operations},
          {"faults", batch.faults},       {"takeovers", batch.takeovers},
          {"repeated", batch.repeated},   {"cpu_seconds", batch.cpu_seconds},
          {"marks", std::move(counts)},   {"failures", std::move(failures)}};
}

void print_mutants(std::ostream& out, const std::map<std::string, Catch>& caught) {
  out << padded("mutant", 34) << padded("breaks", 8) << padded("that after", 12)
      << padded("first", 8) << padded("after", 8) << "what it does\n";
  std::size_t missed = 0;
  for (const MutantFacts& facts : all_mutants()) {
    const auto found = caught.find(std::string(facts.name));
    if (found == caught.end()) continue;
    const Catch& one = found->second;
    const bool crashed = one.rule == kCrash && one.seeds != 0;
    missed += one.named_seeds == 0 ? 1 : 0;
    out << padded(facts.name, 34) << padded("rule " + std::to_string(facts.rule), 8)
        << padded(one.named_seeds == 0 ? "-" : std::to_string(one.named_seeds), 12)
        << padded(one.seeds == 0 ? "NOT"
                  : crashed      ? "crash"
                                 : "rule " + std::to_string(one.rule),
                  8)
        << padded(one.seeds == 0 ? "-" : std::to_string(one.seeds), 8) << facts.text << '\n';
  }
  out << "Not caught by the rule that they break: " << missed << '\n';
}

json::object event_to_json(const Event& event) {
  json::object object = {{"time_ns", event.time.count()}, {"what", text(to_string(event.what))}};
  if (event.life != 0) {
    object["node"] = event.node == 0 ? "a" : "b";
    object["life"] = event.life;
  }
  object["lun"] = event.lun;
  if (event.place != Place{}) {
    object["epoch"] = event.place.epoch;
    object["lsn"] = event.place.lsn;
  }
  if (event.request != 0) object["request"] = event.request;
  if (event.irp != 0) {
    object["irp"] = event.irp;
    object["major"] = text(understudy::to_string(event.major));
  }
  if (event.status != Status::success) object["status"] = text(understudy::to_string(event.status));
  if (event.effects != nullptr) object["record"] = describe(*event.effects);
  return object;
}

}  // namespace understudy::sim
