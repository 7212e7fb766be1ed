//! What `cluster` does.

use std::path::Path;

use portcullis_cluster::dev::{self, Data, Kept};
use portcullis_flow::Stop;
use portcullis_flow::target_add::{self, Wanted};
use portcullis_model::config::Config;
use portcullis_model::exit::Exit;
use portcullis_model::redact;

use super::Action;
use crate::print;

/// Where it is, in the workspace.
const PLACE: &str = "var/cluster";

pub(super) fn run(action: Action) -> Result<Exit, Stop> {
    let root = Config::find_root(&crate::command::here()?)?;
    let directory = root.join(PLACE);
    match action {
        Action::Start => {
            let kept = dev::start(&directory).map_err(stop)?;
            print::done(&format!("PostgreSQL runs at {}", kept.url()));
            print::text(&configuration(&root, &kept));
        }
        Action::Stop { remove } => {
            let data = if remove { Data::Remove } else { Data::Keep };
            let was_there = dev::stop(&directory, data).map_err(stop)?;
            print::done(match (was_there, data) {
                (false, _) => "there is no cluster in var/cluster",
                (true, Data::Keep) => "the cluster in var/cluster is stopped; its data stays",
                (true, Data::Remove) => "the cluster in var/cluster is gone, with all its data",
            });
        }
        Action::Url => {
            let kept = dev::find(&directory).map_err(stop)?.ok_or_else(|| none(&directory))?;
            print::text(&place(&kept));
        }
    }
    Ok(Exit::Done)
}

fn place(kept: &Kept) -> String {
    let state = if kept.running() { "" } else { " (stopped: cargo xtask cluster start)" };
    format!(
        "{}{state}\npassword in  {}\nauthority in {}",
        kept.url(),
        redact::path(&kept.password_file()),
        redact::path(&kept.authority_file())
    )
}

/// What makes it a target. The authority was made here, and its key is nowhere: who has a
/// certificate of it is the server that was started, so that its pin may be given at once.
fn configuration(root: &Path, kept: &Kept) -> String {
    let url = kept.url();
    let ca = format!("{PLACE}/ca.pem");
    let password = format!("{PLACE}/password");
    let wanted = Wanted {
        name: NAME.to_owned(),
        url: url.clone(),
        ca: ca.clone().into(),
        password_env: None,
        password_file: Some(password.clone().into()),
        protected: false,
        backups: None,
    };
    let shown = target_add::propose(root, wanted).and_then(|proposed| proposed.shake_hands());
    let (first, pin) = match shown {
        Ok(shown) => (String::new(), format!(" \\\n    --pin {}", shown.key)),
        Err(_) if is_target(root) => {
            return format!(
                "\nportcullis.toml has a target {NAME}: cargo xtask migrate --target {NAME}\n\
                 Of a cluster that is gone, remove [targets.{NAME}] there; then this command says \
                 how to add the new one."
            );
        }
        // The command itself asks for the pin then.
        Err(stop) => (format!(" ({}: {})", stop.cause, stop.next_step), String::new()),
    };
    format!(
        "\nTo make it a target{first}:\n\n  \
         cargo xtask target add {NAME} \\\n    --url {url} \\\n    \
         --ca {ca} --password-file {password}{pin}"
    )
}

/// Whether there is a target of that name already.
fn is_target(root: &Path) -> bool {
    Config::find(root).is_ok_and(|config| config.targets.contains_key(NAME))
}

/// What the target is called.
const NAME: &str = "postgres";

fn none(directory: &Path) -> Stop {
    refused(
        "find the development cluster",
        redact::path(directory),
        "there is none".to_owned(),
        "make one: cargo xtask cluster start".to_owned(),
    )
}

fn stop(error: portcullis_cluster::Error) -> Stop {
    refused(&error.operation, error.place, error.cause, error.next_step)
}

/// Whatever goes wrong here, no target was touched.
fn refused(operation: &str, place: String, cause: String, next_step: String) -> Stop {
    Stop::new(Exit::Refused, operation, place, cause, next_step)
}
