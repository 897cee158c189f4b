#include <ostream>

#include "tools/stepper/causality.h"
#include "tools/stepper/export.h"

namespace understudy::stepper {
namespace {

using Clock = std::map<std::string, std::uint64_t>;  // by layer: points that are known of

void join(Clock& clock, const Clock& other) {
  for (const auto& [place, count] : other) {
    std::uint64_t& here = clock[place];
    here = std::max(here, count);
  }
}

std::string text_of(const Clock& clock) {
  std::string text;
  for (const auto& [place, count] : clock)
    text += (text.empty() ? "\"" : ", \"") + place + "\":" + std::to_string(count);
  return "{" + text + "}";
}

std::string one_line(std::string text) {
  std::erase_if(text, [](char c) { return static_cast<unsigned char>(c) < ' '; });
  return text;
}

}  // namespace

void export_shiviz(const Recording& recording, std::ostream& out) {
  // The second line would be what divides several executions.
  out << "(?<host>\\S*) (?<clock>{.*})\\n(?<event>.*)\n\n";
  std::map<std::string, Clock> clocks;
  std::map<std::size_t, Clock> sent;  // of points that somebody hears of
  for (const std::size_t sender : recording.senders) {
    if (sender != kNobody) sent[sender];
  }
  for (std::size_t i = 0; i < recording.points.size(); ++i) {
    const Point& point = recording.points[i];
    const std::string place = point.where();
    Clock& clock = clocks[place];
    if (const auto heard = sent.find(recording.senders[i]); heard != sent.end()) {
      join(clock, heard->second);
      sent.erase(heard);
    }
    ++clock[place];
    if (const auto tells = sent.find(i); tells != sent.end()) tells->second = clock;
    out << place << " " << text_of(clock) << "\n" << one_line(line_of(point)) << "\n";
  }
}

}  // namespace understudy::stepper
