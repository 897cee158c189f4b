// cluster_app init DIR: a new cluster, ready for `up`.
#include <openssl/rand.h>

#include <filesystem>
#include <ostream>

#include "cluster_app/cluster_directory.h"
#include "cluster_app/commands/commands.h"
#include "cluster_app/password.h"
#include "cluster_app/program_path.h"
#include "iomgr/hex.h"

namespace understudy {
namespace {
namespace fs = std::filesystem;

struct Options {
  std::string directory;
  std::string user;
  bool password_stdin = false;
};

/// Creates the file unless it is there already. The reason why not, or nothing.
std::string ensure_file(const std::string& path, const std::string& text, unsigned mode) {
  std::error_code ignored;
  return fs::exists(path, ignored) ? std::string()
                                   : cluster_directory::create_file(path, text, mode);
}

std::string new_key() {
  std::array<std::uint8_t, 32> key{};
  return RAND_bytes(key.data(), static_cast<int>(key.size())) == 1 ? to_hex(key) + "\n"
                                                                   : std::string();
}

/// Fills in what is not there yet. cluster.toml comes last: where it is, the cluster is whole.
std::string fill(const fs::path& directory) {
  std::error_code failure;
  for (const char* const part : {cluster_directory::kRun, cluster_directory::kLog}) {
    fs::create_directories(directory / part, failure);
    if (failure) return (directory / part).string() + ": " + failure.message();
    fs::permissions(directory / part, fs::perms::owner_all, failure);
  }
  std::string error = ensure_file(directory / cluster_directory::kUsers,
                                  "# Who may log on; `cluster_app user` changes it.\n", 0600);
  if (!error.empty()) return error;
  const std::string key = new_key();
  if (key.empty()) return "the system has no random numbers to make a key of";
  error = ensure_file(directory / cluster_directory::kKey, key, 0600);
  if (!error.empty()) return error;
  return ensure_file(directory / cluster_directory::kConfig, default_config_text(), 0644);
}

int add_user(CommandLine& line, const Options& options) {
  std::string error;
  if (!check_account_name(options.user, error)) return complain(line.console, error, kBadArguments);
  const auto hash = ask_password(line.console, options.user, options.password_stdin, error);
  if (!hash) return complain(line.console, error);
  auto accounts = Accounts::load(cluster_directory::kUsers, error);
  if (!accounts || !accounts->put(options.user, *hash, error) ||
      !accounts->save(cluster_directory::kUsers, error)) {
    return complain(line.console, error);
  }
  line.console.out << "User " << options.user << " may log on." << std::endl;
  return kDone;
}

int run(CommandLine& line, const Options& options) {
  const fs::path directory = options.directory;
  std::error_code failure;
  if (options.password_stdin && options.user.empty()) {
    return complain(line.console, "--password-stdin needs --user NAME", kBadArguments);
  }
  if (fs::exists(directory, failure) && !fs::is_directory(directory, failure)) {
    return complain(line.console, options.directory + " is a file; name a directory");
  }
  const bool ours = fs::exists(directory / cluster_directory::kConfig, failure);
  if (!ours && fs::exists(directory, failure) && !fs::is_empty(directory, failure)) {
    return complain(
        line.console,
        options.directory + " is not empty and is no cluster of Understudy; name a new directory");
  }
  fs::create_directories(directory, failure);
  if (failure) return complain(line.console, options.directory + ": " + failure.message());
  std::string error = fill(directory);
  if (!error.empty()) return complain(line.console, error);
  const auto config = cluster_directory::enter(options.directory, error);
  if (!config) return complain(line.console, error);
  for (const LunConfig& lun : config->luns) {
    fs::create_directories(lun.directory, failure);
    if (failure) return complain(line.console, lun.directory + ": " + failure.message());
  }
  line.console.out << (ours ? "There is a cluster in " : "Made a cluster in ") << options.directory
                   << (ours ? " already; nothing in it was overwritten." : ".") << std::endl;
  const std::string command = program_path() + " -C " + fs::current_path().string();
  if (!options.user.empty()) {
    const int added = add_user(line, options);
    if (added != kDone) return added;
  } else if (!ours) {
    line.console.out << "Nobody can log on yet: " << command << " user add NAME" << std::endl;
  }
  line.console.out << "Start it with: " << command << " up" << std::endl;
  return kDone;
}

}  // namespace

void commands::init(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* const command =
      app.add_subcommand("init", "Make a new cluster in a directory: two nodes, two shares");
  command->add_option("DIR", options->directory, "Where; made if it is not there")
      ->required()
      ->type_name("");
  command->add_option("--user", options->user, "Add this user at once")->type_name("NAME");
  command->add_flag("--password-stdin", options->password_stdin,
                    "The user's password is the first line of standard input");
  command->callback(
      [&line, options] { line.run = [&line, options] { return run(line, *options); }; });
}

}  // namespace understudy
