// HMAC-SHA256 (RFC 2104, FIPS 180-4) of one piece of text, by which nodes prove to each other that
// they know the cluster's key. (netstack signs every frame, with contexts that are kept:
// auth/crypto.h.)
#pragma once

#include <array>

#include "iomgr/bytes.h"

namespace understudy {

using Hmac = std::array<std::uint8_t, 32>;

Hmac hmac_sha256(ConstBytes key, ConstBytes text);

/// Takes the same time wherever they differ.
bool equal_in_constant_time(ConstBytes one, ConstBytes other);

}  // namespace understudy
