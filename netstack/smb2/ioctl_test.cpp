// The controls of IOCTL: MS-SMB2 section 3.3.5.15.
#include "netstack/smb2/test_client.h"

namespace understudy::smb2 {
namespace {

constexpr std::uint32_t kResumeKey = 0x00140078;
constexpr std::uint32_t kCopyChunk = 0x001440F2;
constexpr std::uint32_t kCopyChunkWrite = 0x001480F2;
constexpr std::uint32_t kSetZeroData = 0x000980C8;
constexpr std::uint32_t kAllocatedRanges = 0x000940CF;
constexpr std::uint32_t kObjectId = 0x000900C0;
constexpr std::uint32_t kGetCompression = 0x0009003C;
constexpr std::uint32_t kSetCompression = 0x0009C040;
constexpr std::size_t kOutput = 48;  // where it starts in the body

struct Chunk {
  std::uint64_t from;
  std::uint64_t to;
  std::uint32_t length;
};

class Ioctls : public testing::Test {
 protected:
  Ioctls() {
    client.begin();
    node.files.files["from"].data = {'0', '1', '2', '3', '4', '5', '6', '7', '8', '9'};
    client.create("from");
    from = client.file;
    client.create("to");
    to = client.file;
  }
  Response ask(FileId file, std::uint32_t code, ConstBytes input, std::uint32_t room = 4096) {
    return client.ask(Command::ioctl, TestClient::ioctl_body(file, code, input, room));
  }
  Octets output(const Response& response) {
    return {response.body.begin() + kOutput, response.body.end()};
  }
  Octets key_of(FileId file) {
    const Response response = ask(file, kResumeKey, {});
    EXPECT_EQ(response.status(), Status::success);
    Octets key = output(response);
    key.resize(24);
    return key;
  }
  static Octets request(ConstBytes key, const std::vector<Chunk>& chunks) {
    WireWriter writer;
    writer.append(key);
    writer.u32(static_cast<std::uint32_t>(chunks.size()));
    writer.u32(0);
    for (const Chunk& chunk : chunks) {
      writer.u64(chunk.from);
      writer.u64(chunk.to);
      writer.u32(chunk.length);
      writer.u32(0);
    }
    return writer.release();
  }
  static std::vector<std::uint32_t> counts(ConstBytes output) {
    WireReader reader(output);
    return {reader.u32(), reader.u32(), reader.u32()};
  }
  std::string content(const std::string& path) {
    const auto& data = node.files.files[path].data;
    return {data.begin(), data.end()};
  }

  TestNode node;
  TestClient client{node};
  FileId from;
  FileId to;
};

TEST_F(Ioctls, CopyChunksFromOneFileToAnother) {
  const Response response =
      ask(to, kCopyChunk, request(key_of(from), {{0, 0, 3}, {7, 3, 3}, {1, 10, 1}}));
  ASSERT_EQ(response.status(), Status::success);
  EXPECT_EQ(counts(output(response)), (std::vector<std::uint32_t>{3, 0, 7}));
  EXPECT_EQ(content("to"), std::string("012789\0\0\0\0001", 11));
}

TEST_F(Ioctls, SayHowMuchMayBeCopiedWhenItIsTooMuch) {
  const Octets key = key_of(from);
  const std::vector<std::uint32_t> limits = {bounds::kMaxCopyChunks, bounds::kMaxTransfer,
                                             bounds::kMaxCopyBytes};
  for (const std::vector<Chunk>& chunks :
       {std::vector<Chunk>{{0, 0, 0}}, std::vector<Chunk>{{0, 0, bounds::kMaxTransfer + 1}},
        std::vector<Chunk>(bounds::kMaxCopyChunks + 1, {0, 0, 1}),
        std::vector<Chunk>(17, {0, 0, bounds::kMaxTransfer})}) {
    const Response response = ask(to, kCopyChunk, request(key, chunks));
    EXPECT_EQ(response.status(), Status::invalid_parameter);
    ASSERT_GE(response.body.size(), kOutput + 12);
    EXPECT_EQ(counts(output(response)), limits);
  }
  EXPECT_EQ(content("to"), "");
}

TEST_F(Ioctls, CopyNothingFromBeyondTheEnd) {
  EXPECT_EQ(ask(to, kCopyChunk, request(key_of(from), {{8, 0, 3}})).status(),
            Status::invalid_view_size);
  EXPECT_EQ(ask(to, kCopyChunk, request(key_of(from), {{INT64_MAX, 0, 3}})).status(),
            Status::invalid_parameter);
}

TEST_F(Ioctls, SayHowMuchWasCopiedBeforeACopyFailed) {
  const Response response = ask(to, kCopyChunk, request(key_of(from), {{0, 0, 4}, {8, 4, 3}}));
  EXPECT_EQ(response.status(), Status::invalid_view_size);
  EXPECT_EQ(counts(output(response)), (std::vector<std::uint32_t>{1, 0, 4}));
  EXPECT_EQ(content("to"), "0123");
}

TEST_F(Ioctls, CopyOnlyWithAKeyThatWasGivenInTheSameSession) {
  Octets key = key_of(from);
  TestClient other(node);
  other.begin();
  other.create("other");
  EXPECT_EQ(other
                .ask(Command::ioctl, TestClient::ioctl_body(other.file, kCopyChunk,
                                                            request(key, {{0, 0, 1}}), 4096))
                .status(),
            Status::object_name_not_found);
  key[0] ^= 1;
  EXPECT_EQ(ask(to, kCopyChunk, request(key, {{0, 0, 1}})).status(), Status::object_name_not_found);
}

TEST_F(Ioctls, CopyOnlyWithTheRights) {
  const Octets key = key_of(from);
  client.create("to", 3, 0, 2);  // write only
  const FileId write_only = client.file;
  EXPECT_EQ(ask(write_only, kCopyChunk, request(key, {{0, 0, 1}})).status(), Status::access_denied);
  EXPECT_EQ(ask(write_only, kCopyChunkWrite, request(key, {{0, 0, 1}})).status(), Status::success);
  client.create("to", 3, 0, 1);
  EXPECT_EQ(ask(client.file, kCopyChunk, request(key, {{0, 0, 1}})).status(),
            Status::access_denied);
  client.create("", 1, 1);
  EXPECT_EQ(ask(client.file, kCopyChunk, request(key, {{0, 0, 1}})).status(),
            Status::invalid_device_request);
}

TEST_F(Ioctls, CopyNothingWhenTheRequestIsCut) {
  Octets whole = request(key_of(from), {{0, 0, 1}, {1, 1, 1}});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_TRUE(failed(ask(to, kCopyChunk, ConstBytes(whole).first(size)).status())) << size;
  }
  EXPECT_EQ(ask(to, kCopyChunk, whole, 11).status(), Status::invalid_parameter);
  EXPECT_EQ(content("to"), "");
}

TEST_F(Ioctls, WriteZerosWithinTheFileAlone) {
  WireWriter range;
  range.u64(8);
  range.u64(100);
  EXPECT_EQ(ask(from, kSetZeroData, range.bytes()).status(), Status::success);
  EXPECT_EQ(content("from"), std::string("01234567\0\0", 10));
  EXPECT_EQ(node.files.seen.back().write.zeros, 92U);
  WireWriter backwards;
  backwards.u64(8);
  backwards.u64(7);
  EXPECT_EQ(ask(from, kSetZeroData, backwards.bytes()).status(), Status::invalid_parameter);
  client.create("from", 1, 0, 1);
  EXPECT_EQ(ask(client.file, kSetZeroData, range.bytes()).status(), Status::access_denied);
}

TEST_F(Ioctls, SayWhatOfAFileIsAllocated) {
  node.files.allocated = {{4, 6}, {100, 1}};
  WireWriter range;
  range.u64(4);
  range.u64(100);
  const Response response = ask(from, kAllocatedRanges, range.bytes());
  ASSERT_EQ(response.status(), Status::success);
  const Octets all = output(response);
  WireReader reader(all);
  for (const std::uint64_t expected : {4U, 6U, 100U, 1U}) EXPECT_EQ(reader.u64(), expected);
  EXPECT_EQ(reader.remaining(), 0U);
  EXPECT_EQ(node.files.seen.back().query.offset, 4U);
  EXPECT_EQ(node.files.seen.back().query.length, 100U);
  const Response first = ask(from, kAllocatedRanges, range.bytes(), 31);
  EXPECT_EQ(first.status(), Status::buffer_overflow);
  EXPECT_EQ(output(first), Octets(all.begin(), all.begin() + 16));
  EXPECT_EQ(ask(from, kAllocatedRanges, range.bytes(), 15).status(), Status::buffer_too_small);
  EXPECT_EQ(ask(from, kAllocatedRanges, ConstBytes(range.bytes()).first(15)).status(),
            Status::invalid_parameter);
}

TEST_F(Ioctls, MakeAFileSparseOrNot) {
  constexpr std::uint32_t kSetSparse = 0x000900C4;
  const auto asked = [&](ConstBytes input) {
    EXPECT_EQ(ask(from, kSetSparse, input).status(), Status::success);
    return node.files.seen.back().set.attributes;
  };
  EXPECT_EQ(asked({}), 0x200U);
  EXPECT_EQ(asked(Octets{1}), 0x200U);
  EXPECT_EQ(asked(Octets{0}), 0U);
  client.create("directory", 2, 1);
  EXPECT_EQ(ask(client.file, kSetSparse, {}).status(), Status::invalid_parameter);
}

TEST_F(Ioctls, GiveEachFileAnIdThatStays) {
  const Octets first = output(ask(from, kObjectId, {}));
  EXPECT_EQ(first.size(), 64U);
  EXPECT_EQ(output(ask(from, kObjectId, {})), first);
  EXPECT_NE(output(ask(to, kObjectId, {})), first);
}

TEST_F(Ioctls, CompressNothing) {
  EXPECT_EQ(output(ask(from, kGetCompression, {})), (Octets{0, 0}));
  EXPECT_EQ(ask(from, kSetCompression, Octets{0, 0}).status(), Status::success);
  EXPECT_EQ(ask(from, kSetCompression, Octets{1, 0}).status(), Status::not_supported);
}

TEST_F(Ioctls, OfAFileNeedOne) {
  for (const std::uint32_t code : {kResumeKey, kCopyChunk, kObjectId, kAllocatedRanges}) {
    EXPECT_EQ(ask({}, code, {}).status(), Status::file_closed) << code;
  }
  EXPECT_EQ(ask({1, 2}, kObjectId, {}).status(), Status::file_closed);
  EXPECT_EQ(ask(from, 0x00098344, {}).status(), Status::invalid_device_request);
  // What is about the connection takes none.
  EXPECT_EQ(ask(from, 0x001401FC, {}).status(), Status::invalid_parameter);
}

}  // namespace
}  // namespace understudy::smb2
