#include <algorithm>

#include "netstack/auth/authenticator.h"
#include "netstack/auth/test_client.h"
#include "tests/fuzz/targets.h"

namespace understudy::fuzz {
namespace {

using auth::Authenticator;

/// The same in every run, so that an input repeats itself.
class SameRandom final : public Random {
 public:
  void fill(Bytes out) override { std::ranges::fill(out, std::uint8_t{0x5A}); }
};

Accounts accounts() {
  std::string error;
  Accounts all;
  all.put("user", *nt_hash("Password", error), error);
  return all;
}

struct Logon {
  Accounts known = accounts();
  SameRandom random;
  Authenticator server{
      known, random, {"HOUSE", "LAB", "house.lab", "lab"}, 133'000'000'000'000'000};
};

}  // namespace

void run_logon(ConstBytes input) {
  Logon logon;
  Pieces pieces(input);
  while (!pieces.done()) static_cast<void>(logon.server.accept(pieces.piece()));
}

/// A whole logon each, in SPNEGO and without.
std::vector<Octets> logon_seeds() {
  std::vector<Octets> seeds;
  for (const bool wrapped : {true, false}) {
    Logon logon;
    auth::TestClient client;
    client.user = "user";
    client.with_mech_list_mic = false;
    const Octets plain = client.negotiate();
    const Octets first = wrapped ? client.wrap_first(plain) : plain;
    const Authenticator::Result answer = logon.server.accept(first);
    static constexpr std::string_view kSignature("NTLMSSP\0", 8);
    const auto start =
        std::search(answer.token.begin(), answer.token.end(), kSignature.begin(), kSignature.end());
    std::string error;
    const Octets reply =
        client.authenticate(Octets(start, answer.token.end()), *nt_hash("Password", error));
    Octets seed;
    add_piece(seed, first);
    add_piece(seed, wrapped ? client.wrap_next(reply) : reply);
    seeds.push_back(std::move(seed));
  }
  return seeds;
}

}  // namespace understudy::fuzz
