//! What the reference answered, case by case, and what we answer: one file per table.

mod aliases;
mod cron;
mod criteria;
mod crypto;
mod expressions;
mod conductor;
mod inspect;
mod jinja;
mod orquesta;
mod orquesta_jinja;
mod orquesta_yaql;
mod params;
mod schema;
mod scripts;
mod text;
mod yaml11;
mod yaql;
