//! `expressions`: what orquesta's own tests evaluate.

use super::orquesta::{Recorded, compare, evaluate};
use crate::support::corpus::{self, Differences};

const DIFFERENCES: &Differences = &[];

#[test]
fn expressions_are_as_recorded() {
    corpus::run(
        "expressions",
        |_| true,
        DIFFERENCES,
        |case| compare(case, &evaluate(&case.value["text"], &case.value["data"], &Recorded::default())),
    );
}
