pub mod datastore;
pub mod jinja;
