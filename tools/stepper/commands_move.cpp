// The commands that set breakpoints, and go on or back to where it stops.
#include "tools/stepper/command_words.h"

namespace understudy::stepper {
namespace {

std::optional<Step> step_of(std::string_view text) {
  for (const std::string_view prefix : {"STEP", "step", "s"}) {
    if (text.starts_with(prefix)) {
      text.remove_prefix(prefix.size());
      break;
    }
  }
  const auto number = number_of(text);
  if (!number || *number > 0xFFFF) return std::nullopt;
  const auto step = static_cast<Step>(*number);
  return describe(step).empty() ? std::nullopt : std::optional(step);
}

/// A STEP, a hop, "takeover" (STEPs 304 to 318), "rule", "any".
bool take_what(const std::string& word, Breakpoint& breakpoint) {
  if (const auto step = step_of(word)) {
    breakpoint.steps |= step_bit(*step);
    return true;
  }
  for (const auto& [name, hop] : kHops) {
    if (word == name) {
      breakpoint.hops |= 1U << static_cast<unsigned>(hop);
      return true;
    }
  }
  if (word == "takeover") {
    for (const Step step : {Step::s304, Step::s310, Step::s312, Step::s314, Step::s316, Step::s318})
      breakpoint.steps |= step_bit(step);
    return true;
  }
  if (word == "rule") {
    breakpoint.rule = true;
    breakpoint.steps = kRuleSteps;
    return true;
  }
  if (word != "any") return false;
  breakpoint.steps = ~std::uint64_t{0};
  breakpoint.hops = ~0U;
  return true;
}

}  // namespace

Reply Commands::set_breakpoint(const std::string& arguments) {
  return add_breakpoint(arguments, false);
}

Reply Commands::set_temporary(const std::string& arguments) {
  return add_breakpoint(arguments, true);
}

Reply Commands::add_breakpoint(const std::string& arguments, bool once) {
  Breakpoint breakpoint;
  breakpoint.once = once;
  breakpoint.text = arguments;
  std::string place = arguments;
  if (const std::size_t at = arguments.find(" if "); at != std::string::npos) {
    std::string error;
    breakpoint.condition = Condition::parse(arguments.substr(at + 4), is_field, error);
    if (!breakpoint.condition) return refused(error);
    place = arguments.substr(0, at);
  }
  const std::vector<std::string> words = words_of(place);
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "on" && i + 1 < words.size()) {
      const std::string wrong =
          take_place(words[++i], target_.nodes(), breakpoint.node, breakpoint.layer);
      if (!wrong.empty()) return refused(wrong);
    } else if (!take_what(words[i], breakpoint)) {
      return refused("'" + words[i] + "' is no STEP and no hop; see help break");
    }
  }
  if (breakpoint.steps == 0 && breakpoint.hops == 0) return refused("break where? See help break");
  if (breakpoint.rule && (breakpoint.steps != kRuleSteps || breakpoint.hops != 0))
    return refused("a breakpoint on a rule is on nothing else");
  const int number = target_.add(std::move(breakpoint));
  return {true,
          "Breakpoint " + std::to_string(number) + ": " + arguments + "\n",
          {{"breakpoint", number}}};
}

Reply Commands::remove_breakpoint(const std::string& arguments) {
  const auto number = number_of(arguments);
  if (!number || *number > 1'000'000 || !target_.remove(static_cast<int>(*number)))
    return refused("there is no breakpoint '" + arguments + "'");
  return {true, "Removed.\n", {}};
}

Reply Commands::breakpoints(const std::string&) {
  std::vector<std::string> lines;
  json::array all;
  for (const Breakpoint& each : target_.breakpoints()) {
    lines.push_back(std::to_string(each.number) + ": " + each.text + "  (" +
                    std::to_string(each.hits) + " hits)");
    all.push_back({{"number", each.number}, {"text", each.text}, {"hits", each.hits}});
  }
  return {true, lines.empty() ? "None.\n" : joined(lines), {{"breakpoints", all}}};
}

Reply Commands::told(const Stop& stop) {
  untold_ = false;
  json::object data = {{"stopped", to_string(stop.why)}};
  if (!stop.point) return {true, "Everything stands.\n", data};
  if (stop.breakpoint != 0) data["breakpoint"] = stop.breakpoint;
  data["at"] = to_json(*stop.point);
  std::string head =
      stop.breakpoint != 0 ? "Breakpoint " + std::to_string(stop.breakpoint) + ": " : "";
  if (!stop.text.empty()) {
    head = stop.text + "\n";
    data["text"] = stop.text;
  }
  if (replay_ != nullptr) {
    data["number"] = replay_->number();
    head += std::to_string(replay_->number()) + ": ";
  }
  return {true, head + line_of(*stop.point) + "\n", data};
}

Reply Commands::go(Session::Go how) {
  if (untold_ && target_.stop()) return told(*target_.stop());
  if (how != Session::Go::on && (!target_.stop() || !target_.stop()->point))
    return refused("there is no operation to follow; stop at a breakpoint first");
  target_.go(how);
  if (session_ != nullptr && patience_.count() == 0)
    return {true, "It goes on.\n", {{"stopped", nullptr}}};
  const std::optional<Stop> stop = target_.wait(patience_);
  if (stop) return told(*stop);
  return {false, "Nothing came by; it goes on.\n", {{"stopped", nullptr}}};
}

Reply Commands::go_on(const std::string&) {
  return go(Session::Go::on);
}
Reply Commands::step(const std::string&) {
  return go(Session::Go::step);
}
Reply Commands::into(const std::string&) {
  return go(Session::Go::into);
}
Reply Commands::out(const std::string&) {
  return go(Session::Go::out);
}

Reply Commands::pause(const std::string&) {
  return told(session_->pause());
}
Reply Commands::back(const std::string& arguments) {
  if (!arguments.empty() && arguments != "step" && arguments != "break")
    return refused("back, back step or back break");
  const bool found = arguments.empty()     ? replay_->back()
                     : arguments == "step" ? replay_->back_to_step()
                                           : replay_->back_to_breakpoint();
  if (!found) return refused("there is nothing of that before");
  return told(*replay_->stop());
}

Reply Commands::go_to(const std::string& arguments) {
  const auto number = number_of(arguments);
  if (!number || !replay_->go_to(*number))
    return refused("which point? 1 to " + std::to_string(replay_->points()));
  return told(*replay_->stop());
}

}  // namespace understudy::stepper
