//! What the reference answered, case by case, and what we answer: one file per table.

mod crypto;
mod jinja;
mod params;
mod schema;
mod scripts;
mod text;
mod yaml11;
mod yaql;
