#include "iomgr/interconnect_stream.h"

#include <algorithm>
#include <utility>

namespace understudy::interconnect {

Task<Result<Frame>> FrameReader::next() {
  // Awaited only when bytes are missing: a burst of small messages is then parsed without a
  // suspension.
  if (buffered().size() < kHeaderBytes) {
    const Status status = co_await fill(kHeaderBytes);
    if (failed(status)) co_return status;
  }
  const Result<Header> header = decode_header(buffered().first(kHeaderBytes));
  if (!header) {
    version_ = version_in(buffered());
    co_return header.status();
  }
  const std::size_t body_length = header->type == Message::append ? 0 : header->length;
  if (buffered().size() < kHeaderBytes + body_length) {
    const Status status = co_await fill(kHeaderBytes + body_length);
    if (failed(status)) co_return status;
  }
  const ConstBytes body = buffered().subspan(kHeaderBytes, body_length);
  const Status intact = verify(buffered().first(kHeaderBytes), body);
  if (failed(intact)) co_return intact;
  if (header->sequence != ++sequence_) co_return Status::data_error;
  begin_ += kHeaderBytes + body_length;
  co_return Frame{*header, body};
}

Task<Status> FrameReader::read_record(Bytes out) {
  const std::size_t here = std::min(out.size(), buffered().size());
  std::copy_n(buffered().begin(), here, out.begin());
  begin_ += here;
  if (here == out.size()) co_return Status::success;
  const Status status = co_await stream_.read(out.subspan(here));
  co_return status;
}

Task<Status> FrameReader::fill(std::size_t count) {
  if (begin_ + count > buffer_.size() || begin_ == end_) {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
    end_ -= begin_;
    begin_ = 0;
  }
  while (end_ - begin_ < count) {
    const Result<std::size_t> got = co_await stream_.read_some(Bytes(buffer_).subspan(end_));
    if (!got) co_return got.status();
    end_ += *got;
  }
  co_return Status::success;
}

void FrameBatch::add(Header header, ConstBytes body) {
  header.length = static_cast<std::uint32_t>(body.size());
  put(header, body, {});
}

void FrameBatch::add_record(Header header, ConstBytes record) {
  header.length = static_cast<std::uint32_t>(record.size());
  put(header, {}, record);
}

void FrameBatch::put(Header header, ConstBytes body, ConstBytes record) {
  header.sequence = ++sequence_;
  ++messages_;
  for (int copies = copies_of_next(); copies > 0; --copies) {
    const std::size_t start = copied_.size();
    copied_.resize(start + kHeaderBytes);
    encode_header(header, body, Bytes(copied_).subspan(start));
    copied_.insert(copied_.end(), body.begin(), body.end());
    pieces_.push_back({copied_.size(), record});
    bytes_ += kHeaderBytes + body.size() + record.size();
  }
}

int FrameBatch::copies_of_next() {
  using Action = MessageFault::Action;
  if (faults_ == nullptr || faults_->next_message.action == Action::none) [[likely]]
    return 1;
  const MessageFault fault = std::exchange(faults_->next_message, {});
  delay_ += fault.delay;
  if (fault.action == Action::drop) return 0;
  return fault.action == Action::duplicate ? 2 : 1;
}

std::span<const ConstBytes> FrameBatch::parts() {
  parts_.clear();
  std::size_t start = 0;
  for (const Piece& piece : pieces_) {
    // Messages without a record lie side by side and go out as one part.
    if (piece.record.empty() && &piece != &pieces_.back()) continue;
    parts_.push_back(ConstBytes(copied_).subspan(start, piece.copied_end - start));
    start = piece.copied_end;
    if (!piece.record.empty()) parts_.push_back(piece.record);
  }
  return parts_;
}

void FrameBatch::clear() {
  copied_.clear();
  pieces_.clear();
  parts_.clear();
  messages_ = 0;
  bytes_ = 0;
  delay_ = {};
}

}  // namespace understudy::interconnect
