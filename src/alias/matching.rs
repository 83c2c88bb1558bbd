//! Which alias a command means.

use super::{
    Command, Error, Format,
    representation::{Representation, matches_multiple, representations},
};
use crate::model::Alias;

/// Searches given up before the whole is: a hostile command must not cost its limit once per format.
const MOST_ENDLESS: usize = 8;

/// The alias and format that a command fits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found<'a> {
    /// The alias.
    pub alias: &'a Alias,
    /// The one of its formats.
    pub representation: Representation<'a>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotFound {
    /// Nothing fits.
    #[error("Command '{0}' matched no patterns")]
    None(String),
    /// Too much fits.
    #[error("Command '{0}' matched more than 1 pattern")]
    Several(String),
    /// Too much fits among formats that may fit several times.
    #[error("Command '{0}' matched more than 1 (multi) pattern")]
    SeveralMultiple(String),
    /// Nothing fits, but there is an alias that nothing can fit.
    #[error("The format \"{format}\" of the action alias \"{alias}\" is no regular expression: {cause}")]
    Broken {
        /// Reference of the alias.
        alias: String,
        /// Its format.
        format: String,
        /// What is wrong with it.
        cause: String,
    },
    /// The search was given up.
    #[error(transparent)]
    Endless(Error),
}

/// Finds what a command means among enabled aliases: first those with a format that fits once, then those with one that
/// may fit several times. A format that is broken keeps no other from being found.
///
/// # Errors
/// [`NotFound`].
pub fn find<'a>(aliases: &'a [Alias], command: &str) -> Result<Found<'a>, NotFound> {
    let taken_apart = Command::read(command).map_err(NotFound::Endless)?;
    let mut search = Search { command: &taken_apart, broken: None, endless: 0 };
    let single = |alias: &&Alias| alias.formats.iter().any(|format| !matches_multiple(format));
    match search.among(aliases.iter().filter(single))?.as_slice() {
        [] => {}
        [found] => return Ok(*found),
        _ => return Err(NotFound::Several(command.to_owned())),
    }
    let multiple = |alias: &&Alias| alias.formats.iter().any(matches_multiple);
    match search.among(aliases.iter().filter(multiple))?.as_slice() {
        [] => Err(search.broken.unwrap_or_else(|| NotFound::None(command.to_owned()))),
        [found] => Ok(*found),
        _ => Err(NotFound::SeveralMultiple(command.to_owned())),
    }
}

struct Search<'a> {
    command: &'a Command,
    broken: Option<NotFound>,
    endless: usize,
}

impl Search<'_> {
    fn among<'a>(&mut self, pool: impl Iterator<Item = &'a Alias>) -> Result<Vec<Found<'a>>, NotFound> {
        let mut found = Vec::new();
        for alias in pool.filter(|alias| alias.enabled) {
            for representation in representations(&alias.formats) {
                let fits = Format::compile(representation.text).and_then(|it| it.extract(self.command));
                match fits {
                    Ok(_) => found.push(Found { alias, representation }),
                    Err(Error::Mismatch { .. } | Error::Nothing) => {}
                    Err(Error::Broken { format, cause }) => {
                        let alias = alias.reference();
                        self.broken.get_or_insert(NotFound::Broken { alias, format, cause });
                    }
                    Err(error @ Error::Endless { .. }) => {
                        self.endless += 1;
                        if self.endless > MOST_ENDLESS {
                            return Err(NotFound::Endless(error));
                        }
                    }
                }
            }
        }
        Ok(found)
    }
}
