#include "tools/stepper/condition.h"

#include <array>
#include <cctype>
#include <charconv>

namespace understudy::stepper {

struct Condition::Node {
  enum class Kind { compare, both, either, negated };
  Kind kind = Kind::compare;
  std::string field;
  std::string operation;
  Value value;
  std::vector<Node> parts = {};

  bool holds(const Fields& fields) const;
  bool compares(const Fields& fields) const;
};

namespace {

constexpr std::array<std::string_view, 6> kOperations = {"==", "!=", "<=", ">=", "<", ">"};
constexpr std::size_t kDeepest = 32;
constexpr std::size_t kMostTerms = 256;

template <typename T>
bool compare(const T& one, std::string_view operation, const T& other) {
  if (operation == "==") return one == other;
  if (operation == "!=") return one != other;
  if (operation == "<=") return one <= other;
  if (operation == ">=") return one >= other;
  return operation == "<" ? one < other : one > other;
}

std::optional<std::uint64_t> number_in(std::string_view text) {
  const bool hex = text.starts_with("0x");
  if (hex) text.remove_prefix(2);
  std::uint64_t number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, hex ? 16 : 10);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

bool Condition::Node::compares(const Fields& fields) const {
  const std::optional<Value> found = fields(field);
  if (!found || found->index() != value.index()) return false;
  if (const auto* number = std::get_if<std::uint64_t>(&*found))
    return compare(*number, operation, std::get<std::uint64_t>(value));
  return compare(std::get<std::string>(*found), operation, std::get<std::string>(value));
}

bool Condition::Node::holds(const Fields& fields) const {
  switch (kind) {
    case Kind::compare:
      return compares(fields);
    case Kind::both:
      return parts[0].holds(fields) && parts[1].holds(fields);
    case Kind::either:
      return parts[0].holds(fields) || parts[1].holds(fields);
    case Kind::negated:
      return !parts[0].holds(fields);
  }
  return false;
}

class Condition::Parser {
 public:
  Parser(std::string_view text, const std::function<bool(std::string_view)>& is_field,
         std::string& error)
      : rest_(text), is_field_(is_field), error_(error) {}

  std::optional<Node> all() {
    std::optional<Node> node = either();
    skip_space();
    if (node && !rest_.empty()) return fail("what is '" + std::string(rest_) + "' for?");
    return node;
  }

 private:
  std::optional<Node> fail(std::string why) {
    if (error_.empty()) error_ = std::move(why);
    return std::nullopt;
  }
  void skip_space() {
    while (!rest_.empty() && std::isspace(static_cast<unsigned char>(rest_.front())) != 0)
      rest_.remove_prefix(1);
  }
  bool take(std::string_view token) {
    skip_space();
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  std::string word() {
    skip_space();
    if (rest_.starts_with('"')) {
      const std::size_t end = rest_.find('"', 1);
      std::string quoted(rest_.substr(1, end == std::string_view::npos ? end : end - 1));
      rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
      return quoted;
    }
    std::size_t length = 0;
    constexpr std::string_view kInWords = "_.\\/-";
    while (length < rest_.size() && (std::isalnum(static_cast<unsigned char>(rest_[length])) != 0 ||
                                     kInWords.find(rest_[length]) != std::string_view::npos)) {
      ++length;
    }
    std::string taken(rest_.substr(0, length));
    rest_.remove_prefix(length);
    return taken;
  }

  std::optional<Node> joined(std::string_view token, Node::Kind kind,
                             std::optional<Node> (Parser::*part)()) {
    std::optional<Node> left = (this->*part)();
    while (left && take(token)) {
      if (++terms_ > kMostTerms) return fail("too many comparisons");
      std::optional<Node> right = (this->*part)();
      if (!right) return std::nullopt;
      Node both;
      both.kind = kind;
      both.parts = {std::move(*left), std::move(*right)};
      left = std::move(both);
    }
    return left;
  }
  std::optional<Node> either() { return joined("||", Node::Kind::either, &Parser::both); }
  std::optional<Node> both() { return joined("&&", Node::Kind::both, &Parser::one); }

  std::optional<Node> one() {
    if (++depth_ > kDeepest) return fail("too many parentheses");
    std::optional<Node> node = take("!") ? negated() : take("(") ? in_parentheses() : comparison();
    --depth_;
    return node;
  }
  std::optional<Node> negated() {
    std::optional<Node> part = one();
    if (!part) return std::nullopt;
    Node node;
    node.kind = Node::Kind::negated;
    node.parts.push_back(std::move(*part));
    return node;
  }
  std::optional<Node> in_parentheses() {
    std::optional<Node> node = either();
    if (node && !take(")")) return fail("a ) is missing");
    return node;
  }
  std::optional<Node> comparison() {
    Node node;
    node.field = word();
    if (node.field.empty()) return fail("a comparison is missing, as in lsn == 5");
    if (!is_field_(node.field)) return fail("a point has no field '" + node.field + "'");
    for (const std::string_view operation : kOperations) {
      if (!take(operation)) continue;
      node.operation = operation;
      skip_space();
      const bool quoted = rest_.starts_with('"');
      const std::string value = word();
      if (value.empty() && !quoted) return fail("'" + node.field + "' is compared with nothing");
      const auto number = quoted ? std::nullopt : number_in(value);
      node.value = number ? Value(*number) : Value(value);
      return node;
    }
    return fail("behind '" + node.field + "' there must be ==, !=, <, <=, > or >=");
  }

  std::string_view rest_;
  const std::function<bool(std::string_view)>& is_field_;
  std::string& error_;
  std::size_t depth_ = 0;
  std::size_t terms_ = 0;
};

std::optional<Condition> Condition::parse(std::string_view text,
                                          const std::function<bool(std::string_view)>& is_field,
                                          std::string& error) {
  std::optional<Node> root = Parser(text, is_field, error).all();
  if (!root) return std::nullopt;
  Condition condition;
  condition.text_ = text;
  condition.root_ = std::make_shared<const Node>(std::move(*root));
  return condition;
}

bool Condition::holds(const Fields& fields) const {
  return root_->holds(fields);
}

}  // namespace understudy::stepper
