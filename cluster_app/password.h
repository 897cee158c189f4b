// Asking a person for a password.
#pragma once

#include <optional>
#include <string>

#include "cluster_app/console.h"
#include "iomgr/accounts.h"

namespace understudy {

/// The NT hash of the password for `user`: one line of standard input, or from the terminal, twice
/// and without echo. Nothing, with the reason in `error`, if there is none that may be one.
std::optional<NtHash> ask_password(Console& console, const std::string& user, bool from_stdin,
                                   std::string& error);

}  // namespace understudy
