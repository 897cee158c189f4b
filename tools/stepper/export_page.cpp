// The page as one file. A browser loads no modules from files, so they become one script: each a
// function that gives what it exports.
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <ostream>
#include <sstream>
#include <stdexcept>

#include "tools/stepper/export.h"
#include "tools/stepper/page_data.h"
#include "tools/stepper/page_files.h"

namespace understudy::stepper {
namespace {

std::string_view content_of(const std::string& name) {
  for (const PageFile& each : page_files()) {
    if (each.path == "/" + name) return each.content;
  }
  throw std::logic_error("the page has no " + name);
}

std::string base64(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

/// As a Content-Security-Policy names a text that may run, or be a style.
std::string hash_source(std::string_view text) {
  std::string digest(32, '\0');
  if (EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr,
                 EVP_sha256(), nullptr) != 1)
    throw std::runtime_error("no SHA-256");
  return "'sha256-" + base64(digest) + "'";
}

/// The modules of the page in one text, each behind those that it imports. They have one import or
/// export a line, as here:  import {a, b} from './x.js';   export function f() {
class Bundle {
 public:
  std::string of(const std::string& main) {
    add(main);
    return "const modules = {};\n" + text_;
  }

 private:
  void add(const std::string& name) {
    if (std::ranges::find(added_, name) != added_.end()) return;
    added_.push_back(name);
    std::string body;
    std::string exported;
    std::istringstream lines{std::string(content_of(name))};
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("import ")) {
        line = imported(line);
      } else if (line.starts_with("export ")) {
        line.erase(0, std::string_view("export ").size());
        exported += (exported.empty() ? "" : ", ") + declared(line);
      }
      body += line + "\n";
    }
    text_ += "modules['" + name + "'] = (() => {\n" + body + "return {" + exported + "};\n})();\n";
  }

  std::string imported(const std::string& line) {
    const std::size_t from = line.find(" from './");
    const std::size_t end = line.rfind("';");
    if (from == std::string::npos || end == std::string::npos)
      throw std::logic_error("not one line: " + line);
    const std::size_t begin = from + std::string_view(" from './").size();
    const std::string name = line.substr(begin, end - begin);
    add(name);
    const std::size_t names = std::string_view("import ").size();
    return "const " + line.substr(names, from - names) + " = modules['" + name + "'];";
  }

  /// The name in "const x = 1;", "async function x() {", "class x {".
  static std::string declared(const std::string& line) {
    std::istringstream words(line);
    std::string word;
    while (words >> word &&
           (word == "async" || word == "function" || word == "class" || word == "const")) {
    }
    return word.substr(0, word.find('('));
  }

  std::vector<std::string> added_;
  std::string text_;
};

/// JSON that can stand in a <script>: nothing in it ends that, or a line.
std::string as_data(const json::object& object) {
  const std::string text = json::serialize(object);
  std::string data;
  data.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = std::string_view(text).substr(i, 3);
    if (text[i] == '<') {
      data += "\\u003c";
    } else if (rest == "\xE2\x80\xA8" || rest == "\xE2\x80\xA9") {
      data += rest.back() == '\xA8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      data += text[i];
    }
  }
  return data;
}

void replace(std::string& text, std::string_view what, std::string_view with) {
  const std::size_t at = text.find(what);
  if (at == std::string::npos) throw std::logic_error("index.html has no " + std::string(what));
  text.replace(at, what.size(), with);
}

}  // namespace

void export_page(const Recording& recording, std::ostream& out) {
  const std::string script = "\n" + Bundle().of("main.js");
  const std::string style = "\n" + std::string(content_of("page.css"));
  const std::string policy = "default-src 'none'; script-src " + hash_source(script) +
                             "; style-src " + hash_source(style) +
                             "; img-src data:; base-uri 'none'; form-action 'none'";
  std::string page(content_of("index.html"));
  replace(page, "<meta charset=\"utf-8\">",
          "<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"" +
              policy + "\">");
  replace(page, "href=\"icon.svg\"",
          "href=\"data:image/svg+xml;base64," + base64(content_of("icon.svg")) + "\"");
  replace(page, "<link rel=\"stylesheet\" href=\"page.css\">", "<style>" + style + "</style>");
  replace(page, "<script type=\"module\" src=\"main.js\"></script>",
          "<script type=\"application/json\" id=\"recording\">" +
              as_data(page_recording(recording)) + "</script>\n<script type=\"module\">" + script +
              "</script>");
  out << page;
}

}  // namespace understudy::stepper
