//! `orquesta_jinja`: texts with Jinja in them, as orquesta evaluates, checks and looks through them.

use super::orquesta_yaql::check;
use crate::support::corpus::{self, Differences};

const NO_CONTEXT: &str = "a run always has a context; one that is null here is an empty one";

const DIFFERENCES: &Differences = &[
    ("no-data-5ca5382bcf", NO_CONTEXT),
    ("no-data-96a9d8a87c", NO_CONTEXT),
    ("no-data-a81f40265d", NO_CONTEXT),
];

#[test]
fn jinja_in_texts_is_as_recorded() {
    corpus::run("orquesta_jinja", |_| true, DIFFERENCES, check);
}
