// Frames of the Debug Adapter Protocol: a header, an empty line, and so many bytes of JSON.
//
//     Content-Length: 119\r\n\r\n{"seq":1,"type":"request",...}
//
// No other header is taken: so what a browser could be made to send to the port is no message.
#pragma once

#include <string>

#include "iomgr/json_fields.h"

namespace understudy::stepper {

class DapFrames {
 public:
  static constexpr std::size_t kMaxMessage = 1 << 20;

  enum class Next { message, more, bad };

  void add(std::string_view bytes) { bytes_.append(bytes); }
  /// The next message that is whole; `more`: there is none yet; `bad`: nothing more can be
  /// understood.
  Next take(json::object& message);

 private:
  std::string bytes_;
};

std::string to_dap_frame(const json::object& message);

/// At most so many bytes of it, no letter of UTF-8 cut in two.
std::string shortened(std::string text, std::size_t length);

}  // namespace understudy::stepper
