#include "cluster_app/line_stream.h"

#include <array>

namespace understudy {

Task<Result<std::string>> LineStream::read(std::size_t longest) {
  std::array<std::uint8_t, 4096> chunk;
  std::size_t searched = 0;
  while (true) {
    const std::size_t end = buffer_.find('\n', searched);
    if (end != std::string::npos && end <= longest) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      co_return line;
    }
    if (buffer_.size() > longest) co_return Status::invalid_parameter;
    searched = buffer_.size();
    const Result<std::size_t> count = co_await stream_->read_some(chunk);
    if (!count) co_return count.status();
    buffer_.append(reinterpret_cast<const char*>(chunk.data()), *count);
  }
}

Task<Status> LineStream::write(std::string line) {
  co_await turn_.acquire();
  const CreditGuard turn(turn_);
  line.push_back('\n');
  const ConstBytes part = as_bytes(line);
  const Status status = co_await stream_->write({&part, 1});
  co_return status;
}

}  // namespace understudy
