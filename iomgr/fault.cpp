#include "iomgr/fault.h"

#include <signal.h>

#include <charconv>

namespace understudy {
namespace {

bool parse_one(std::string_view text, std::string& point, FaultPoints::Fault& fault) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) return false;
  point = text.substr(0, equals);
  std::string_view action = text.substr(equals + 1);
  if (action.ends_with('+')) {
    fault.repeats = true;
    action.remove_suffix(1);
  }
  if (const std::size_t at = action.find('@'); at != std::string_view::npos) {
    const std::string_view count = action.substr(at + 1);
    const auto [end, error] =
        std::from_chars(count.data(), count.data() + count.size(), fault.countdown);
    if (error != std::errc() || end != count.data() + count.size() || fault.countdown == 0)
      return false;
    action = action.substr(0, at);
  }
  if (action == "kill") {
    fault.action = FaultAction::kill;
  } else if (action == "error") {
    fault.action = FaultAction::error;
  } else if (action == "hang") {
    fault.action = FaultAction::hang;
  } else if (action == "stall") {
    fault.action = FaultAction::stall;
  } else {
    return false;
  }
  return true;
}

}  // namespace

std::optional<MessageFault> parse_message_fault(std::string_view text) {
  using Action = MessageFault::Action;
  constexpr std::string_view kDelay = "delay ";
  if (text == "drop") return MessageFault{Action::drop};
  if (text == "duplicate") return MessageFault{Action::duplicate};
  if (!text.starts_with(kDelay)) return std::nullopt;
  std::uint32_t ms = 0;
  const char* const end_of_text = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data() + kDelay.size(), end_of_text, ms);
  const Duration delay = std::chrono::milliseconds(ms);
  if (error != std::errc() || end != end_of_text || ms == 0 || delay > MessageFault::kMaxDelay)
    return std::nullopt;
  return MessageFault{Action::delay, delay};
}

bool FaultPoints::parse(std::string_view text) {
  std::map<std::string, Fault, std::less<>> parsed;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    std::string point;
    Fault fault;
    if (!parse_one(text.substr(0, comma), point, fault)) return false;
    parsed[point] = fault;
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  armed_.merge(parsed);
  return true;
}

void FaultPoints::arm(std::string point, Fault fault) {
  armed_[std::move(point)] = fault;
}

void FaultPoints::disarm() {
  armed_.clear();
  next_message = {};
}

Status FaultPoints::pass_armed(std::string_view point) {
  const auto found = armed_.find(point);
  if (found == armed_.end() || --found->second.countdown > 0) return Status::success;
  const Fault fault = found->second;
  if (fault.repeats) {
    found->second.countdown = 1;
  } else {
    armed_.erase(found);
  }
  switch (fault.action) {
    case FaultAction::error:
      return fault.status;
    case FaultAction::stall:
      return kStalled;
    case FaultAction::kill:
    case FaultAction::hang:
      if (act) {
        act(fault.action);
      } else {
        raise(fault.action == FaultAction::kill ? SIGKILL : SIGSTOP);
      }
      return Status::success;
    case FaultAction::none:
      break;
  }
  return Status::success;
}

}  // namespace understudy
