// A value or the Status why there is none. What std::expected will be in C++23.
#pragma once

#include <optional>
#include <utility>

#include "iomgr/check.h"
#include "iomgr/status.h"

namespace understudy {

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}  // NOLINT: implicit on purpose
  Result(Status error) : status_(error) { UNDERSTUDY_CHECK(failed(error)); }  // NOLINT

  explicit operator bool() const { return value_.has_value(); }
  Status status() const { return status_; }
  T& operator*() {
    UNDERSTUDY_CHECK(value_.has_value());
    return *value_;
  }
  const T& operator*() const {
    UNDERSTUDY_CHECK(value_.has_value());
    return *value_;
  }
  T* operator->() { return &**this; }
  const T* operator->() const { return &**this; }

 private:
  std::optional<T> value_;
  Status status_ = Status::success;
};

}  // namespace understudy
