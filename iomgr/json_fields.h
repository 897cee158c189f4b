// Reading fields of JSON that came from outside: what is missing or of another type reads as empty,
// never throws.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace understudy {

namespace json = boost::json;

/// The object that `line` is; nothing if it is anything else.
inline std::optional<json::object> parse_object(std::string_view line) {
  boost::system::error_code failure;
  json::value value = json::parse({line.data(), line.size()}, failure);
  if (failure || !value.is_object()) return std::nullopt;
  return std::move(value.as_object());
}

/// The text of that name, where a missing one is not the same as an empty one.
inline std::optional<std::string> find_text(const json::object& object, std::string_view key) {
  const json::value* const value = object.if_contains({key.data(), key.size()});
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string(value->as_string());
}

inline std::string text_of(const json::object& object, std::string_view key) {
  return find_text(object, key).value_or(std::string());
}

inline std::uint64_t number_of(const json::object& object, std::string_view key) {
  const json::value* const value = object.if_contains({key.data(), key.size()});
  if (value == nullptr) return 0;
  if (value->is_uint64()) return value->as_uint64();
  return value->is_int64() && value->as_int64() >= 0 ? static_cast<std::uint64_t>(value->as_int64())
                                                     : 0;
}

inline bool flag_of(const json::object& object, std::string_view key) {
  const json::value* const value = object.if_contains({key.data(), key.size()});
  return value != nullptr && value->is_bool() && value->as_bool();
}

/// Keeps `flag` as it is where none is given. False if it is there and is neither true nor false.
inline bool read_flag(const json::object& object, std::string_view key, bool& flag) {
  const json::value* const value = object.if_contains({key.data(), key.size()});
  if (value == nullptr) return true;
  if (value->is_bool()) flag = value->as_bool();
  return value->is_bool();
}

inline const json::object& object_of(const json::object& object, std::string_view key) {
  static const json::object none;
  const json::value* const value = object.if_contains({key.data(), key.size()});
  return value != nullptr && value->is_object() ? value->as_object() : none;
}

inline const json::array& array_of(const json::object& object, std::string_view key) {
  static const json::array none;
  const json::value* const value = object.if_contains({key.data(), key.size()});
  return value != nullptr && value->is_array() ? value->as_array() : none;
}

// What they give is part of the object, which must live on.
const json::object& object_of(const json::object&& object, std::string_view key) = delete;
const json::array& array_of(const json::object&& object, std::string_view key) = delete;

}  // namespace understudy
