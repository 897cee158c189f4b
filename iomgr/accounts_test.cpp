#include "iomgr/accounts.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "iomgr/md4.h"

namespace understudy {
namespace {

std::string hex(ConstBytes bytes) {
  std::string out;
  for (const std::uint8_t byte : bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    out.push_back(digits[byte >> 4]);
    out.push_back(digits[byte & 0xF]);
  }
  return out;
}

NtHash hash_of(std::string_view password) {
  std::string error;
  return nt_hash(password, error).value_or(NtHash{});
}

/// A directory that goes away with the test.
class AccountsFile : public testing::Test {
 protected:
  AccountsFile() {
    std::string name = testing::TempDir() + "accounts_XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  ~AccountsFile() override { std::filesystem::remove_all(directory_); }

  std::string path() const { return directory_ / "accounts"; }
  void write(std::string_view text) const { std::ofstream(path()) << text; }

  std::filesystem::path directory_;
  std::string error_;
};

TEST(Md4, GivesTheDigestsOfRfc1320) {
  EXPECT_EQ(hex(md4(as_bytes(""))), "31d6cfe0d16ae931b73c59d7e0c089c0");
  EXPECT_EQ(hex(md4(as_bytes("a"))), "bde52cb31de33e46245e05fbdbd6fb24");
  EXPECT_EQ(hex(md4(as_bytes("abc"))), "a448017aaf21d8525fc10ae87aa6729d");
  EXPECT_EQ(hex(md4(as_bytes("message digest"))), "d9130a8164549fe818874806e1c7014b");
  EXPECT_EQ(hex(md4(as_bytes("abcdefghijklmnopqrstuvwxyz"))), "d79e1c308aa5bbcdeea8ed63df412da9");
  EXPECT_EQ(hex(md4(as_bytes("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"))),
            "043f8582f241db351ce627e153e7f0e4");
  EXPECT_EQ(hex(md4(as_bytes("1234567890123456789012345678901234567890"
                             "1234567890123456789012345678901234567890"))),
            "e33b4ddc9c38f2199c3e7b164fcc0536");
}

TEST(NtHash, IsTheOneOfMsNlmpSection4221) {
  EXPECT_EQ(hex(hash_of("Password")), "a4f49c406510bdcab6824ee7c30fd852");
}

TEST(NtHash, TakesPasswordsBeyondAscii) {
  // Both agree with `iconv -t utf-16le | openssl dgst -md4` of the legacy provider.
  EXPECT_EQ(hex(hash_of("p\xC3\xA4ssw\xC3\xB6rd \xE2\x82\xAC \xF0\x9F\x94\x91")),
            "602668f8179af738e449e346eb99ea50");
}

TEST(NtHash, RefusesBadPasswordsAndSaysWhy) {
  std::string error;
  EXPECT_FALSE(nt_hash("", error));
  EXPECT_EQ(error, "the password is empty");
  EXPECT_FALSE(nt_hash("a\xFF", error));
  EXPECT_EQ(error, "the password is not valid UTF-8");
  EXPECT_FALSE(nt_hash("\xED\xA0\x80", error));
  EXPECT_EQ(error, "the password is not valid UTF-8");
  EXPECT_FALSE(nt_hash("secret\n", error));
  EXPECT_EQ(error, "the password has a control character in it (a line end, perhaps)");
  EXPECT_TRUE(nt_hash(std::string(max_password_length, 'x'), error));
  EXPECT_FALSE(nt_hash(std::string(max_password_length + 1, 'x'), error));
  EXPECT_EQ(error, "the password is longer than 256 characters");
}

TEST(AccountName, IsRefusedWhenWindowsWouldRefuseIt) {
  std::string error;
  EXPECT_TRUE(check_account_name("bob", error));
  EXPECT_TRUE(check_account_name("J\xC3\xBCrgen van Dyk", error));
  EXPECT_TRUE(check_account_name(std::string(max_account_name_length, 'x'), error));
  EXPECT_FALSE(check_account_name(std::string(max_account_name_length + 1, 'x'), error));
  for (const std::string_view bad :
       {"", " bob", "bob ", "#bob", "a:b", "a@b", "a\\b", "a/b", "a\tb", "a\nb", "\xC3", "a\x7F"}) {
    error.clear();
    EXPECT_FALSE(check_account_name(bad, error)) << bad;
    EXPECT_NE(error, "") << bad;
  }
}

TEST(Accounts, FindsNamesWithoutRegardToCase) {
  Accounts accounts;
  std::string error;
  ASSERT_TRUE(accounts.put("J\xC3\xBCrgen", hash_of("one"), error));
  const Account* found = accounts.find("J\xC3\x9CRGEN");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->name, "J\xC3\xBCrgen");
  EXPECT_EQ(accounts.find("Jurgen"), nullptr);
  EXPECT_EQ(accounts.find(""), nullptr);
}

TEST(Accounts, ReplaceAnAccountOfTheSameName) {
  Accounts accounts;
  std::string error;
  ASSERT_TRUE(accounts.put("bob", hash_of("one"), error));
  ASSERT_TRUE(accounts.put("Bob", hash_of("two"), error));
  ASSERT_EQ(accounts.list().size(), 1U);
  EXPECT_EQ(accounts.list()[0].name, "Bob");
  EXPECT_EQ(accounts.list()[0].nt_hash, hash_of("two"));
}

TEST(Accounts, ForgetARemovedAccount) {
  Accounts accounts;
  std::string error;
  ASSERT_TRUE(accounts.put("bob", hash_of("one"), error));
  EXPECT_TRUE(accounts.remove("BOB"));
  EXPECT_FALSE(accounts.remove("bob"));
  EXPECT_EQ(accounts.find("bob"), nullptr);
}

TEST(Accounts, RefuseABadNameAndStayAsTheyWere) {
  Accounts accounts;
  std::string error;
  EXPECT_FALSE(accounts.put("a:b", hash_of("one"), error));
  EXPECT_NE(error, "");
  EXPECT_TRUE(accounts.list().empty());
}

TEST(Accounts, KeepCommentsWhereTheyStand) {
  constexpr std::string_view text =
      "# who may log on\n"
      "\n"
      "bob:a4f49c406510bdcab6824ee7c30fd852\n"
      "  # the build server\n"
      "ci:00000000000000000000000000000001\n"
      "# end\n";
  std::string error;
  auto accounts = Accounts::parse(text, error);
  ASSERT_TRUE(accounts) << error;
  EXPECT_EQ(accounts->format(), text);
  ASSERT_TRUE(accounts->put("eve", hash_of("x"), error));
  ASSERT_TRUE(accounts->remove("ci"));
  EXPECT_EQ(accounts->format(), "# who may log on\n\nbob:a4f49c406510bdcab6824ee7c30fd852\neve:" +
                                    hex(hash_of("x")) + "\n# end\n");
}

TEST(Accounts, ReadLinesFromOtherSystemsAndALastLineWithoutEnd) {
  std::string error;
  const auto accounts = Accounts::parse(
      "bob:A4F49C406510BDCAB6824EE7C30FD852\r\n\r\nann:00000000000000000000000000000001", error);
  ASSERT_TRUE(accounts) << error;
  ASSERT_EQ(accounts->list().size(), 2U);
  EXPECT_EQ(accounts->list()[0].nt_hash, hash_of("Password"));
  EXPECT_EQ(accounts->list()[1].name, "ann");
}

TEST(Accounts, NameTheLineThatIsWrong) {
  constexpr std::string_view good = "# x\nbob:a4f49c406510bdcab6824ee7c30fd852\n";
  const auto error_of = [&](std::string_view line) {
    std::string error;
    EXPECT_FALSE(Accounts::parse(std::string(good) + std::string(line), error)) << line;
    return error;
  };
  EXPECT_EQ(error_of("ann"), "line 3: no ':' between name and hash");
  EXPECT_EQ(error_of("ann:12"), "line 3: the hash is not 32 hexadecimal digits");
  EXPECT_EQ(error_of("ann:g0000000000000000000000000000001"),
            "line 3: the hash is not 32 hexadecimal digits");
  EXPECT_EQ(error_of(":00000000000000000000000000000001"), "line 3: the user name is empty");
  EXPECT_EQ(error_of("BOB:00000000000000000000000000000001"),
            "line 3: the user 'BOB' stands there twice");
}

TEST_F(AccountsFile, ComesBackAsItWasSaved) {
  Accounts accounts;
  ASSERT_TRUE(accounts.put("bob", hash_of("one"), error_));
  ASSERT_TRUE(accounts.put("ann", hash_of("two"), error_));
  ASSERT_TRUE(accounts.save(path(), error_)) << error_;
  const auto loaded = Accounts::load(path(), error_);
  ASSERT_TRUE(loaded) << error_;
  EXPECT_EQ(loaded->format(), accounts.format());
}

TEST_F(AccountsFile, IsReadableByItsOwnerOnlyAndLeavesNothingBeside) {
  write("bob:a4f49c406510bdcab6824ee7c30fd852\n");
  ASSERT_EQ(::chmod(path().c_str(), 0644), 0);
  auto accounts = Accounts::load(path(), error_);
  ASSERT_TRUE(accounts);
  ASSERT_TRUE(accounts->save(path(), error_)) << error_;
  struct stat status {};
  ASSERT_EQ(::stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  const auto files = std::filesystem::directory_iterator(directory_);
  EXPECT_EQ(std::distance(begin(files), end(files)), 1);
}

TEST_F(AccountsFile, WhenMissingIsAnErrorOrEmptyAsTheCallerSays) {
  EXPECT_FALSE(Accounts::load(path(), error_));
  EXPECT_NE(error_.find("No such file"), std::string::npos) << error_;
  const auto empty = Accounts::load(path(), error_, Accounts::Missing::is_empty);
  ASSERT_TRUE(empty);
  EXPECT_TRUE(empty->list().empty());
}

TEST_F(AccountsFile, SaysWhichLineIsWrong) {
  write("bob\n");
  EXPECT_FALSE(Accounts::load(path(), error_));
  EXPECT_EQ(error_, "accounts file '" + path() + "', line 1: no ':' between name and hash");
}

TEST_F(AccountsFile, StaysWholeWhenItCannotBeReplaced) {
  write("bob:a4f49c406510bdcab6824ee7c30fd852\n");
  EXPECT_FALSE(Accounts().save(directory_ / "no" / "where", error_));
  EXPECT_NE(error_, "");
  // A directory stands in the way of the rename.
  std::filesystem::create_directory(directory_ / "taken");
  EXPECT_FALSE(Accounts().save(directory_ / "taken", error_));
  const auto files = std::filesystem::directory_iterator(directory_);
  EXPECT_EQ(std::distance(begin(files), end(files)), 2);
}

TEST_F(AccountsFile, IsRefusedWhenItIsTooLarge) {
  write(std::string(max_accounts_file_size + 1, '#'));
  EXPECT_FALSE(Accounts::load(path(), error_));
  EXPECT_NE(error_.find("larger than 1 MiB"), std::string::npos) << error_;
}

TEST(Accounts, KeepTheMarkOfAnAdministrator) {
  std::string error;
  const std::string text =
      "me:" + std::string(32, 'a') + ":admin\nyou:" + std::string(32, 'b') + "\n";
  auto accounts = Accounts::parse(text, error);
  ASSERT_TRUE(accounts.has_value()) << error;
  EXPECT_TRUE(accounts->find("me")->admin);
  EXPECT_FALSE(accounts->find("you")->admin);
  EXPECT_EQ(accounts->format(), text);
  ASSERT_TRUE(accounts->put("Me", NtHash{}, error));
  EXPECT_TRUE(accounts->find("me")->admin);
}

TEST(Accounts, AreKnownByANumberOfTheirName) {
  EXPECT_EQ(account_number("alice"), account_number("ALICE"));
  EXPECT_NE(account_number("alice"), account_number("bob"));
  EXPECT_GE(account_number("alice"), 1000U);
}

}  // namespace
}  // namespace understudy
