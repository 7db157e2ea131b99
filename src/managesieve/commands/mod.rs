//! The commands, a file for each that is more than an answer.

mod authenticate;
mod capability;
mod change;
mod list_scripts;
mod put_script;
mod starttls;

pub(super) use authenticate::authenticate;
pub(super) use capability::{capability, capability_command};
pub(super) use change::{delete_script, rename_script, set_active};
pub(super) use list_scripts::{get_script, list_scripts};
pub(super) use put_script::{check_script, have_space, put_script};
pub(super) use starttls::starttls;
