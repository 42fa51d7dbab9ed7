//! What shells and readers want of the command line: completions, and a manual page.

use std::{io, process::ExitCode};

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;

use super::{Cli, print};

/// Print the completions for a shell: tidings completions bash > /etc/bash_completion.d/tidings
#[derive(Debug, Args)]
pub(crate) struct Completions {
    shell: Shell,
}

/// Prints the completions.
pub(crate) fn completions(options: &Completions) -> ExitCode {
    let mut out = Vec::new();
    clap_complete::generate(options.shell, &mut Cli::command(), "tidings", &mut out);
    print(&String::from_utf8_lossy(&out));
    ExitCode::SUCCESS
}

/// The manual: the page of the command, and behind it what its commands take.
pub(crate) fn manual() -> String {
    let mut out = Vec::new();
    write_manual(&mut out).expect("memory takes what is written");
    String::from_utf8_lossy(&out).into_owned()
}

fn write_manual(out: &mut Vec<u8>) -> io::Result<()> {
    let mut command = Cli::command();
    command.build();
    Man::new(command.clone()).render(out)?;
    for each in command.get_subcommands().filter(|it| !it.is_hide_set()) {
        let page = Man::new(each.clone());
        page.render_name_section(out)?;
        page.render_synopsis_section(out)?;
        page.render_options_section(out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_names_every_command_that_is_shown() {
        let manual = manual();
        for command in Cli::command().get_subcommands() {
            let name = command.get_name().replace('-', "\\-");
            assert_eq!(
                manual.contains(&format!("tidings\\-{name}"))
                    || manual.contains(&format!("tidings {name}")),
                !command.is_hide_set(),
                "{name}"
            );
        }
    }
}
