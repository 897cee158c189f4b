// The contexts of NEGOTIATE (MS-SMB2 section 2.2.3.1) and of CREATE (section 2.2.13.2).
#include "netstack/smb2/create_contexts.h"
#include "netstack/smb2/test_client.h"
#include "tests/fuzz/targets.h"

namespace understudy::fuzz {
namespace {

using smb2::Command;
using smb2::TestRequests;

constexpr std::size_t kCountAt = 32;     // NegotiateContextCount, in the body
constexpr std::size_t kContextsAt = 40;  // one dialect, and padding up to 8 bytes
constexpr std::size_t kCreateSize = 56;  // of the body, without name and contexts

Octets negotiate_with(std::uint16_t count, ConstBytes contexts) {
  Octets body = TestRequests::negotiate_body({smb2::kDialect311}, {2, 1});
  body.resize(kContextsAt);
  body[kCountAt] = static_cast<std::uint8_t>(count);
  body[kCountAt + 1] = static_cast<std::uint8_t>(count >> 8);
  body.insert(body.end(), contexts.begin(), contexts.end());
  return body;
}

}  // namespace

void run_negotiate(ConstBytes input) {
  if (input.size() < 2) return;
  const auto count = static_cast<std::uint16_t>(input[0] | input[1] << 8);
  smb2::TestNode node;
  smb2::TestClient client(node);
  client.send_as_it_is(client.message(Command::negotiate, negotiate_with(count, input.subspan(2))));
  while (client.receive()) {
  }
  client.hang_up();
}

std::vector<Octets> negotiate_seeds() {
  std::vector<Octets> seeds;
  for (const std::vector<std::uint16_t>& ciphers :
       {std::vector<std::uint16_t>{}, std::vector<std::uint16_t>{2, 1, 4, 3}}) {
    const Octets body = TestRequests::negotiate_body({smb2::kDialect311}, {2, 1}, ciphers);
    Octets& seed = seeds.emplace_back(body.begin() + kCountAt, body.begin() + kCountAt + 2);
    seed.insert(seed.end(), body.begin() + kContextsAt, body.end());
  }
  return seeds;
}

void run_create_contexts(ConstBytes input) {
  const Result<smb2::CreateContexts> contexts = smb2::parse_create_contexts(input);
  if (!contexts) return;
  for (const auto kind : {DurableKind::none, DurableKind::durable, DurableKind::persistent})
    static_cast<void>(
        smb2::answer_create_contexts(*contexts, {.object = 1, .volume = 2, .durable = kind}));
}

std::vector<Octets> create_context_seeds() {
  using Contexts = std::vector<std::pair<std::string_view, Octets>>;
  const Contexts all = {{"MxAc", {}},
                        {"QFid", {}},
                        {"AlSi", Octets(8, 7)},
                        {"TWrp", Octets(8, 7)},
                        {"RqLs", Octets(32, 7)},
                        {"RqLs", Octets(52, 7)},
                        {"DHnQ", Octets(16)},
                        {"DHnC", TestRequests::reconnect({1, 1})},
                        {"DH2Q", TestRequests::durable_v2(2)},
                        {"DH2C", TestRequests::reconnect_v2({1, 1}, 2)},
                        {TestRequests::kAppInstance, TestRequests::app_instance()},
                        {"SecD", Octets(20, 7)},
                        {"ExtA", Octets(12, 7)}};
  const auto chain = [](const Contexts& contexts) {
    const Octets body = TestRequests::with_contexts(Octets(kCreateSize), contexts);
    return Octets(body.begin() + kCreateSize, body.end());
  };
  std::vector<Octets> seeds = {chain(all)};
  for (const auto& each : all) seeds.push_back(chain({each}));
  return seeds;
}

}  // namespace understudy::fuzz
