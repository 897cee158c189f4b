#include "iomgr/host/layer_seams.h"

#include <charconv>

#include "iomgr/host/fault_text.h"
#include "iomgr/interconnect.h"

namespace understudy {
namespace {

constexpr std::size_t kShown = 40;  // timers in an answer
constexpr std::string_view kFault = "fault ";
constexpr std::string_view kMessage = "message ";
constexpr std::string_view kExpire = "expire ";

}  // namespace

std::string LayerSeams::obey(const std::string& order) {
  if (order.starts_with(kFault)) {
    const std::string text = order.substr(kFault.size());
    std::string wrong = check_point(layer_, text);
    if (wrong.empty() && !faults_.parse(text)) wrong = "no fault point and action: " + text;
    return wrong;
  }
  if (order.starts_with(kMessage)) {
    const auto fault = parse_message_fault(std::string_view(order).substr(kMessage.size()));
    if (!fault) return "no such fault of a message: " + order;
    if (!interconnect::speaks(layer_)) return "this layer sends nothing over the interconnect";
    faults_.next_message = *fault;
    return {};
  }
  if (order == "timers") {
    std::string answer;
    for (const Duration left : executor_.timers(kShown)) {
      const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(left).count();
      answer += (answer.empty() ? "" : " ") + std::to_string(ms);
    }
    return answer;
  }
  std::size_t n = 0;
  const char* const end = order.data() + order.size();
  const bool named = order.starts_with(kExpire) &&
                     std::from_chars(order.data() + kExpire.size(), end, n).ptr == end;
  if (!named) return "no such order: " + order;
  return executor_.expire(n) ? std::string() : "there is no such timer";
}

}  // namespace understudy
