// The interconnect's codec: what goes in comes out, and what no sender writes is refused.
#include "iomgr/interconnect.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "iomgr/bounds.h"
#include "iomgr/interconnect_stream.h"
#include "iomgr/local/local_host.h"
#include "iomgr/record.h"

namespace understudy::interconnect {
namespace {

std::vector<std::uint8_t> encoded(const Header& header, ConstBytes body = {}) {
  std::vector<std::uint8_t> bytes(kHeaderBytes);
  encode_header(header, body, bytes);
  return bytes;
}

Hello hello_of(const std::string& node, const std::string& partner, std::uint8_t fill) {
  Hello hello{.node = node, .partner = partner, .nonce = {}};
  hello.nonce.fill(fill);
  return hello;
}

TEST(InterconnectCodec, AHeaderComesBackAsItWentIn) {
  const Header header{.type = Message::failed,
                      .lun = 3,
                      .sequence = 9,
                      .epoch = 5,
                      .lsn = 77,
                      .status = Status::disk_full};
  const auto bytes = encoded(header);
  const auto back = decode_header(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->type, Message::failed);
  EXPECT_EQ(back->lun, 3U);
  EXPECT_EQ(back->sequence, 9U);
  EXPECT_EQ(back->epoch, 5U);
  EXPECT_EQ(back->lsn, 77U);
  EXPECT_EQ(back->status, Status::disk_full);
  EXPECT_EQ(verify(bytes, {}), Status::success);
}

TEST(InterconnectCodec, NamesTheVersionThatItDoesNotSpeak) {
  auto bytes = encoded({.type = Message::echo, .sequence = 1});
  bytes[4] = 0x34;
  bytes[5] = 0x12;
  EXPECT_EQ(decode_header(bytes).status(), Status::revision_mismatch);
  EXPECT_EQ(version_in(bytes), 0x1234);
}

TEST(InterconnectCodec, RefusesFieldsThatATypeDoesNotHave) {
  const auto good = encoded({.type = Message::ack, .lun = 1, .sequence = 1, .epoch = 1, .lsn = 1});
  ASSERT_TRUE(decode_header(good));
  for (const auto& [offset, value] : std::vector<std::pair<std::size_t, int>>{
           {0, 0}, {6, 0}, {6, 12}, {6, 255}, {7, 1}, {8, 1}, {11, 255}, {40, 1}}) {
    auto bad = good;
    bad[offset] = static_cast<std::uint8_t>(value);
    EXPECT_EQ(decode_header(bad).status(), Status::data_error) << "byte " << offset;
  }
  auto echo = encoded({.type = Message::echo, .flags = kAnswer, .sequence = 1});
  ASSERT_TRUE(decode_header(echo));
  echo[12] = 1;  // an echo has no LUN
  EXPECT_EQ(decode_header(echo).status(), Status::data_error);
  EXPECT_EQ(decode_header(ConstBytes(good).first(20)).status(), Status::data_error);
}

TEST(InterconnectCodec, BoundsTheRecordOfAnAppend) {
  Header header{
      .type = Message::append, .length = bounds::kMaxRecord, .sequence = 1, .epoch = 1, .lsn = 1};
  EXPECT_TRUE(decode_header(encoded(header)));
  auto bytes = encoded(header);
  const std::uint32_t longer = bounds::kMaxRecord + 1;
  std::memcpy(bytes.data() + 8, &longer, 4);
  EXPECT_EQ(decode_header(bytes).status(), Status::data_error);
  const std::uint32_t shorter = sizeof(RecordHeader) - 1;
  std::memcpy(bytes.data() + 8, &shorter, 4);
  EXPECT_EQ(decode_header(bytes).status(), Status::data_error);
}

TEST(InterconnectCodec, AHelloIsReadOnlyWhole) {
  const auto body = encode(hello_of("a", "node-b", 7));
  const auto back = decode_hello(body);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->node, "a");
  EXPECT_EQ(back->partner, "node-b");
  EXPECT_EQ(back->nonce[31], 7);
  for (std::size_t length = 0; length < body.size(); ++length) {
    EXPECT_FALSE(decode_hello(ConstBytes(body).first(length)));
  }
  auto longer = body;
  longer.push_back(0);
  EXPECT_FALSE(decode_hello(longer));
  auto nameless = body;
  nameless[0] = 0;
  EXPECT_FALSE(decode_hello(nameless));
  auto long_name = body;
  long_name[0] = kMaxNodeName + 1;
  EXPECT_FALSE(decode_hello(long_name));
}

TEST(InterconnectCodec, AProofDependsOnAllThatWasSaid) {
  const std::vector<std::uint8_t> key(32, 1);
  const std::vector<std::uint8_t> other_key(32, 2);
  const Hello hello = hello_of("a", "b", 1);
  const Hello challenge = hello_of("b", "a", 2);
  const Proof proof = prove(Layer::rd_driver, key, hello, challenge, 5);
  EXPECT_TRUE(equal(proof, prove(Layer::rd_driver, key, hello, challenge, 5)));
  EXPECT_FALSE(equal(proof, prove(Layer::mirror_server, key, hello, challenge, 5)));
  EXPECT_FALSE(equal(proof, prove(Layer::rd_driver, other_key, hello, challenge, 5)));
  EXPECT_FALSE(equal(proof, prove(Layer::rd_driver, key, hello_of("a", "b", 3), challenge, 5)));
  EXPECT_FALSE(equal(proof, prove(Layer::rd_driver, key, hello_of("c", "b", 1), challenge, 5)));
  EXPECT_FALSE(equal(proof, prove(Layer::rd_driver, key, hello, hello_of("b", "a", 3), 5)));
  EXPECT_FALSE(equal(proof, prove(Layer::rd_driver, key, hello, challenge, 6)));
  EXPECT_EQ(decode_proof(encode(proof))->room, 5U);
}

/// A stream in memory that gives at most `chunk` bytes a read_some.
class MemoryStream : public Stream {
 public:
  explicit MemoryStream(std::size_t chunk) : chunk_(chunk) {}
  Task<Status> read(Bytes out) override {
    if (out.size() > bytes.size() - at_) co_return Status::connection_reset;
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at_), out.size(), out.begin());
    at_ += out.size();
    co_return Status::success;
  }
  Task<Result<std::size_t>> read_some(Bytes out) override {
    const std::size_t count = std::min({chunk_, out.size(), bytes.size() - at_});
    if (count == 0) co_return Status::connection_reset;
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at_), count, out.begin());
    at_ += count;
    co_return count;
  }
  Task<Status> write(std::span<const ConstBytes> parts) override {
    for (const ConstBytes part : parts) bytes.insert(bytes.end(), part.begin(), part.end());
    co_return Status::success;
  }
  void close() override {}
  std::string peer() const override { return "memory"; }
  std::vector<std::uint8_t> bytes;

 private:
  std::size_t chunk_;
  std::size_t at_ = 0;
};

Task<void> read_all(Stream& stream, std::vector<Header>& headers,
                    std::vector<std::uint8_t>& records, Status& end) {
  FrameReader reader(stream);
  for (;;) {
    const Result<Frame> frame = co_await reader.next();
    end = frame.status();
    if (!frame) co_return;
    headers.push_back(frame->header);
    if (frame->header.type != Message::append) continue;
    std::vector<std::uint8_t> record(frame->header.length);
    end = co_await reader.read_record(record);
    if (understudy::failed(end)) co_return;
    records.insert(records.end(), record.begin(), record.end());
  }
}

TEST(InterconnectStream, MessagesComeBackHoweverTheStreamCutsThem) {
  const std::vector<std::uint8_t> small(200, 5);
  const std::vector<std::uint8_t> large(100'000, 6);
  for (const std::size_t chunk :
       {std::size_t{1}, std::size_t{47}, std::size_t{4096}, std::size_t{1} << 20}) {
    MemoryStream stream(chunk);
    TaskScope scope;
    FrameBatch batch;
    batch.add({.type = Message::begin, .epoch = 1, .lsn = 1});
    batch.add({.type = Message::room}, encode_room(64));
    batch.add_record({.type = Message::append, .epoch = 1, .lsn = 1}, small);
    batch.add_record({.type = Message::append, .epoch = 1, .lsn = 2}, large);
    batch.add({.type = Message::purge, .epoch = 1, .lsn = 2});
    EXPECT_EQ(batch.parts().size(), 5U);  // two messages and a head, record, head, record, purge
    for (const ConstBytes part : batch.parts())
      stream.bytes.insert(stream.bytes.end(), part.begin(), part.end());
    EXPECT_EQ(stream.bytes.size(), batch.bytes());
    std::vector<Header> headers;
    std::vector<std::uint8_t> records;
    Status end = Status::success;
    scope.spawn(read_all(stream, headers, records, end));
    ASSERT_EQ(headers.size(), 5U);
    EXPECT_EQ(headers[4].type, Message::purge);
    EXPECT_EQ(headers[4].sequence, 5U);
    EXPECT_EQ(end, Status::connection_reset);
    EXPECT_EQ(records.size(), small.size() + large.size());
    EXPECT_EQ(std::ranges::count(records, 6), 100'000);
  }
}

TEST(InterconnectStream, AMessageThatIsMissingOrComesTwiceIsRefused) {
  for (const bool twice : {false, true}) {
    MemoryStream stream(4096);
    FrameBatch batch;
    batch.add({.type = Message::echo});
    const ConstBytes first = batch.parts()[0];
    stream.bytes.assign(first.begin(), first.end());
    if (twice) {
      stream.bytes.insert(stream.bytes.end(), first.begin(), first.end());
    } else {
      FrameBatch later;
      later.add({.type = Message::echo});
      later.add({.type = Message::echo});
      later.clear();
      later.add({.type = Message::echo});
      const ConstBytes third = later.parts()[0];
      stream.bytes.insert(stream.bytes.end(), third.begin(), third.end());
    }
    std::vector<Header> headers;
    std::vector<std::uint8_t> records;
    Status end = Status::success;
    TaskScope scope;
    scope.spawn(read_all(stream, headers, records, end));
    EXPECT_EQ(headers.size(), 1U);
    EXPECT_EQ(end, Status::data_error);
  }
}

/// Of three messages, an echo, a record and a purge, the second of which has the fault: what is
/// heard of them, and how it ends.
std::pair<std::vector<Message>, Status> heard_with(const MessageFault& fault) {
  const std::vector<std::uint8_t> record(200, 5);
  FaultPoints faults;
  FrameBatch batch(faults);
  batch.add({.type = Message::echo});
  faults.next_message = fault;
  batch.add_record({.type = Message::append, .epoch = 1, .lsn = 1}, record);
  batch.add({.type = Message::purge, .epoch = 1, .lsn = 1});
  EXPECT_EQ(faults.next_message.action, MessageFault::Action::none) << "it is of one message";
  EXPECT_EQ(batch.delay(), fault.delay);
  EXPECT_EQ(batch.messages(), 3U) << "its sender has sent it";
  MemoryStream stream(4096);
  for (const ConstBytes part : batch.parts())
    stream.bytes.insert(stream.bytes.end(), part.begin(), part.end());
  EXPECT_EQ(stream.bytes.size(), batch.bytes());
  std::vector<Header> headers;
  std::vector<std::uint8_t> records;
  Status end = Status::success;
  TaskScope scope;
  scope.spawn(read_all(stream, headers, records, end));
  std::vector<Message> types(headers.size());
  std::ranges::transform(headers, types.begin(), &Header::type);
  return {types, end};
}

TEST(InterconnectStream, AMessageThatASenderIsToldToLoseOrToDoubleIsNoticedByItsReader) {
  using Action = MessageFault::Action;
  using enum Message;
  const std::vector<Message> all = {echo, append, purge};
  EXPECT_EQ(heard_with({}), std::pair(all, Status::connection_reset)) << "the end of the stream";
  EXPECT_EQ(heard_with({Action::delay, std::chrono::seconds(1)}),
            std::pair(all, Status::connection_reset));
  EXPECT_EQ(heard_with({Action::drop}), std::pair(std::vector{echo}, Status::data_error));
  EXPECT_EQ(heard_with({Action::duplicate}),
            std::pair(std::vector({echo, append}), Status::data_error));
}

TEST(InterconnectStream, ABatchWhoseOnlyMessageIsLostIsWrittenAsOneOfNoBytes) {
  FaultPoints faults;
  FrameBatch batch(faults);
  faults.next_message = {MessageFault::Action::drop};
  batch.add({.type = Message::echo});
  EXPECT_FALSE(batch.empty());
  EXPECT_TRUE(batch.parts().empty());
  batch.clear();
  EXPECT_TRUE(batch.empty());
}

TEST(InterconnectStream, AFaultOfAMessageIsReadFromTextAndNothingElseIs) {
  using Action = MessageFault::Action;
  EXPECT_EQ(parse_message_fault("drop")->action, Action::drop);
  EXPECT_EQ(parse_message_fault("duplicate")->action, Action::duplicate);
  EXPECT_EQ(parse_message_fault("delay 700")->delay, std::chrono::milliseconds(700));
  for (const char* const text : {"", "dropped", "drop 1", "delay", "delay ", "delay 0", "delay -1",
                                 "delay 1.5", "delay 60001", "delay 99999999999", "none"})
    EXPECT_FALSE(parse_message_fault(text)) << text;
}

}  // namespace
}  // namespace understudy::interconnect
