// For the tests of this folder: a node's netstack between a file system in memory and a scripted
// client, all in one process on virtual time.
#pragma once

#include <gtest/gtest.h>

#include "iomgr/local/local_host.h"
#include "iomgr/unicode.h"
#include "iomgr/wire.h"
#include "netstack/auth/signing.h"
#include "netstack/auth/test_client.h"
#include "netstack/netstack.h"
#include "netstack/smb2/header.h"
#include "netstack/smb2/open.h"
#include "netstack/smb2/test_file_system.h"
#include "netstack/smb2/test_network.h"
#include "netstack/smb2/test_requests.h"

namespace understudy::smb2 {

inline constexpr std::string_view kAddress = "10.0.0.1:445";
inline constexpr std::string_view kServe =
    R"({"address": "10.0.0.1:445", "server": "HOUSE", "shares": [{"name": "share0", "lun": 7}],
        "accounts": "user:HASH\nother:HASH\n"})";

/// Gives orders as cluster_app does.
class TestOrders : public Driver {
 public:
  explicit TestOrders(Seams seams)
      : Driver(Layer::cluster_app, seams), payload_(arena().region(Layer::cluster_app)) {}

  void give(ClusterMinor minor, std::string text = {}) {
    last.reset();
    spawn(run(minor, std::move(text)));
  }
  std::optional<Irp> last;  // completed

 private:
  Task<void> run(ClusterMinor minor, std::string text) {
    Irp irp = make_irp(Major::cluster, minor);
    const std::optional<BufferRef> ref = payload_.allocate(text.size());
    irp.payload = {ref->offset, static_cast<std::uint32_t>(text.size()), ref->capacity};
    std::copy(text.begin(), text.end(), arena().room(irp.payload)->begin());
    const Status status = co_await call(Layer::netstack, irp);
    static_cast<void>(status);
    payload_.free(*ref);
    last = irp;
  }
  RegionAllocator payload_;
};

/// The node.
struct TestNode {
  VirtualLoop loop;
  Wire wire;
  LocalHost host{loop, wire, "a"};
  TestFileSystem files{host.seams(Layer::ff_driver)};
  TestNetwork network{host.seams(Layer::netstack).network, host.executor(Layer::netstack)};
  Netstack netstack{with_network(host.seams(Layer::netstack), network)};
  TestOrders orders{host.seams(Layer::cluster_app)};

  explicit TestNode(bool serves = true, std::uint64_t seed = 0) : loop(seed) {
    host.link(netstack, files);
    host.link(orders, netstack);
    if (!serves) return;
    EXPECT_EQ(order(ClusterMinor::serve, serve_text()), Status::success);
  }
  static Seams with_network(Seams seams, Network& network) {
    return {seams.executor, network,      seams.random, seams.arena,
            seams.trace,    seams.faults, seams.log};
  }
  static std::string serve_text(std::string_view more = {}) {
    std::string error;
    std::string text(kServe);
    std::string hash = auth::to_hex(*nt_hash("Password", error));
    for (std::size_t at = text.find("HASH"); at != std::string::npos; at = text.find("HASH")) {
      text.replace(at, 4, hash);
    }
    if (!more.empty()) text.insert(1, std::string(more) + ",");
    return text;
  }
  Status order(ClusterMinor minor, std::string text = {}) {
    orders.give(minor, std::move(text));
    loop.run_until([this] { return orders.last.has_value(); });
    return orders.last ? orders.last->status : Status::io_timeout;
  }
  LayerReport ping() {
    EXPECT_EQ(order(ClusterMinor::ping), Status::success);
    return orders.last->report;
  }
};

struct Response {
  Header header;
  Octets message;
  Octets body;
  bool sealed = false;
  Status status() const { return static_cast<Status>(header.status); }
};

/// A client that does what a test says, and checks every signature that it gets.
class TestClient : public TestRequests {
 public:
  explicit TestClient(TestNode& node) : node_(node), executor_(node.loop.make_executor()) {
    network_ = std::make_unique<LocalNetwork>(node.wire, *executor_);
    scope_.spawn(connect());
    node_.loop.run_ready();
  }
  ~TestClient() { scope_.clear(); }

  // What the next request has in its header.
  std::uint64_t next_id = 0;
  std::uint64_t session_id = 0;
  std::uint32_t tree_id = 0;
  std::uint16_t credits_wanted = 1;
  std::uint16_t credit_charge = 1;
  std::uint32_t flags = 0;
  std::uint32_t reserved = 0;
  std::uint16_t channel_sequence = 0;
  std::uint8_t guid = 0xC0;  // each byte of its ClientGuid
  bool signs = true;
  std::uint16_t dialect = 0;
  std::int64_t credits = 1;
  bool closed = false;

  std::vector<std::uint16_t> ciphers;  // offered in 3.1.1
  auth::Cipher cipher = auth::Cipher::none;
  bool seals = false;  // encrypts what it sends, from the logon on

  std::string user = "user";
  std::string password = "Password";
  bool anonymous = false;  // it asks to be nobody

  /// A message, signed if the client has a key.
  Octets message(Command command, ConstBytes body, std::size_t next_command = 0) {
    Header header;
    header.command = static_cast<std::uint16_t>(command);
    header.credit_charge = credit_charge;
    header.credits = credits_wanted;
    header.flags = flags;
    header.message_id = next_id;
    header.session_id = session_id;
    header.tree_id = tree_id;
    header.reserved = reserved;
    header.status = channel_sequence;
    header.next_command = static_cast<std::uint32_t>(next_command);
    next_id += credit_charge;
    credits -= credit_charge;
    Octets out(kHeaderSize);
    encode_header(header, out);
    out.insert(out.end(), body.begin(), body.end());
    if (next_command != 0) out.resize(next_command);
    if (signs && signer_) signer_->sign(out);
    return out;
  }
  /// A compound of messages, padded and chained.
  Octets compound(const std::vector<std::pair<Command, Octets>>& parts, std::uint32_t more_flags) {
    Octets frame;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const bool last = i + 1 == parts.size();
      flags = i == 0 ? 0 : more_flags;
      const std::size_t size = (kHeaderSize + parts[i].second.size() + 7) / 8 * 8;
      const Octets one = message(parts[i].first, parts[i].second, last ? 0 : size);
      frame.insert(frame.end(), one.begin(), one.end());
    }
    flags = 0;
    return frame;
  }

  Octets sealed(ConstBytes frame) {
    Octets out(auth::transform_header_size);
    out.insert(out.end(), frame.begin(), frame.end());
    sealer_->seal(out, session_id);
    return out;
  }
  /// Of the request that was answered with `interim` (section 2.2.1.1), or of a message id.
  void cancel(const Response& interim) {
    const std::uint64_t next = std::exchange(next_id, interim.header.message_id);
    const std::uint32_t tree =
        std::exchange(tree_id, interim.header.has(kFlagAsync) ? interim.header.tree_id : tree_id);
    reserved = interim.header.reserved;
    flags = interim.header.flags & kFlagAsync;
    send(message(Command::cancel, empty_body()));
    flags = reserved = 0;
    tree_id = tree;
    next_id = next;
    credits += credit_charge;
  }

  void send(ConstBytes frame) {
    if (seals && sealer_) {
      send_as_it_is(sealed(frame));
    } else {
      send_as_it_is(frame);
    }
  }
  void send_as_it_is(ConstBytes frame) {
    Octets out = {0, static_cast<std::uint8_t>(frame.size() >> 16),
                  static_cast<std::uint8_t>(frame.size() >> 8),
                  static_cast<std::uint8_t>(frame.size())};
    out.insert(out.end(), frame.begin(), frame.end());
    send_raw(out);
  }
  void send_raw(Octets bytes) {
    scope_.spawn(write(std::move(bytes)));
    node_.loop.run_ready();
  }
  void hang_up() {
    stream_->close();
    node_.loop.run_ready();
  }

  /// The next response, if one has come.
  std::optional<Response> receive() {
    node_.loop.run_ready();
    if (arrived_.empty()) return std::nullopt;
    Response response = std::move(arrived_.front());
    arrived_.pop_front();
    credits += response.header.credits;
    return response;
  }
  /// One request and its response. A connection that was closed instead gives
  /// STATUS_CONNECTION_RESET.
  Response ask(Command command, ConstBytes body) {
    send(message(command, body));
    std::optional<Response> response = receive();
    if (response) return std::move(*response);
    Response none;
    none.header.status = static_cast<std::uint32_t>(Status::connection_reset);
    return none;
  }

  Response negotiate(std::vector<std::uint16_t> dialects,
                     std::vector<std::uint16_t> signing = {2, 1}) {
    const Octets request =
        message(Command::negotiate, negotiate_body(dialects, signing, ciphers, guid));
    send(request);
    Response response = receive().value_or(Response{});
    if (response.body.size() < 64 || failed(response.status())) return response;
    dialect = static_cast<std::uint16_t>(response.body[4] | response.body[5] << 8);
    preauth_.update(request);
    preauth_.update(response.message);
    algorithm_ = auth::default_signing_algorithm(dialect);
    if (!ciphers.empty()) cipher = static_cast<auth::Cipher>(ciphers.front());
    if (dialect == kDialect300 || dialect == kDialect302) cipher = auth::Cipher::aes_128_ccm;
    if (dialect == kDialect311) algorithm_ = static_cast<auth::SigningAlgorithm>(signing.front());
    return response;
  }

  /// SESSION_SETUP until the end; gives the last response.
  Response log_on(std::uint64_t previous_session = 0) {
    session_id = 0;
    return set_up(0, previous_session);
  }
  /// The connection becomes a channel of the other client's session, or not.
  Response bind_to(TestClient& other) {
    session_id = other.session_id;
    tree_id = other.tree_id;
    signer_ = other.signer_;
    return set_up(1, 0);
  }
  void take_key_of(const TestClient& other) { signer_ = other.signer_; }
  void share_sealer_of(const TestClient& other) { sealer_ = other.sealer_; }
  /// Proves itself once more.
  Response log_on_again() { return set_up(0, 0); }

  Response tree_connect(std::string_view share) {
    Response response = ask(Command::tree_connect, tree_connect_body(share));
    if (ok(response.status())) tree_id = response.header.tree_id;
    return response;
  }

  /// All the way to a tree.
  void begin(std::uint16_t with_dialect = kDialect311) {
    ASSERT_EQ(negotiate({with_dialect}).status(), Status::success);
    credits_wanted = 64;
    ASSERT_EQ(log_on().status(), Status::success);
    ASSERT_EQ(tree_connect("share0").status(), Status::success);
  }

  Response create(std::string_view path, std::uint32_t disposition = 3, std::uint32_t options = 0,
                  std::uint32_t access = 0x02000000) {
    Response response = ask(Command::create, create_body(path, disposition, options, access));
    if (ok(response.status())) file = file_id(response);
    return response;
  }
  static FileId file_id(const Response& response) { return TestRequests::file_id(response.body); }
  FileId file;  // of the last create()

  /// Data of a READ response, or the text of any output buffer that starts at `at` of the body.
  static std::string text(const Response& response, std::size_t at = 16) {
    return response.body.size() < at
               ? ""
               : std::string(response.body.begin() + static_cast<std::ptrdiff_t>(at),
                             response.body.end());
  }

  std::size_t bad_signatures = 0;
  std::vector<Octets> nonces;  // of the sealed frames that came

 private:
  Response set_up(std::uint8_t setup_flags, std::uint64_t previous_session) {
    auth::PreauthIntegrityHash hash = preauth_;
    auth::TestClient ntlm;
    ntlm.user = user;
    ntlm.with_mech_list_mic = false;
    Octets request = message(Command::session_setup, setup_body(ntlm.wrap_first(ntlm.negotiate()),
                                                                previous_session, setup_flags));
    hash.update(request);
    send(request);
    Response response = receive().value_or(Response{});
    if (response.status() != Status::more_processing_required) return response;
    session_id = response.header.session_id;
    hash.update(response.message);

    const Octets token(response.body.begin() + 8, response.body.end());
    constexpr std::string_view kSignature("NTLMSSP\0", 8);
    const auto start =
        std::search(token.begin(), token.end(), kSignature.begin(), kSignature.end());
    const Octets challenge(start, token.end());
    std::string error;
    const Octets answer =
        ntlm.wrap_next(anonymous ? ntlm.nobody(challenge)
                                 : ntlm.authenticate(challenge, *nt_hash(password, error)));
    request = message(Command::session_setup, setup_body(answer, previous_session, setup_flags));
    hash.update(request);
    auth::SessionKeys keys =
        auth::derive_session_keys(dialect, cipher, ntlm.session_key, hash.value());
    const bool again = signer_ && setup_flags == 0;
    if (!again) pending_signer_ = std::make_shared<auth::Signer>(algorithm_, keys.signing);
    send(request);
    response = receive().value_or(Response{});
    std::swap(keys.encryption, keys.decryption);
    if (!again && setup_flags == 0 && cipher != auth::Cipher::none)
      sealer_ = std::make_shared<auth::Sealer>(cipher, keys);
    return response;
  }

  Task<void> connect() {
    Result<std::shared_ptr<Stream>> stream = co_await network_->connect(std::string(kAddress));
    if (!stream) {
      closed = true;
      co_return;
    }
    stream_ = *stream;
    while (true) {
      Octets prefix(4);
      const Status prefix_read = co_await stream_->read(prefix);
      if (failed(prefix_read)) break;
      Octets frame(static_cast<std::size_t>(prefix[1]) << 16 |
                   static_cast<std::size_t>(prefix[2]) << 8 | prefix[3]);
      const Status frame_read = co_await stream_->read(frame);
      if (failed(frame_read)) break;
      take(std::move(frame));
    }
    closed = true;
  }

  void take(Octets frame) {
    const bool sealed = auth::is_sealed(frame);
    if (sealed) {
      nonces.emplace_back(frame.begin() + 20, frame.begin() + 36);
      EXPECT_EQ(auth::session_of_sealed(frame), session_id);
      EXPECT_TRUE(sealer_->open(frame));
      frame.erase(frame.begin(), frame.begin() + auth::transform_header_size);
    }
    const std::vector<Message> messages = split_compound(frame);
    EXPECT_FALSE(messages.empty());
    const bool decided = !messages.empty() && messages[0].header.is(Command::session_setup) &&
                         messages[0].header.status == static_cast<std::uint32_t>(Status::success);
    if (decided && pending_signer_) signer_ = std::exchange(pending_signer_, nullptr);
    for (const Message& each : messages) {
      const bool interim = each.header.status == static_cast<std::uint32_t>(Status::pending);
      if (interim && each.header.has(kFlagSigned)) ++bad_signatures;
      if (each.header.has(kFlagSigned) && signer_ && !signer_->verify(each.bytes)) ++bad_signatures;
      arrived_.push_back({each.header, Octets(each.bytes.begin(), each.bytes.end()),
                          Octets(each.bytes.begin() + kHeaderSize, each.bytes.end()), sealed});
    }
  }

  Task<void> write(Octets bytes) {
    const std::array<ConstBytes, 1> parts{bytes};
    const Status status = co_await stream_->write(parts);
    static_cast<void>(status);
  }

  TestNode& node_;
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<LocalNetwork> network_;
  std::shared_ptr<Stream> stream_;
  std::deque<Response> arrived_;
  auth::PreauthIntegrityHash preauth_;
  auth::SigningAlgorithm algorithm_{};
  std::shared_ptr<auth::Signer> signer_;
  std::shared_ptr<auth::Signer> pending_signer_;  // from the end of a SESSION_SETUP exchange on
  std::shared_ptr<auth::Sealer> sealer_;
  TaskScope scope_;
};

}  // namespace understudy::smb2
