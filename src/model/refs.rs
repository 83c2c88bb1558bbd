//! References: `pack.name`, how content names content of other packs.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Why a text is no reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefError {
    /// Without a dot.
    #[error("Invalid resource reference: {0}")]
    NoDot(String),
    /// One of its halves is empty.
    #[error("Both pack and name needed for building ref. pack={pack}, name={name}")]
    Half {
        /// The pack, or `None`.
        pack: String,
        /// The name, or `None`.
        name: String,
    },
    /// The pack has a dot, so the reference would be read differently.
    #[error("Pack name should not contain \".\"")]
    DotInPack,
    /// A reference to a policy type that lacks a half.
    #[error("Invalid reference: {0}")]
    Policy(String),
}

/// A reference to an action, rule, sensor, trigger or alias: the pack up to the first dot, then the name,
/// which may have dots of its own.
///
/// ```
/// use st2d::model::ResourceRef;
///
/// let reference: ResourceRef = "core.local.sudo".parse()?;
/// assert_eq!((reference.pack(), reference.name()), ("core", "local.sudo"));
/// # Ok::<(), st2d::model::RefError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceRef {
    pack: String,
    name: String,
}

impl ResourceRef {
    /// The reference of something in a pack; what is missing or empty is an error.
    pub fn new(pack: Option<&str>, name: Option<&str>) -> Result<Self, RefError> {
        let (Some(pack), Some(name)) =
            (pack.filter(|pack| !pack.is_empty()), name.filter(|name| !name.is_empty()))
        else {
            let shown = |text: Option<&str>| text.unwrap_or("None").to_owned();
            return Err(RefError::Half { pack: shown(pack), name: shown(name) });
        };
        if pack.contains('.') {
            return Err(RefError::DotInPack);
        }
        Ok(Self { pack: pack.to_owned(), name: name.to_owned() })
    }

    /// The pack it is in.
    pub fn pack(&self) -> &str {
        &self.pack
    }

    /// Its name in the pack.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether a text is a reference rather than an id or a name: it has a dot.
    pub fn is_reference(text: &str) -> bool {
        text.contains('.')
    }
}

impl FromStr for ResourceRef {
    type Err = RefError;

    fn from_str(text: &str) -> Result<Self, RefError> {
        let (pack, name) = text.split_once('.').ok_or_else(|| RefError::NoDot(text.to_owned()))?;
        Self::new(Some(pack), Some(name))
    }
}

impl fmt::Display for ResourceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.pack, self.name)
    }
}

impl Serialize for ResourceRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ResourceRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A reference to a policy type: `action.concurrency`, the resource type up to the first dot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyTypeRef {
    resource_type: String,
    name: String,
}

impl PolicyTypeRef {
    /// The kind of resource the policy is laid on.
    pub fn resource_type(&self) -> &str {
        &self.resource_type
    }

    /// The policy's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl FromStr for PolicyTypeRef {
    type Err = RefError;

    fn from_str(text: &str) -> Result<Self, RefError> {
        match text.split_once('.') {
            Some((resource_type, name)) if !resource_type.is_empty() && !name.is_empty() => {
                Ok(Self { resource_type: resource_type.to_owned(), name: name.to_owned() })
            }
            _ => Err(RefError::Policy(text.to_owned())),
        }
    }
}

impl fmt::Display for PolicyTypeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.resource_type, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_to_the_first_dot() {
        let reference: ResourceRef = "p..a".parse().unwrap();
        assert_eq!((reference.pack(), reference.name()), ("p", ".a"));
        assert_eq!(reference.to_string(), "p..a");
        assert_eq!(serde_json::to_string(&reference).unwrap(), "\"p..a\"");
        assert_eq!(serde_json::from_str::<ResourceRef>("\"p..a\"").unwrap(), reference);
    }

    #[test]
    fn halves_are_refused() {
        let fault = |text: &str| text.parse::<ResourceRef>().unwrap_err().to_string();
        assert_eq!(fault("p"), "Invalid resource reference: p");
        assert_eq!(fault("."), "Both pack and name needed for building ref. pack=, name=");
        assert_eq!(fault("p."), "Both pack and name needed for building ref. pack=p, name=");
        let fault = |pack, name| ResourceRef::new(pack, name).unwrap_err().to_string();
        assert_eq!(fault(Some("p"), None), "Both pack and name needed for building ref. pack=p, name=None");
        assert_eq!(fault(Some("p.q"), Some("a")), "Pack name should not contain \".\"");
        assert_eq!("a.".parse::<PolicyTypeRef>().unwrap_err().to_string(), "Invalid reference: a.");
    }
}
