// What comes behind `if` of a breakpoint: comparisons of what a trace point shows, joined by && and
// ||, with ! and parentheses:   lun == 0 && (lsn >= 5 || major == write)
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace understudy::stepper {

using Value = std::variant<std::uint64_t, std::string>;
/// The value of a field at a point; nothing if there is no such field.
using Fields = std::function<std::optional<Value>(std::string_view name)>;

class Condition {
 public:
  /// Nothing, and what is wrong in `error`. `is_field` tells which names there are.
  static std::optional<Condition> parse(std::string_view text,
                                        const std::function<bool(std::string_view)>& is_field,
                                        std::string& error);
  bool holds(const Fields& fields) const;
  const std::string& text() const { return text_; }

 private:
  struct Node;
  class Parser;
  std::string text_;
  std::shared_ptr<const Node> root_;
};

}  // namespace understudy::stepper
