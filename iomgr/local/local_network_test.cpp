#include "iomgr/local/local_network.h"

#include <gtest/gtest.h>

#include <array>

#include "iomgr/local/virtual_loop.h"

namespace understudy {
namespace {

using std::chrono::milliseconds;

/// A client and a server on one wire, connected.
class Line : public ::testing::Test {
 protected:
  Line() {
    wire_.passage = [this](const Route& route) { return route.from == "client" ? there_ : back_; };
    listener_ = *server_network_.listen("server:1");
    scope_.spawn([](Line& self) -> Task<void> {
      const Result<std::shared_ptr<Stream>> stream = co_await self.listener_->accept();
      self.server_ = *stream;
      co_await self.read_all(self.server_, self.server_got_);
      self.server_over_ = true;
    }(*this));
    scope_.spawn([](Line& self) -> Task<void> {
      const Result<std::shared_ptr<Stream>> stream =
          co_await self.client_network_.connect("server:1");
      self.client_ = *stream;
      co_await self.read_all(self.client_, self.client_got_);
      self.client_over_ = true;
    }(*this));
    loop_.run_ready();
  }
  ~Line() override { scope_.clear(); }

  Task<void> read_all(std::shared_ptr<Stream> stream, std::string& into) {
    std::array<std::uint8_t, 100> room{};
    for (;;) {
      const Result<std::size_t> got = co_await stream->read_some(room);
      if (!got) co_return;
      into += as_text(Bytes(room).first(*got));
    }
  }
  Status write(const std::shared_ptr<Stream>& stream, std::string_view text) {
    Status status = Status::pending;
    scope_.spawn(
        [](std::shared_ptr<Stream> to, std::string_view what, Status& result) -> Task<void> {
          const std::array<ConstBytes, 1> parts{as_bytes(what)};
          result = co_await to->write(parts);
        }(stream, text, status));
    loop_.run_ready();
    return status;
  }
  void free_again() {
    there_ = back_ = {};
    wire_.passage_changed();
    loop_.run_ready();
  }

  VirtualLoop loop_;
  Wire wire_;
  std::unique_ptr<VirtualExecutor> server_executor_ = loop_.make_executor();
  std::unique_ptr<VirtualExecutor> client_executor_ = loop_.make_executor();
  LocalNetwork server_network_{wire_, *server_executor_, "server"};
  LocalNetwork client_network_{wire_, *client_executor_, "client"};
  Passage there_;
  Passage back_;
  std::shared_ptr<Listener> listener_;
  std::shared_ptr<Stream> server_;
  std::shared_ptr<Stream> client_;
  std::string server_got_;
  std::string client_got_;
  bool server_over_ = false;
  bool client_over_ = false;
  TaskScope scope_;
};

TEST_F(Line, LeadsToWhoStandsByWhenNobodyListens) {
  const auto standby = *server_network_.stand_by("server:1");
  std::shared_ptr<Stream> came;
  scope_.spawn([](Listener& listener, std::shared_ptr<Stream>& out) -> Task<void> {
    out = *co_await listener.accept();
  }(*standby, came));
  const auto connect = [this] {
    std::optional<Status> status;
    scope_.spawn([](LocalNetwork& network, std::optional<Status>& out) -> Task<void> {
      const Result<std::shared_ptr<Stream>> stream = co_await network.connect("server:1");
      out = stream ? Status::success : stream.status();
    }(client_network_, status));
    loop_.run_ready();
    return *status;
  };
  EXPECT_EQ(connect(), Status::success);
  EXPECT_EQ(came, nullptr);
  listener_->close();
  EXPECT_EQ(connect(), Status::success);
  EXPECT_NE(came, nullptr);
  standby->close();
  EXPECT_EQ(connect(), Status::request_not_accepted);
}

TEST_F(Line, HoldsOneDirectionAndDeliversLate) {
  there_.held = true;
  EXPECT_EQ(write(client_, "one"), Status::success);
  EXPECT_EQ(write(server_, "two"), Status::success);
  loop_.run_for(milliseconds(1000));
  EXPECT_EQ(server_got_, "");
  EXPECT_EQ(client_got_, "two");
  free_again();
  EXPECT_EQ(server_got_, "one");
}

TEST_F(Line, DelaysWithoutReordering) {
  there_.delay = milliseconds(30);
  EXPECT_EQ(write(client_, "one "), Status::success);
  loop_.run_for(milliseconds(20));
  there_.delay = Duration(0);
  EXPECT_EQ(write(client_, "two"), Status::success);
  EXPECT_EQ(server_got_, "");
  loop_.run_for(milliseconds(10));
  EXPECT_EQ(server_got_, "one two");
}

TEST_F(Line, TellsOfTheEndOnlyWhenThatGetsThrough) {
  there_.held = back_.held = true;
  client_->close();
  loop_.run_for(milliseconds(1000));
  EXPECT_FALSE(server_over_);
  EXPECT_EQ(write(server_, "into nothing"), Status::success) << "nobody has told it yet";
  free_again();
  EXPECT_TRUE(server_over_);
  EXPECT_EQ(write(server_, "more"), Status::connection_reset);
}

TEST_F(Line, ConnectsToNobodyThroughAHeldRoute) {
  there_.held = true;
  Status status = Status::pending;
  scope_.spawn([](LocalNetwork& network, Status& result) -> Task<void> {
    const Result<std::shared_ptr<Stream>> stream = co_await network.connect("server:1");
    result = stream.status();
  }(client_network_, status));
  loop_.run_for(milliseconds(500));
  EXPECT_EQ(status, Status::pending);
  loop_.run_for(milliseconds(600));
  EXPECT_EQ(status, Status::io_timeout);
}

TEST_F(Line, CutsWhatIsOpenAndLosesWhatWasOnItsWay) {
  there_.held = true;
  EXPECT_EQ(write(client_, "lost"), Status::success);
  wire_.cut([](const Route& route) { return route.endpoint == "server:1"; });
  free_again();
  EXPECT_TRUE(server_over_);
  EXPECT_TRUE(client_over_);
  EXPECT_EQ(server_got_, "");
}

}  // namespace
}  // namespace understudy
