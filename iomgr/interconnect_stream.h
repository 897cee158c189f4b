// The interconnect's messages on a Stream: one side's reader, and the batches that one side writes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "iomgr/fault.h"
#include "iomgr/interconnect.h"
#include "iomgr/network.h"

namespace understudy::interconnect {

struct Frame {
  Header header;
  ConstBytes body;  // valid until the reader's next call; empty for an append, see read_record
};

/// Takes messages from a stream, several by one read where they came together. One coroutine uses
/// it.
class FrameReader {
 public:
  explicit FrameReader(Stream& stream) : stream_(stream), buffer_(kBufferBytes) {}

  /// The next message, checked: form, CRC, and that its sequence is one more than the last one's.
  /// For an append read_record() must follow.
  Task<Result<Frame>> next();
  /// The record of an append, straight into `out`, which is as long as the header says. Its CRC is
  /// the receiver's to check.
  Task<Status> read_record(Bytes out);

  /// The version that the last header named, once next() has said STATUS_REVISION_MISMATCH.
  std::uint16_t version() const { return version_; }

 private:
  static constexpr std::size_t kBufferBytes = 64 * 1024;

  ConstBytes buffered() const { return ConstBytes(buffer_).subspan(begin_, end_ - begin_); }
  Task<Status> fill(std::size_t count);

  Stream& stream_;
  std::vector<std::uint8_t> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t sequence_ = 0;
  std::uint16_t version_ = kVersion;
};

/// Messages that go out by one gathered write: what is small is copied in, records stay where they
/// lie. The sequence runs on from batch to batch of one stream.
class FrameBatch {
 public:
  FrameBatch() = default;
  /// `faults`: they say what happens to a message. They outlive the batch.
  explicit FrameBatch(FaultPoints& faults) : faults_(&faults) {}

  /// Fills in length and sequence.
  void add(Header header, ConstBytes body = {});
  /// `header.type` is append. `record` must stay until the write has ended.
  void add_record(Header header, ConstBytes record);

  /// One that is dropped counts: for its sender it has gone out.
  bool empty() const { return messages_ == 0; }
  std::size_t messages() const { return messages_; }
  std::size_t bytes() const { return bytes_; }

  /// For how long the write has to wait.
  Duration delay() const { return delay_; }
  /// What Stream::write takes; valid until the next add or clear.
  std::span<const ConstBytes> parts();
  /// Ready for the next batch of the same stream.
  void clear();

 private:
  struct Piece {
    std::size_t copied_end;  // of what was copied in, up to this piece's end ...
    ConstBytes record;       // ... and the record that follows
  };
  void put(Header header, ConstBytes body, ConstBytes record);
  int copies_of_next();

  FaultPoints* faults_ = nullptr;
  std::vector<std::uint8_t> copied_;
  std::vector<Piece> pieces_;
  std::vector<ConstBytes> parts_;
  std::uint64_t sequence_ = 0;
  std::size_t messages_ = 0;
  std::size_t bytes_ = 0;
  Duration delay_{};
};

}  // namespace understudy::interconnect
