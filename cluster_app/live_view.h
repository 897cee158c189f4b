// The status that `up` shows: redrawn in place on a terminal, lines of change elsewhere.
#pragma once

#include <iosfwd>
#include <map>
#include <string>
#include <vector>

#include "iomgr/json_fields.h"

namespace understudy {

class LiveView {
 public:
  explicit LiveView(std::ostream& out);

  void show(const json::object& status);
  /// A line that stays, above the status.
  void say(const std::string& text);

 private:
  void erase();
  void draw();
  void print_changes(const json::object& status);

  std::ostream& out_;
  const bool terminal_;
  std::vector<std::string> lines_;  // of the last status
  std::size_t drawn_ = 0;           // lines of it on the screen
  std::map<std::string, std::string> said_;
};

}  // namespace understudy
