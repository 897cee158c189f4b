// Who may log on: the accounts file, written by `cluster_app user add` and read by netstack.
//
// One line an account, `name:hash` or `name:hash:admin`, the hash as 32 hexadecimal digits; '#'
// starts a line of comment. `admin`: a member of the administrators, who may take ownership of any
// file. The hash is as good as the password, so the file is kept readable by its owner only.
// Invariant: every name in here passed check_account_name, and no two differ in case alone.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "iomgr/bytes.h"

namespace understudy {

using NtHash = std::array<std::uint8_t, 16>;

struct Account {
  std::string name;  // UTF-8, in the case in which it was added
  NtHash nt_hash{};
  bool admin = false;
};

inline constexpr std::size_t max_account_name_length = 64;       // UTF-16 units
inline constexpr std::size_t max_password_length = 256;          // UTF-16 units
inline constexpr std::size_t max_accounts_file_size = 1U << 20;  // bytes

/// NTOWFv1 (MS-NLMP section 3.3.1): MD4 of the password in UTF-16LE. nullopt, with the reason in
/// `error`, for a password that is empty, too long, not UTF-8 or has control characters in it.
std::optional<NtHash> nt_hash(std::string_view password, std::string& error);

/// Whether `name` may be an account's: 1 to 64 UTF-16 units of UTF-8, none of Windows' forbidden
/// characters (MS-SAMR section 3.1.1.6), no '#' at the start, no blank at either end. The reason in
/// `error` if not.
bool check_account_name(std::string_view name, std::string& error);

/// By which descriptors know the account (the RID of its SID, MS-DTYP 2.4.2): made from the name,
/// so that it is the same on every node and after every restart. At least 1000, as Windows'
/// accounts.
std::uint32_t account_number(std::string_view name);

/// All operations that can fail say so in their result and say why in `error`, a sentence for the
/// person at the command line.
class Accounts {
 public:
  enum class Missing { is_an_error, is_empty };

  /// The error names the line.
  static std::optional<Accounts> parse(std::string_view text, std::string& error);
  /// What parse reads. Comments and blank lines that were parsed come back in their places.
  std::string format() const;

  static std::optional<Accounts> load(const std::string& path, std::string& error,
                                      Missing missing = Missing::is_an_error);
  /// Replaces the file in one step, durable when it returns true; after a crash or a failure the
  /// old file is there, whole. Mode 0600; the owner of a file that is replaced stays.
  bool save(const std::string& path, std::string& error) const;

  std::vector<Account> list() const;
  /// Without regard to case; nullptr if there is none. Valid until the next change.
  const Account* find(std::string_view name) const;
  /// Adds the account, or gives the one of that name the new hash and spelling; an administrator
  /// stays one. Refuses the name
  /// whose number is another's already (one of two thousand million).
  bool put(std::string_view name, const NtHash& hash, std::string& error, bool admin = false);
  /// False if there is none.
  bool remove(std::string_view name);

 private:
  struct Entry {
    std::string comments;  // the lines that stand above it
    std::string folded;
    Account account;
  };

  std::vector<Entry>::const_iterator position(std::string_view name) const;

  std::vector<Entry> entries_;
  std::map<std::uint32_t, std::string> numbers_;  // whose they are
  std::string last_comments_;
};

}  // namespace understudy
