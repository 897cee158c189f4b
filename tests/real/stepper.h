// `stepper --json` beside a pair, for tests: one command, one answer.
#pragma once

#include <sys/types.h>

#include <boost/json.hpp>
#include <cstdio>
#include <string>

#include "tests/real/pair.h"

namespace understudy {

class Stepper {
 public:
  explicit Stepper(const Pair& pair, unsigned patience_s = 30);
  ~Stepper();
  Stepper(const Stepper&) = delete;
  Stepper& operator=(const Stepper&) = delete;

  /// Its answer; empty if it has ended.
  boost::json::object ask(const std::string& command);
  /// kill -9.
  void kill();

 private:
  pid_t process_ = 0;
  FILE* to_ = nullptr;
  FILE* from_ = nullptr;
};

}  // namespace understudy
