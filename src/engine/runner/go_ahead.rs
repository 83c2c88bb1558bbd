//! The word that a run may begin: what it does must not happen before it is stored that it runs. What can be made ready
//! without anybody noticing is made ready while that is stored.

use tokio::sync::watch;

/// Tells whether a run may begin.
#[derive(Clone, Debug)]
pub struct GoAhead(Option<watch::Receiver<Option<bool>>>);

/// Gives the word. Dropped without it, the run may not begin.
#[derive(Debug)]
pub(super) struct Word(watch::Sender<Option<bool>>);

impl GoAhead {
    /// For what is stored already.
    pub fn given() -> Self {
        Self(None)
    }

    /// For what is about to be stored.
    pub(super) fn awaited() -> (Word, Self) {
        let (word, said) = watch::channel(None);
        (Word(word), Self(Some(said)))
    }

    /// Waits for the word: whether the run may begin.
    pub async fn wait(&self) -> bool {
        let Some(said) = &self.0 else { return true };
        let mut said = said.clone();
        said.wait_for(Option::is_some).await.is_ok_and(|word| *word == Some(true))
    }
}

impl Word {
    /// Says whether it was stored.
    pub(super) fn say(&self, is_stored: bool) {
        self.0.send_replace(Some(is_stored));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_run_waits_for_the_word_and_does_without_when_it_never_comes() {
        assert!(GoAhead::given().wait().await);
        for stored in [true, false] {
            let (word, go_ahead) = GoAhead::awaited();
            word.say(stored);
            assert_eq!(go_ahead.wait().await, stored);
        }
        let (word, go_ahead) = GoAhead::awaited();
        drop(word);
        assert!(!go_ahead.wait().await);
    }
}
