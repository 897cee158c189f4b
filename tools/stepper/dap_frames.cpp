#include "tools/stepper/dap_frames.h"

#include <charconv>

namespace understudy::stepper {
namespace {

constexpr std::string_view kHead = "Content-Length: ";
constexpr std::string_view kEnd = "\r\n\r\n";
constexpr std::size_t kMaxDigits = 7;

}  // namespace

DapFrames::Next DapFrames::take(json::object& message) {
  const std::string_view all = bytes_;
  if (!all.starts_with(kHead.substr(0, all.size()))) return Next::bad;
  const std::size_t end = all.find(kEnd);
  const std::size_t longest = kHead.size() + kMaxDigits;
  if (end == std::string_view::npos)
    return all.size() < longest + kEnd.size() ? Next::more : Next::bad;
  if (end > longest || end <= kHead.size()) return Next::bad;
  const std::string_view digits = all.substr(kHead.size(), end - kHead.size());
  std::size_t length = 0;
  const auto [last, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (error != std::errc() || last != digits.data() + digits.size() || length > kMaxMessage)
    return Next::bad;
  const std::size_t begin = end + kEnd.size();
  if (all.size() - begin < length) return Next::more;
  auto parsed = parse_object(all.substr(begin, length));
  if (!parsed) return Next::bad;
  message = std::move(*parsed);
  bytes_.erase(0, begin + length);
  return Next::message;
}

std::string to_dap_frame(const json::object& message) {
  const std::string body = json::serialize(message);
  return std::string(kHead) + std::to_string(body.size()) + std::string(kEnd) + body;
}

std::string shortened(std::string text, std::size_t length) {
  if (text.size() <= length) return text;
  const auto is_inside = [&text](std::size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
  };
  while (length > 0 && is_inside(length)) --length;
  return text.substr(0, length) + "...";
}

}  // namespace understudy::stepper
