// MD4 (RFC 1320). Broken as a hash; it is here only because NTLM stores passwords as MD4 (MS-NLMP
// section 3.3.1), and because OpenSSL 3 keeps it in a provider that need not be installed.
#pragma once

#include <array>

#include "iomgr/bytes.h"

namespace understudy {

std::array<std::uint8_t, 16> md4(ConstBytes message);

}  // namespace understudy
