// `stepper --page` beside a real pair, over plain HTTP: who may ask, what is told, what is bounded.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <csignal>
#include <fstream>
#include <future>
#include <list>

#include "iomgr/check.h"
#include "iomgr/json_fields.h"
#include "tests/real/pair.h"
#include "tools/stepper/page_server.h"

namespace understudy {
namespace {

namespace http = boost::beast::http;
using boost::asio::ip::tcp;

using stepper::PageServer;

/// "http://127.0.0.1:PORT/#token=TOKEN"
struct Address {
  std::string text;

  std::uint16_t port() const {
    return static_cast<std::uint16_t>(std::stoi(text.substr(text.rfind(':') + 1)));
  }
  std::string host() const { return "127.0.0.1:" + std::to_string(port()); }
  std::string token() const { return text.substr(text.find('=') + 1); }
};

class PageProcess {
 public:
  explicit PageProcess(const Pair& pair) {
    std::array<int, 2> from{};
    UNDERSTUDY_CHECK(pipe2(from.data(), O_CLOEXEC) == 0);
    const std::string cluster = (pair.directory() / "cluster").string();
    process_ = fork();
    UNDERSTUDY_CHECK(process_ >= 0);
    if (process_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      dup2(from[1], STDOUT_FILENO);
      execl(UNDERSTUDY_BIN "/stepper", "stepper", "-C", cluster.c_str(), "--page", "0", nullptr);
      _exit(127);
    }
    close(from[1]);
    FILE* const out = fdopen(from[0], "r");
    std::array<char, 256> line{};
    if (std::fgets(line.data(), line.size(), out) != nullptr) address_ = line.data();
    fclose(out);
    if (!address_.empty()) address_.pop_back();
  }
  ~PageProcess() { static_cast<void>(end()); }
  PageProcess(const PageProcess&) = delete;
  PageProcess& operator=(const PageProcess&) = delete;

  /// SIGTERM; its exit code.
  int end() {
    if (process_ == 0) return -1;
    int status = 0;
    ::kill(process_, SIGTERM);
    waitpid(std::exchange(process_, 0), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  const std::string& address() const { return address_; }
  std::uint16_t port() const { return Address{address_}.port(); }
  std::string host() const { return Address{address_}.host(); }
  std::string token() const { return Address{address_}.token(); }

 private:
  pid_t process_ = 0;
  std::string address_;
};

/// One connection to it.
class Browser {
 public:
  explicit Browser(const PageProcess& page) : Browser(Address{page.address()}) {}
  explicit Browser(Address address) : page_(std::move(address)), socket_(context_) {
    socket_.connect({boost::asio::ip::address_v4::loopback(), page_.port()});
  }

  http::request<http::string_body> request(http::verb verb, const std::string& target,
                                           const std::string& body = "") const {
    http::request<http::string_body> made(verb, target, 11);
    made.set(http::field::host, page_.host());
    made.set("Stepper-Token", page_.token());
    made.body() = body;
    made.prepare_payload();
    return made;
  }
  http::response<http::string_body> ask(const http::request<http::string_body>& request) {
    boost::system::error_code error;
    http::write(socket_, request, error);
    return answer();
  }
  http::response<http::string_body> answer() {
    http::response<http::string_body> response;
    boost::system::error_code error;
    http::read(socket_, buffer_, response, error);
    if (error) response.result(http::status::unknown);
    return response;
  }
  json::object command(const std::string& text) {
    const auto response = ask(
        request(http::verb::post, "/command", json::serialize(json::object{{"command", text}})));
    json::error_code error;
    const json::value answer = json::parse(response.body(), error);
    return error || !answer.is_object() ? json::object() : answer.as_object();
  }
  void send(const std::string& bytes) {
    boost::system::error_code error;
    boost::asio::write(socket_, boost::asio::buffer(bytes), error);
  }

  /// Begins to read events; what the server says of that.
  http::status listen() {
    http::write(socket_, request(http::verb::get, "/events"));
    http::response_parser<http::empty_body> parser;
    parser.skip(true);
    boost::system::error_code error;
    http::read_header(socket_, buffer_, parser, error);
    if (error) return http::status::unknown;
    rest_.assign(static_cast<const char*>(buffer_.data().data()), buffer_.size());
    return parser.get().result();
  }
  /// The next event and its data; empty if there is none any more.
  std::pair<std::string, json::object> next() {
    boost::system::error_code error;
    const std::size_t size =
        boost::asio::read_until(socket_, boost::asio::dynamic_buffer(rest_), "\n\n", error);
    if (error) return {};
    const std::string event = rest_.substr(0, size);
    rest_.erase(0, size);
    constexpr std::string_view kName = "event: ";
    constexpr std::string_view kData = "\ndata: ";
    const std::size_t data = event.find(kData);
    if (!event.starts_with(kName) || data == std::string::npos) return {};
    return {event.substr(kName.size(), data - kName.size()),
            json::parse(event.substr(data + kData.size())).as_object()};
  }
  /// The data of the next event of that name; empty if none comes.
  json::object next(const std::string& wanted) {
    while (true) {
      auto [name, data] = next();
      if (name.empty() || name == wanted) return data;
    }
  }

 private:
  const Address page_;
  boost::asio::io_context context_;
  tcp::socket socket_;
  boost::beast::flat_buffer buffer_;
  std::string rest_;  // of the events
};

/// The pair and the server are the same for all tests: none of these changes the pair for good.
class RealPage : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    pair = new Pair(Pair::Settings{{"lazy_writer", "\"hold\""}});
    std::ofstream(pair->directory() / "f") << "content";
    ready = pair->start_mirrored();
  }
  static void TearDownTestSuite() { delete std::exchange(pair, nullptr); }
  void SetUp() override {
    ASSERT_TRUE(ready);
    ASSERT_TRUE(page.address().starts_with("http://127.0.0.1:")) << page.address();
  }

  http::status status_of(const http::request<http::string_body>& request) {
    return Browser(page).ask(request).result();
  }

  static Pair* pair;
  static bool ready;
  PageProcess page{*pair};
};
Pair* RealPage::pair = nullptr;
bool RealPage::ready = false;

TEST_F(RealPage, AnswersNobodyWithoutTheTokenOfThisRun) {
  EXPECT_EQ(page.token().size(), 64U);
  const Browser browser(page);
  for (const auto& [verb, target] :
       {std::pair{http::verb::get, "/events"}, {http::verb::post, "/command"}}) {
    const std::string body = verb == http::verb::post ? R"({"command": "pause"})" : "";
    auto request = browser.request(verb, target, body);
    request.erase("Stepper-Token");
    EXPECT_EQ(status_of(request), http::status::forbidden) << target;
    std::string wrong = page.token();
    wrong.back() = wrong.back() == '0' ? '1' : '0';
    for (const std::string& token : std::vector<std::string>{wrong, "", page.token() + "0"}) {
      request.set("Stepper-Token", token);
      EXPECT_EQ(status_of(request), http::status::forbidden) << target << " " << token;
    }
    request.set("Stepper-Token", page.token());
    request.insert("Stepper-Token", wrong);
    EXPECT_EQ(status_of(request), http::status::forbidden) << "two of them";
  }
  EXPECT_TRUE(Browser(page).command("where").at("data").at("stopped").is_null())
      << "nothing has paused";
}

TEST_F(RealPage, AnswersNoOtherOriginAndToNoOtherName) {
  const Browser browser(page);
  const std::string port = std::to_string(page.port());
  const std::string body = R"({"command": "where"})";
  for (const std::string& host :
       std::vector<std::string>{"localhost:" + port, "evil.example:" + port, "127.0.0.1",
                                "127.0.0.1:1", "127.0.0.2:" + port, ""}) {
    for (const char* const target : {"/", "/page.css", "/events"}) {
      auto request = browser.request(http::verb::get, target);
      request.set(http::field::host, host);
      EXPECT_EQ(status_of(request), http::status::forbidden) << host << target;
    }
    auto request = browser.request(http::verb::post, "/command", body);
    request.set(http::field::host, host);
    EXPECT_EQ(status_of(request), http::status::forbidden) << host;
  }
  for (const std::string& origin :
       std::vector<std::string>{"https://evil.example", "null", "http://localhost:" + port,
                                "https://" + page.host(), "http://127.0.0.1", page.host(), ""}) {
    auto request = browser.request(http::verb::post, "/command", body);
    request.set(http::field::origin, origin);
    EXPECT_EQ(status_of(request), http::status::forbidden) << origin;
  }
  auto request = browser.request(http::verb::post, "/command", body);
  request.set(http::field::origin, "http://" + page.host());
  EXPECT_EQ(status_of(request), http::status::ok);
  request.insert(http::field::origin, "https://evil.example");
  EXPECT_EQ(status_of(request), http::status::forbidden) << "two of them";
  request = browser.request(http::verb::options, "/command");
  request.set(http::field::origin, "https://evil.example");
  EXPECT_EQ(status_of(request), http::status::forbidden) << "no leave to ask either";
}

TEST_F(RealPage, GivesItsFilesWithAPolicyThatNothingComesFromElsewhere) {
  Browser browser(page);
  for (const auto& [target, type] :
       {std::pair<std::string, std::string>{"/", "text/html; charset=utf-8"},
        {"/page.css", "text/css; charset=utf-8"},
        {"/main.js", "text/javascript; charset=utf-8"},
        {"/icon.svg", "image/svg+xml"}}) {
    auto request = browser.request(http::verb::get, target);
    request.erase("Stepper-Token");
    const auto response = browser.ask(request);
    EXPECT_EQ(response.result(), http::status::ok) << target;
    EXPECT_EQ(response[http::field::content_type], type);
    EXPECT_TRUE(response["Content-Security-Policy"].starts_with("default-src 'self'"));
    EXPECT_EQ(response["X-Content-Type-Options"], "nosniff");
    EXPECT_FALSE(response.body().empty());
    EXPECT_EQ(response.body().find("https://"), std::string::npos) << target;
  }
  for (const char* const target : {"/cluster.key", "/../cluster.key", "/index.html/", "//page.css",
                                   "/%2e%2e/cluster.key", "/page.css?x"})
    EXPECT_EQ(browser.ask(browser.request(http::verb::get, target)).result(),
              http::status::not_found)
        << target;
  EXPECT_EQ(browser.ask(browser.request(http::verb::post, "/", "x")).result(),
            http::status::method_not_allowed);
  EXPECT_EQ(browser.ask(browser.request(http::verb::get, "/command")).result(),
            http::status::method_not_allowed);
}

TEST_F(RealPage, RunsCommandsButNoneOfTheShellAndNoneThatKeepsEverybodyWaiting) {
  Browser browser(page);
  const json::object layers = browser.command("layers");
  ASSERT_TRUE(flag_of(layers, "ok"));
  const json::array& all = layers.at("data").at("layers").as_array();
  ASSERT_EQ(all.size(), 12U);
  for (const json::value& each : all) {
    const std::string place(each.at("place").as_string());
    EXPECT_EQ(each.at("pid").to_number<pid_t>(),
              pair->processes(place.substr(0, 1)).at(place.substr(2)));
  }
  EXPECT_FALSE(flag_of(browser.command("nonsense"), "ok"));
  const std::string mark = (pair->directory() / "mark").string();
  for (const std::string& command :
       std::vector<std::string>{"start touch " + mark, "! touch " + mark, "!touch " + mark,
                                " ! touch " + mark, "hold 3600", "quit", "expect x", ""}) {
    EXPECT_FALSE(flag_of(browser.command(command), "ok")) << command;
  }
  EXPECT_FALSE(std::filesystem::exists(mark));
  for (const char* const body : {"", "{", "[]", R"({"command": 1})", R"({"other": "layers"})",
                                 "{\"command\": \"layers\\nquit\"}", "{\"command\": \"\xFF\"}"})
    EXPECT_EQ(browser.ask(browser.request(http::verb::post, "/command", body)).result(),
              http::status::bad_request)
        << body;
  EXPECT_TRUE(flag_of(browser.command("where"), "ok")) << "it is as it was";
}

TEST_F(RealPage, TellsAllWhoReadOfAStopAndOfWhatTheStoresHoldThere) {
  Browser commands(page);
  std::list<Browser> readers;
  for (int i = 0; i < 2; ++i) ASSERT_EQ(readers.emplace_back(page).listen(), http::status::ok);
  ASSERT_TRUE(flag_of(commands.command("break 412 on a if lun == 0"), "ok"));
  auto client = std::async(std::launch::async, [] {
    return pair->smb("a", "share0", "lcd " + pair->directory().string() + "; put f f");
  });
  for (Browser& reader : readers) {
    const json::object stop = reader.next("stop");
    ASSERT_TRUE(stop.contains("at")) << json::serialize(stop);
    const json::object& at = stop.at("at").as_object();
    EXPECT_EQ(text_of(at, "node") + "." + text_of(at, "layer"), "a.ff_driver");
    EXPECT_EQ(number_of(at, "step"), 412U);
    const std::uint64_t lsn = number_of(at, "lsn");
    json::object ledger;
    std::uint64_t cached = 0;
    while (cached != lsn) {  // what was read before the stop comes first
      const json::object stores = reader.next("stores");
      ASSERT_FALSE(stores.empty());
      ledger = stores.at("ledger").as_object();
      const json::value& operations = ledger.at("luns").at(0).at("operations");
      const json::array& newest = operations.at("newest").as_array();
      if (!newest.empty()) cached = newest.back().at("lsn").to_number<std::uint64_t>();
    }
    for (const auto& [node, lost] : ledger.at("lost_with").as_object())
      EXPECT_EQ(lost.at("count").to_number<int>(), 0) << node;
  }
  const json::object irp = commands.command("irp");
  EXPECT_TRUE(flag_of(irp, "ok")) << json::serialize(irp);
  ASSERT_TRUE(flag_of(commands.command("delete 1"), "ok"));
  ASSERT_TRUE(flag_of(commands.command("continue"), "ok"));
  EXPECT_TRUE(readers.front().next("run").at("stopped").is_null());
  EXPECT_FALSE(readers.front().next("points").at("points").as_array().empty());
  EXPECT_EQ(client.get().exit_code, 0);
  // One who comes late hears at once how it is.
  ASSERT_EQ(readers.emplace_back(page).listen(), http::status::ok);
  EXPECT_TRUE(readers.back().next("state").at("stopped").is_null());
}

TEST_F(RealPage, RefusesWhatIsTooLargeOrNoHttp) {
  Browser large(page);
  EXPECT_EQ(large.ask(large.request(http::verb::post, "/command", std::string(5000, 'x'))).result(),
            http::status::payload_too_large);
  Browser announced(page);
  announced.send("POST /command HTTP/1.1\r\nHost: " + page.host() +
                 "\r\nContent-Length: 18446744073709551615\r\n\r\n");
  EXPECT_EQ(announced.answer().result(), http::status::payload_too_large);
  Browser chunked(page);
  chunked.send("POST /command HTTP/1.1\r\nHost: " + page.host() +
               "\r\nTransfer-Encoding: chunked\r\n\r\n1388\r\n" + std::string(5000, 'x'));
  EXPECT_EQ(chunked.answer().result(), http::status::payload_too_large);
  Browser headers(page);
  headers.send("GET / HTTP/1.1\r\nHost: " + page.host() + "\r\nX: " + std::string(9000, 'x'));
  EXPECT_EQ(headers.answer().result(), http::status::request_header_fields_too_large);
  Browser garbage(page);
  garbage.send("\x01\x02\x03 this is not HTTP\r\n\r\n");
  EXPECT_EQ(garbage.answer().result(), http::status::bad_request);
  Browser after(page);
  EXPECT_TRUE(flag_of(after.command("where"), "ok"));
}

TEST_F(RealPage, ServesSixteenConnectionsAndTurnsTheNextAway) {
  std::list<Browser> readers;
  for (std::size_t i = 0; i < PageServer::kMaxConnections; ++i)
    ASSERT_EQ(readers.emplace_back(page).listen(), http::status::ok);
  EXPECT_EQ(Browser(page).answer().result(), http::status::service_unavailable);
  readers.pop_front();
  const auto freed = [&](const Pair&) {
    Browser browser(page);
    return flag_of(browser.command("where"), "ok");
  };
  EXPECT_TRUE(pair->wait_until(freed, 10)) << "whoever goes makes room";
  EXPECT_FALSE(readers.back().next("points").empty()) << "the others still hear";
}

TEST_F(RealPage, LetsEverythingGoWhenItEnds) {
  Browser browser(page);
  ASSERT_TRUE(flag_of(browser.command("pause"), "ok"));
  EXPECT_EQ(page.end(), 0);
  EXPECT_EQ(pair->smb("a", "share0", "ls").exit_code, 0);
}

TEST(RealPageUnderLoad, NeverSaysThatSomethingWouldBeLostThoughAllMovesWhileItReads) {
  Pair busy(Pair::Settings{{"flush_interval_ms", "20"}});
  const std::filesystem::path files = busy.directory() / "files";
  std::filesystem::create_directory(files);
  for (int i = 0; i < 100; ++i) std::ofstream(files / ("f" + std::to_string(i))) << i;
  ASSERT_TRUE(busy.start_mirrored());
  PageProcess beside(busy);
  Browser browser(beside);
  std::string rounds;
  for (int i = 0; i < 40; ++i) rounds += "; mput *";
  auto client = std::async(std::launch::async, [&] {
    return busy.smb("a", "share0", "lcd " + files.string() + "; prompt" + rounds);
  });
  int asked = 0;
  while (client.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    const json::object answer = browser.command("ledger");
    ASSERT_TRUE(flag_of(answer, "ok"));
    for (const auto& [node, lost] : answer.at("data").at("ledger").at("lost_with").as_object())
      ASSERT_TRUE(lost.as_array().empty()) << asked << ": with " << node << " " << lost;
    ++asked;
  }
  EXPECT_GT(asked, 0);
  EXPECT_EQ(client.get().exit_code, 0);
}

TEST(PageServer, DropsTheOldestForAReaderThatIsSlowAndSaysHowMuch) {
  constexpr std::uint64_t kEvents = 4 * PageServer::kMaxQueue;
  PageServer server([](const std::string&, const auto& answer) { answer("{}"); });
  ASSERT_EQ(server.listen(0), "");
  std::thread serving([&server] { server.run(); });
  Browser reader(Address{server.address()});
  ASSERT_EQ(reader.listen(), http::status::ok);
  // More than the sockets' buffers take. An answer to a command comes after all of it is queued.
  for (std::uint64_t i = 1; i <= kEvents; ++i) {
    const std::string filling(std::size_t{256} * 1024, 'x');
    server.publish("news", json::serialize(json::object{{"number", i}, {"filling", filling}}));
  }
  Browser(Address{server.address()}).command("");
  std::uint64_t last = 0;
  std::uint64_t lost = 0;
  while (last != kEvents) {
    const auto [name, data] = reader.next();
    ASSERT_FALSE(name.empty());
    if (name == "lost") {
      lost += number_of(data, "events");
      last += number_of(data, "events");
    } else {
      EXPECT_EQ(number_of(data, "number"), ++last) << "in order, and none is missing unsaid";
    }
  }
  EXPECT_GT(lost, 0U);
  server.stop();
  serving.join();
}

}  // namespace
}  // namespace understudy
