#include "cluster_app/live_view.h"

#include <unistd.h>

#include <iostream>

#include "cluster_app/cluster_status.h"

namespace understudy {

LiveView::LiveView(std::ostream& out)
    : out_(out), terminal_(&out == &std::cout && isatty(STDOUT_FILENO) == 1) {}

void LiveView::show(const json::object& status) {
  if (!terminal_) {
    print_changes(status);
    return;
  }
  std::vector<std::string> lines = render_status(status);
  if (lines == lines_ && drawn_ > 0) return;
  lines_ = std::move(lines);
  erase();
  draw();
}

void LiveView::say(const std::string& text) {
  if (terminal_) erase();
  out_ << text << std::endl;
  if (terminal_) draw();
}

/// Up to the first line of the status and clear from there. Lines are cut at the width of the
/// screen, so that none takes two.
void LiveView::erase() {
  if (drawn_ > 0) out_ << "\x1b[" << drawn_ << "A\x1b[J";
  drawn_ = 0;
}

void LiveView::draw() {
  out_ << "\x1b[?7l";  // no wrapping
  for (const std::string& line : lines_) out_ << line << "\n";
  out_ << "\x1b[?7h" << std::flush;
  drawn_ = lines_.size();
}

void LiveView::print_changes(const json::object& status) {
  const auto changed = [this](const std::string& key, const std::string& text) {
    std::string& before = said_[key];
    if (before == text) return;
    before = text;
    if (!text.empty()) out_ << text << std::endl;
  };
  for (const json::value& value : array_of(status, "nodes")) {
    changed("node " + text_of(value.as_object(), "name"), describe_node(value.as_object()));
  }
  const json::object& takeover = object_of(status, "last_takeover");
  if (!takeover.empty()) {
    changed("takeover", "takeover: from " + text_of(takeover, "from") + " by " +
                            text_of(takeover, "by") + ", " +
                            std::to_string(number_of(takeover, "operations_replayed")) +
                            " operations replayed, " +
                            std::to_string(number_of(takeover, "milliseconds")) + " ms");
  }
  const std::string awaiting = text_of(status, "awaiting");
  changed("awaiting", awaiting.empty() ? "" : "awaiting: " + awaiting);
}

}  // namespace understudy
