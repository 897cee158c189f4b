// cluster_app user add|remove|list: who may log on. Running nodes see the change within a second.
#include <ostream>

#include "cluster_app/cluster_directory.h"
#include "cluster_app/commands/commands.h"
#include "cluster_app/password.h"

namespace understudy {
namespace {

struct Options {
  std::string name;
  bool password_stdin = false;
};

std::optional<Accounts> load(CommandLine& line) {
  std::string error;
  auto accounts = Accounts::load(cluster_directory::kUsers, error, Accounts::Missing::is_empty);
  if (!accounts) complain(line.console, error);
  return accounts;
}

int add(CommandLine& line, const Options& options) {
  std::string error;
  if (!check_account_name(options.name, error)) return complain(line.console, error, kBadArguments);
  auto accounts = load(line);
  if (!accounts) return kFailed;
  const bool is_new = accounts->find(options.name) == nullptr;
  const auto hash = ask_password(line.console, options.name, options.password_stdin, error);
  if (!hash) return complain(line.console, error);
  if (!accounts->put(options.name, *hash, error) ||
      !accounts->save(cluster_directory::kUsers, error)) {
    return complain(line.console, error);
  }
  line.console.out << (is_new ? "Added user " : "Changed the password of user ") << options.name
                   << "." << std::endl;
  return kDone;
}

int remove(CommandLine& line, const Options& options) {
  auto accounts = load(line);
  if (!accounts) return kFailed;
  if (!accounts->remove(options.name)) {
    return complain(line.console, "there is no user " + options.name +
                                      "; `cluster_app user list` shows who is there");
  }
  std::string error;
  if (!accounts->save(cluster_directory::kUsers, error)) return complain(line.console, error);
  line.console.out << "Removed user " << options.name << "." << std::endl;
  return kDone;
}

int list(CommandLine& line) {
  const auto accounts = load(line);
  if (!accounts) return kFailed;
  for (const Account& account : accounts->list()) line.console.out << account.name << "\n";
  if (accounts->list().empty())
    line.console.err << "There are no users: cluster_app user add NAME" << std::endl;
  line.console.out.flush();
  return kDone;
}

}  // namespace

void commands::user(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* const command = app.add_subcommand("user", "Who may log on: add, remove, list");
  command->require_subcommand(1);
  CLI::App* const adding = command->add_subcommand("add", "Add a user, or give one a new password");
  adding->add_option("NAME", options->name, "The user's name")->required()->type_name("");
  adding->add_flag("--password-stdin", options->password_stdin,
                   "The password is the first line of standard input");
  CLI::App* const removing = command->add_subcommand("remove", "Remove a user");
  removing->add_option("NAME", options->name, "The user's name")->required()->type_name("");
  CLI::App* const listing = command->add_subcommand("list", "Show all users");
  const auto in_cluster = [&line](std::function<int()> what) {
    line.run = [&line, what = std::move(what)] {
      return line.in_cluster([&what](const ClusterConfig&) { return what(); });
    };
  };
  adding->callback([&line, options, in_cluster] {
    in_cluster([&line, options] { return add(line, *options); });
  });
  removing->callback([&line, options, in_cluster] {
    in_cluster([&line, options] { return remove(line, *options); });
  });
  listing->callback([&line, in_cluster] { in_cluster([&line] { return list(line); }); });
}

}  // namespace understudy
