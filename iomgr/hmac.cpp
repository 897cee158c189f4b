#include "iomgr/hmac.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "iomgr/check.h"

namespace understudy {

Hmac hmac_sha256(ConstBytes key, ConstBytes text) {
  Hmac mac{};
  unsigned length = 0;
  const std::uint8_t* const made = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                                        text.data(), text.size(), mac.data(), &length);
  UNDERSTUDY_CHECK(made != nullptr && length == mac.size());
  return mac;
}

bool equal_in_constant_time(ConstBytes one, ConstBytes other) {
  return one.size() == other.size() && CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

}  // namespace understudy
