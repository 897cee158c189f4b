// The breakpoints of an IDE, as the stepper's: on lines of the source, on STEPs by their name, on
// what is called an exception here, on one operation's record. An IDE always gives all of a kind
// (or of a file) anew.
#pragma once

#include <map>

#include "tools/stepper/commands.h"
#include "tools/stepper/dap_source.h"
#include "tools/stepper/dap_variables.h"

namespace understudy::stepper {

class DapBreakpoints {
 public:
  enum class Kind { line, function, exception, data };
  /// What a breakpoint that was hit is for the IDE.
  struct Hit {
    Kind kind = Kind::line;
    std::string name;  // of an exception filter
    std::optional<RecordPlace> record = {};
  };

  DapBreakpoints(Target& target, Commands& commands, const SourceMap& source)
      : target_(target), commands_(commands), source_(source) {}

  static json::array exception_filters();

  /// Each takes the arguments of its request and gives the body of the answer. `line_base`: the
  /// IDE's first line, 0 or 1.
  json::object set_lines(const json::object& arguments, std::uint64_t line_base);
  json::object set_functions(const json::object& arguments);
  json::object set_exceptions(const json::object& arguments);
  json::object set_data(const json::object& arguments);

  /// Those that were made by commands are none of the above: nothing.
  std::optional<Hit> hit(int number) const;
  void remove(int number);

 private:
  void remove_all(const std::string& group);
  /// "break `text` if `condition`"; how the IDE hears of it.
  json::object add(const std::string& group, const Hit& hit, const std::string& text,
                   const std::string& condition);

  Target& target_;
  Commands& commands_;
  const SourceMap& source_;
  struct Made {
    std::string group;
    Hit hit;
  };
  std::map<int, Made> made_;  // by number
};

std::string to_data_id(const RecordPlace& place);

}  // namespace understudy::stepper
