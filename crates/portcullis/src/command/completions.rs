//! `completions`: what a shell needs to complete `cargo xtask …`.

use std::sync::OnceLock;

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use portcullis_flow::Stop;
use portcullis_model::exit::Exit;

use crate::print;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    source <(cargo xtask completions bash)      in ~/.bashrc\n  \
    cargo xtask completions zsh > ~/.zfunc/_cargo-xtask\n  \
    cargo xtask completions fish > ~/.config/fish/conf.d/cargo-xtask.fish")]
pub struct Flags {
    /// Whose
    #[arg(value_name = "SHELL", value_enum)]
    shell: Kind,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Kind {
    Bash,
    Zsh,
    Fish,
}

/// The whole command line, with whatever a workspace adds to the gate's commands.
static WHOLE: OnceLock<clap::Command> = OnceLock::new();

/// Remembers what there is to complete.
pub(crate) fn remember<P: CommandFactory>() {
    WHOLE.get_or_init(P::command);
}

pub(super) fn run(flags: Flags) -> Result<Exit, Stop> {
    // A name can't have a blank here.
    let (shell, name, bridge) = match flags.shell {
        Kind::Bash => (Shell::Bash, "cargo_xtask", BASH),
        // Cargo's own functions for zsh ask for one of this name.
        Kind::Zsh => (Shell::Zsh, "cargo-xtask", ""),
        Kind::Fish => (Shell::Fish, "cargo-xtask", FISH),
    };
    let whole = WHOLE.get().cloned().unwrap_or_else(|| clap::Command::new(name));
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut called(whole.name(name), name), name, &mut script);
    print::text(&(String::from_utf8_lossy(&script).into_owned() + bridge));
    Ok(Exit::Done)
}

/// The command and all below it, called so: they remember what their parser was called.
fn called(command: clap::Command, name: &str) -> clap::Command {
    command.bin_name(name.to_owned()).mut_subcommands(|below| {
        let name = format!("{name} {}", below.get_name());
        called(below, &name)
    })
}

const BASH: &str = r#"
# `cargo xtask …` completes as above, every other `cargo …` as before.
declare -F _completion_loader >/dev/null && _completion_loader cargo 2>/dev/null
if [[ -z ${_portcullis_before+set} ]]; then
    _portcullis_before=$(complete -p cargo 2>/dev/null | sed -n 's/.* -F \([^ ]*\) .*/\1/p')
fi
_portcullis_cargo() {
    local at=1
    while [[ ${COMP_WORDS[at]} == [-+]* ]]; do at=$((at + 1)); done
    if [[ ${COMP_WORDS[at]} == xtask && $COMP_CWORD -gt $at ]]; then
        COMP_WORDS=(cargo_xtask "${COMP_WORDS[@]:at+1}")
        COMP_CWORD=$((COMP_CWORD - at))
        _cargo_xtask cargo_xtask "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
    elif [[ -n $_portcullis_before ]]; then
        "$_portcullis_before" "$@"
    fi
}
complete -o bashdefault -o default -F _portcullis_cargo cargo
"#;

const FISH: &str = r#"
# `cargo xtask …` completes as `cargo-xtask …` does.
complete -c cargo -n '__fish_seen_subcommand_from xtask' -f \
    -a '(complete -C (string replace -r -- ".*?\bxtask\b" cargo-xtask (commandline -cp)))'
"#;
