// A layer's log: a message and structured fields, one line an event. spdlog stands behind it in a
// process.
#pragma once

#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>

#include "iomgr/status.h"

namespace understudy {

struct Field {
  std::string_view key;
  std::string value;

  Field(std::string_view name, std::string_view text) : key(name), value(text) {}
  Field(std::string_view name, const std::string& text) : key(name), value(text) {}
  Field(std::string_view name, const char* text) : key(name), value(text) {}
  Field(std::string_view name, Status status) : key(name), value(to_string(status)) {}
  template <std::integral T>
  Field(std::string_view name, T number) : key(name), value(std::to_string(number)) {}
};

class Log {
 public:
  enum class Level { debug, info, warning, error };
  using Fields = std::initializer_list<Field>;

  virtual ~Log() = default;
  virtual void write(Level level, std::string_view message, Fields fields) = 0;

  void debug(std::string_view message, Fields fields = {}) { write(Level::debug, message, fields); }
  void info(std::string_view message, Fields fields = {}) { write(Level::info, message, fields); }
  void warning(std::string_view message, Fields fields = {}) {
    write(Level::warning, message, fields);
  }
  void error(std::string_view message, Fields fields = {}) { write(Level::error, message, fields); }
};

}  // namespace understudy
