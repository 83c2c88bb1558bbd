//! What an execution came of.

use super::TriggerInstanceId;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
};
use serde_json::{
    Map, Value,
    value::{RawValue, to_raw_value},
};
use std::{borrow::Cow, fmt, sync::Arc};

/// One fact: its name, and the fact as JSON text.
pub type Fact = (Cow<'static, str>, Arc<RawValue>);

/// Facts of an execution's origin as they were then: trigger, rule and the like. Cheap to clone; nobody looks into them
/// but clients, so they stay JSON text from where they are known to the row, and from there to the answer.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    shared: Option<Arc<SharedFacts>>,
    event: Option<EventFact>,
    own: Arc<[Fact]>,
}

/// The event that a rule took up. It is stored with the event.
#[derive(Clone, Debug)]
pub struct EventFact {
    /// Whose it is.
    pub id: TriggerInstanceId,
    /// The event as clients see it there.
    pub shown: Arc<RawValue>,
}

/// Facts that are the same for many executions, and stored once: those of a rule.
#[derive(Debug)]
pub struct SharedFacts {
    /// Row in `origins`.
    pub id: i64,
    /// They.
    pub facts: Vec<Fact>,
}

impl Origin {
    /// Name of the fact that is stored with the event.
    pub const EVENT: &'static str = "trigger_instance";

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Those that are shared.
    pub fn shared(&self) -> Option<&Arc<SharedFacts>> {
        self.shared.as_ref()
    }

    /// The event, if it is stored elsewhere.
    pub fn event(&self) -> Option<&EventFact> {
        self.event.as_ref()
    }

    /// Those that are stored nowhere else.
    #[must_use]
    pub fn own(&self) -> Self {
        Self { own: self.own.clone(), ..Self::default() }
    }

    /// The same, and these that are shared.
    #[must_use]
    pub fn with_shared(self, shared: Arc<SharedFacts>) -> Self {
        Self { shared: Some(shared), ..self }
    }

    /// The same, and this event.
    #[must_use]
    pub fn with_event(self, event: EventFact) -> Self {
        Self { event: Some(event), ..self }
    }

    /// The fact of this name.
    pub fn get(&self, name: &str) -> Option<&RawValue> {
        self.iter().find(|(known, _)| *known == name).map(|(_, fact)| fact)
    }

    /// Names and facts, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        let shared = self.shared.iter().flat_map(|shared| &shared.facts);
        let event = self.event.iter().map(|event| (Self::EVENT, &*event.shown));
        shared.map(text).chain(event).chain(self.own.iter().map(text))
    }
}

fn text((name, fact): &Fact) -> (&str, &RawValue) {
    (name, fact)
}

impl SharedFacts {
    /// Those of a row.
    ///
    /// # Errors
    /// It is no JSON object.
    pub fn parse(id: i64, text: &str) -> serde_json::Result<Self> {
        let facts = serde_json::Deserializer::from_str(text).deserialize_map(Facts)?;
        Ok(Self { id, facts })
    }
}

impl FromIterator<Fact> for Origin {
    fn from_iter<I: IntoIterator<Item = Fact>>(facts: I) -> Self {
        Self { own: facts.into_iter().collect(), ..Self::default() }
    }
}

impl From<Map<String, Value>> for Origin {
    fn from(fields: Map<String, Value>) -> Self {
        // Every value is JSON.
        let fact = |(name, value): (String, Value)| -> Option<Fact> {
            Some((Cow::Owned(name), to_raw_value(&value).ok()?.into()))
        };
        fields.into_iter().filter_map(fact).collect()
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(deserializer.deserialize_map(Facts)?.into_iter().collect())
    }
}

struct Facts;

impl<'de> Visitor<'de> for Facts {
    type Value = Vec<Fact>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<Fact>, A::Error> {
        let mut facts = Vec::new();
        while let Some((name, fact)) = map.next_entry::<String, Box<RawValue>>()? {
            facts.push((Cow::Owned(name), Arc::from(fact)));
        }
        Ok(facts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn facts_go_through_text_as_they_are() {
        let fields = json!({"rule": {"n": 1.0, "b": [false]}, "trigger": null});
        let origin = Origin::from(fields.as_object().unwrap().clone());
        let text = serde_json::to_string(&origin).unwrap();
        assert_eq!(text, fields.to_string());
        let read: Origin = serde_json::from_str(&text).unwrap();
        assert_eq!(read.get("rule").unwrap().get(), r#"{"n":1.0,"b":[false]}"#);
        assert!(read.get("nope").is_none() && !read.is_empty());
    }

    #[test]
    fn what_is_shared_is_shown_with_the_rest() {
        let shared = SharedFacts::parse(3, r#"{"trigger":{},"rule":{"n":1.0}}"#).unwrap();
        let own = Origin::from(json!({"own": 1}).as_object().unwrap().clone());
        let event = EventFact { id: TriggerInstanceId::generate(), shown: to_raw_value(&2).unwrap().into() };
        let origin = own.with_shared(Arc::new(shared)).with_event(event.clone());
        let shown = r#"{"trigger":{},"rule":{"n":1.0},"trigger_instance":2,"own":1}"#;
        assert_eq!(serde_json::to_string(&origin).unwrap(), shown);
        assert_eq!(serde_json::to_string(&origin.own()).unwrap(), r#"{"own":1}"#);
        assert_eq!(origin.event().unwrap().id, event.id);
        assert_eq!(origin.get("rule").unwrap().get(), r#"{"n":1.0}"#);
        assert_eq!(origin.shared().unwrap().id, 3);
        assert!(SharedFacts::parse(3, "[]").is_err());
    }
}
