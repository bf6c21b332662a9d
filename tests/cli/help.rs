//! The help is a contract: what it says is compared letter by letter.

use crate::golden;
use crate::harness::Flowship;

#[test]
fn the_help_of_each_command_is_as_it_was() {
    for command in [
        "",
        "deploy",
        "plan",
        "redeploy",
        "undeploy",
        "list",
        "status",
        "download",
        "transport",
        "pack",
        "check",
        "doctor",
        "sandbox",
        "endpoints",
        "messages",
    ] {
        let arguments = [command, "--help"]
            .into_iter()
            .filter(|part| !part.is_empty());
        let run = Flowship::new().args(arguments).run().exit(0);
        assert_eq!(run.stderr, "");
        let name = if command.is_empty() {
            "flowship"
        } else {
            command
        };
        golden::is(&format!("help-{name}.txt"), &run.stdout);
    }
}

#[test]
fn help_with_a_command_is_the_help_of_the_command() {
    let run = Flowship::new().args(["help", "deploy"]).run().exit(0);
    golden::is("help-deploy.txt", &run.stdout);
}

#[test]
fn a_misspelt_variable_is_a_warning() {
    Flowship::new()
        .env("FLOWSHIP_PAKAGE", "Sales")
        .args(["sandbox", "--list"])
        .run()
        .exit(0)
        .stderr_has(
            "warning: FLOWSHIP_PAKAGE is no option's variable: did you mean FLOWSHIP_PACKAGE?",
        );
}

#[test]
fn every_command_has_a_golden_help() {
    use clap::CommandFactory;
    let commands = flowship::cli::Cli::command();
    let known = [
        "deploy",
        "plan",
        "redeploy",
        "undeploy",
        "list",
        "status",
        "download",
        "transport",
        "pack",
        "check",
        "doctor",
        "sandbox",
        "endpoints",
        "messages",
    ];
    for command in commands.get_subcommands() {
        assert!(
            known.contains(&command.get_name()),
            "add {} to the test above",
            command.get_name()
        );
    }
}

#[test]
fn no_secret_can_be_an_argument() {
    use clap::CommandFactory;
    let commands = flowship::cli::Cli::command();
    for command in commands.get_subcommands() {
        for argument in command.get_arguments() {
            let name = argument.get_id().as_str();
            let is_secret = ["secret", "password", "key", "token", "credential"]
                .iter()
                .any(|word| name.contains(word));
            assert!(
                !is_secret,
                "--{name} of {}: arguments are seen by everybody on the machine",
                command.get_name()
            );
        }
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    let run = Flowship::new().arg("--version").run().exit(0);
    assert_eq!(
        run.stdout,
        concat!("flowship ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn nothing_at_all_is_answered_with_the_help_and_an_error() {
    Flowship::new()
        .run()
        .exit(2)
        .no_stdout()
        .stderr_has("Usage: flowship");
}
