//! Starting, stopping and surviving: the daemon as its administrator sees it.

mod data_directory;
mod database;
mod settings;
mod signals;
