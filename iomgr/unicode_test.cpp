#include "iomgr/unicode.h"

#include <gtest/gtest.h>

#include <clocale>
#include <random>

namespace understudy {
namespace {

using Wide = std::vector<std::uint8_t>;

Wide wide(std::u16string_view units) {
  Wide out;
  for (const char16_t unit : units) {
    out.push_back(static_cast<std::uint8_t>(unit & 0xFF));
    out.push_back(static_cast<std::uint8_t>(unit >> 8));
  }
  return out;
}

std::string utf8(std::u16string_view units) {
  return utf8_from_utf16le(wide(units)).value_or("refused");
}

TEST(Unicode, ConvertsCharactersOfEveryLength) {
  constexpr std::string_view text = "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xF4\x8F\xBF\xBF";
  constexpr std::u16string_view units = u"A\u00E9\u20AC\U0001F600\U0010FFFF";
  EXPECT_EQ(utf16le_from_utf8(text), wide(units));
  EXPECT_EQ(utf8(units), text);
  EXPECT_EQ(utf16_length(text), 7U);
  EXPECT_EQ(utf16le_from_utf8(""), Wide{});
  EXPECT_EQ(utf8(u""), "");
}

TEST(Unicode, KeepsUnpairedSurrogates) {
  const std::u16string high = {u'a', 0xD800, u'b'};
  const std::u16string low_then_high = {0xDC00, 0xD800};
  EXPECT_EQ(utf8(high),
            "a\xED\xA0\x80"
            "b");
  for (const auto& units : {high, low_then_high}) {
    EXPECT_EQ(utf16le_from_utf8(utf8(units)), wide(units));
    EXPECT_EQ(utf16_length(utf8(units)), units.size());
  }
}

TEST(Unicode, RefusesUnpairedSurrogatesWhereAsked) {
  const std::u16string high = {u'a', 0xD800};
  EXPECT_EQ(utf8_from_utf16le(wide(high), UnpairedSurrogates::refuse), std::nullopt);
  EXPECT_EQ(utf16le_from_utf8("a\xED\xA0\x80", UnpairedSurrogates::refuse), std::nullopt);
  EXPECT_TRUE(utf16le_from_utf8("\xF0\x9F\x98\x80", UnpairedSurrogates::refuse));
}

TEST(Unicode, HasOneSpellingForASurrogatePair) {
  EXPECT_EQ(utf16le_from_utf8("\xED\xA0\xBD\xED\xB8\x80"), std::nullopt);
  EXPECT_EQ(utf16_length("\xED\xA0\xBD\xED\xB8\x80"), std::nullopt);
}

TEST(Unicode, RefusesWhatIsNotUtf8) {
  for (const std::string_view bad :
       {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC3", "\xC3(", "\xE0\x80\x80", "\xE2\x82",
        "\xE2\x82(", "\xF0\x80\x80\x80", "\xF0\x9F\x98", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
        "\xF8\x88\x80\x80\x80", "\xFE", "\xFF", "ok\xFF"}) {
    EXPECT_EQ(utf16le_from_utf8(bad), std::nullopt) << testing::PrintToString(bad);
    EXPECT_EQ(utf16_length(bad), std::nullopt) << testing::PrintToString(bad);
  }
}

TEST(Unicode, RefusesHalfAUnit) {
  EXPECT_EQ(utf8_from_utf16le(Wide{'a', 0, 'b'}), std::nullopt);
}

TEST(Unicode, RoundTripsWhateverAClientSends) {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    std::u16string units(random() % 12, u' ');
    for (char16_t& unit : units) {
      // Every second unit is a surrogate, so that pairs and halves of all kinds come up.
      unit = static_cast<char16_t>(random() % 2 == 0 ? random() : 0xD800 + random() % 0x800);
    }
    const auto text = utf8_from_utf16le(wide(units));
    ASSERT_TRUE(text);
    ASSERT_EQ(utf16le_from_utf8(*text), wide(units));
    ASSERT_EQ(utf16_length(*text), units.size());
  }
}

TEST(Unicode, NeverReadsBeyondRandomBytes) {
  std::mt19937 random(2);
  for (int round = 0; round < 20000; ++round) {
    std::vector<char> bytes(random() % 8);
    for (char& byte : bytes) byte = static_cast<char>(random() | 0x80U);
    const std::string_view text(bytes.data(), bytes.size());
    const auto converted = utf16le_from_utf8(text);
    if (converted) {
      ASSERT_EQ(utf8_from_utf16le(*converted), text);
    }
    ASSERT_EQ(fold(fold(text)), fold(text));
  }
}

TEST(Fold, MakesUpperCaseInEveryScript) {
  EXPECT_EQ(fold("readMe.txt"), "README.TXT");
  EXPECT_EQ(fold("\xC3\xA9t\xC3\xA9"), "\xC3\x89T\xC3\x89");  // été
  EXPECT_EQ(fold("\xCE\xB1\xCF\x89"), "\xCE\x91\xCE\xA9");    // αω
  EXPECT_EQ(fold("\xD0\xBF\xD1\x80"), "\xD0\x9F\xD0\xA0");    // пр
  EXPECT_EQ(fold("\xC3\xBF"), "\xC5\xB8");                    // ÿ
  EXPECT_EQ(fold("\xEF\xBD\x81"), "\xEF\xBC\xA1");            // wide a
  EXPECT_EQ(fold("stra\xC3\x9F\x65"), "STRA\xC3\x9F\x45");    // ß is one to one
  EXPECT_EQ(fold("\xF0\x90\x90\xA8"), "\xF0\x90\x90\xA8");    // beyond the plane
  EXPECT_EQ(fold("\xE4\xB8\xAD"), "\xE4\xB8\xAD");            // has no case
}

TEST(Fold, MakesNoAsciiOfOtherCharacters) {
  EXPECT_EQ(fold("\xC4\xB1"), "\xC4\xB1");  // dotless i
  EXPECT_EQ(fold("\xC5\xBF"), "\xC5\xBF");  // long s
}

TEST(Fold, DoesNotDependOnTheLocaleOfTheProcess) {
  const std::string before = fold("i\xC3\xA9");
  const char* const old = std::setlocale(LC_ALL, "C.UTF-8");
  EXPECT_NE(old, nullptr);
  EXPECT_EQ(fold("i\xC3\xA9"), before);
  std::setlocale(LC_ALL, "C");
}

TEST(Fold, LeavesWhatIsNotUtf8AndHalvesOfPairs) {
  EXPECT_EQ(fold("a\xFF\xC3"), "A\xFF\xC3");
  EXPECT_EQ(fold("\xED\xA0\x80"), "\xED\xA0\x80");
}

TEST(Fold, OfAFoldIsTheSameForTheWholeBasicPlane) {
  for (char32_t code = 1; code <= 0xFFFF; ++code) {
    const std::u16string units(1, static_cast<char16_t>(code));
    const std::string once = fold(utf8(units));
    ASSERT_EQ(fold(once), once) << std::hex << static_cast<std::uint32_t>(code);
    ASSERT_EQ(utf16_length(once), 1U) << std::hex << static_cast<std::uint32_t>(code);
  }
}

}  // namespace
}  // namespace understudy
