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

Octets negotiate_with(std::uint16_t count, ConstBytes contexts) {
  Octets body = TestRequests::negotiate_body({smb2::kDialect311}, {2, 1});
  body.resize(kContextsAt);
  body[kCountAt] = static_cast<std::uint8_t>(count);
  body[kCountAt + 1] = static_cast<std::uint8_t>(count >> 8);
  body.insert(body.end(), contexts.begin(), contexts.end());
  return body;
}

void add_context(WireWriter& writer, std::string_view name, const Octets& data, bool last) {
  const std::size_t start = writer.size();
  writer.u32(0);
  writer.u16(16);
  writer.u16(static_cast<std::uint16_t>(name.size()));
  writer.u16(0);
  writer.u16(data.empty() ? 0 : 24);
  writer.u32(static_cast<std::uint32_t>(data.size()));
  writer.append(as_bytes(name));
  writer.align(8);
  writer.append(data);
  if (last) return;
  writer.align(8);
  writer.patch(start, static_cast<std::uint32_t>(writer.size() - start));
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
  if (contexts) static_cast<void>(smb2::answer_create_contexts(*contexts, 1, 2));
}

std::vector<Octets> create_context_seeds() {
  std::vector<Octets> seeds;
  WireWriter all;
  for (const auto& [name, size] :
       std::vector<std::pair<std::string_view, std::size_t>>{{"MxAc", 0},
                                                             {"QFid", 0},
                                                             {"AlSi", 8},
                                                             {"RqLs", 32},
                                                             {"RqLs", 52},
                                                             {"DH2Q", 32},
                                                             {"DHnC", 16},
                                                             {"SecD", 20},
                                                             {"ExtA", 0}}) {
    WireWriter alone;
    add_context(alone, name, Octets(size, 7), true);
    seeds.push_back(alone.release());
    add_context(all, name, Octets(size, 7), name == "ExtA");
  }
  seeds.push_back(all.release());
  return seeds;
}

}  // namespace understudy::fuzz
