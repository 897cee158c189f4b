#include "tools/stepper/page_gate.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <array>

#include "iomgr/check.h"

namespace understudy::stepper {

PageGate::PageGate() {
  std::array<unsigned char, 32> random{};
  UNDERSTUDY_CHECK(RAND_bytes(random.data(), static_cast<int>(random.size())) == 1);
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (const unsigned char each : random) {
    token_ += kDigits[each >> 4];
    token_ += kDigits[each & 15];
  }
}

void PageGate::set_port(std::uint16_t port) {
  host_ = "127.0.0.1:" + std::to_string(port);
}

bool PageGate::is_for_us(std::string_view host, std::optional<std::string_view> origin) const {
  return host == host_ && (!origin || *origin == "http://" + host_);
}

bool PageGate::knows(std::string_view token) const {
  return token.size() == token_.size() &&
         CRYPTO_memcmp(token.data(), token_.data(), token_.size()) == 0;
}

}  // namespace understudy::stepper
