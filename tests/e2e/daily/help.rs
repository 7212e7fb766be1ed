//! What a person sees before knowing anything, and what a shell completes.

use std::process::Command;

use crate::support::Workspace;

#[test]
fn without_a_command_the_loop_is_printed() {
    let ran = Workspace::new().run(&[]).expect(0);
    assert!(ran.stdout.lines().count() <= 10, "{}", ran.stdout);
    for command in ["new NAME", "migrate", "redo", "lint", "accept", "rebase", "status", "hooks"] {
        assert!(ran.stdout.contains(&format!("\n  {command}")), "{command}:\n{}", ran.stdout);
    }
    assert!(ran.stderr.is_empty());
}

/// What bash completes after these words, with this function for what isn't ours.
fn completed(script: &str, words: &str) -> String {
    let asked = format!(
        "_other() {{ COMPREPLY=(other); }}\ncomplete -F _other cargo\n{script}\n\
         COMP_WORDS=({words}); COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 )); COMPREPLY=()\n\
         _portcullis_cargo cargo \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD - 1]}}\"\n\
         echo \"${{COMPREPLY[@]}}\""
    );
    let output = Command::new("bash").args(["--norc", "-c", &asked]).output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn bash_completes_the_gate_and_leaves_the_rest_of_cargo_alone() {
    let script = Workspace::new().run(&["completions", "bash"]).expect(0).stdout;
    for (words, expected) in [
        ("cargo xtask mig", "migrate"),
        ("cargo xtask backup li", "list"),
        ("cargo xtask migrate --re", "--reason"),
        ("cargo xtask completions z", "zsh"),
        ("cargo -q +stable xtask mig", "migrate"),
        ("cargo bui", "other"),
        ("cargo -q bui", "other"),
    ] {
        assert_eq!(completed(&script, words), expected, "{words}");
    }
    // Read a second time, as by a nested shell, it still knows what was before it.
    assert_eq!(completed(&format!("{script}\n{script}"), "cargo bui"), "other");
}

#[test]
fn the_other_shells_get_a_script_that_names_every_command() {
    let workspace = Workspace::new();
    for shell in ["zsh", "fish"] {
        let script = workspace.run(&["completions", shell]).expect(0).stdout;
        for command in ["migrate", "accept", "redo", "rebase"] {
            assert!(script.contains(command), "{shell}: {command}");
        }
    }
    workspace.run(&["completions", "powershell"]).expect(2);
}
