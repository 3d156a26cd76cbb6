//! What the module registers with Redis when it is loaded.

pub mod command_registration;
pub mod data_type;
pub mod defrag;
pub mod info;
pub mod load;
pub mod settings;
mod stored_io;
