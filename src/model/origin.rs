//! What an execution came of.

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
pub struct Origin(Arc<[Fact]>);

impl Origin {
    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fact of this name.
    pub fn get(&self, name: &str) -> Option<&RawValue> {
        self.iter().find(|(known, _)| *known == name).map(|(_, fact)| fact)
    }

    /// Names and facts, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.0.iter().map(|(name, fact)| (&**name, &**fact))
    }
}

impl FromIterator<Fact> for Origin {
    fn from_iter<I: IntoIterator<Item = Fact>>(facts: I) -> Self {
        Self(facts.into_iter().collect())
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
        deserializer.deserialize_map(Facts)
    }
}

struct Facts;

impl<'de> Visitor<'de> for Facts {
    type Value = Origin;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Origin, A::Error> {
        let mut facts = Vec::new();
        while let Some((name, fact)) = map.next_entry::<String, Box<RawValue>>()? {
            facts.push((Cow::Owned(name), Arc::from(fact)));
        }
        Ok(facts.into_iter().collect())
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
}
