//! One setting: how its value is read from TOML or from text, and how it is written.

use std::path::{Path, PathBuf};
use toml::Value;

/// What a type must offer to be a setting.
pub(super) trait Setting: Sized {
    /// What is allowed, for error messages: follows "expected".
    const KIND: &'static str;

    /// Reads a value of a file; relative paths count from `base`, the file's directory.
    fn from_toml(value: &Value, base: &Path) -> Option<Self>;

    /// Reads a flag or an environment variable.
    fn from_text(text: &str) -> Option<Self>;

    /// The value as a file would have it; `None` when it is absent.
    fn to_toml(&self) -> Option<Value>;
}

/// Where a value comes from, and the value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Input<'a> {
    /// Of a file in this directory.
    Toml(&'a Value, &'a Path),
    /// Of a flag or an environment variable.
    Text(&'a str),
}

impl Input<'_> {
    /// Reads it as `T`.
    pub(super) fn read<T: Setting>(&self) -> Option<T> {
        match self {
            Self::Toml(value, base) => T::from_toml(value, base),
            Self::Text(text) => T::from_text(text),
        }
    }
}

impl Setting for String {
    const KIND: &'static str = "a text";

    fn from_toml(value: &Value, _: &Path) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }

    fn from_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }

    fn to_toml(&self) -> Option<Value> {
        Some(Value::String(self.clone()))
    }
}

impl Setting for PathBuf {
    const KIND: &'static str = "a path";

    fn from_toml(value: &Value, base: &Path) -> Option<Self> {
        let text = value.as_str()?;
        // Empty means "not set" for every path we have; joined, it would name the directory.
        Some(if text.is_empty() { Self::new() } else { base.join(text) })
    }

    fn from_text(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::new());
        }
        std::path::absolute(text).ok()
    }

    fn to_toml(&self) -> Option<Value> {
        Some(Value::String(self.to_string_lossy().into_owned()))
    }
}

impl Setting for bool {
    const KIND: &'static str = "true or false";

    fn from_toml(value: &Value, _: &Path) -> Option<Self> {
        value.as_bool()
    }

    // The words that oslo.config, and so every existing deployment, knows.
    fn from_text(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _ => None,
        }
    }

    fn to_toml(&self) -> Option<Value> {
        Some(Value::Boolean(*self))
    }
}

impl Setting for f64 {
    const KIND: &'static str = "a number";

    fn from_toml(value: &Value, _: &Path) -> Option<Self> {
        value.as_float().or_else(|| value.as_integer().map(|whole| whole as Self))
    }

    fn from_text(text: &str) -> Option<Self> {
        text.trim().parse().ok()
    }

    fn to_toml(&self) -> Option<Value> {
        Some(Value::Float(*self))
    }
}

macro_rules! whole_number {
    ($($type:ty),*) => {$(
        impl Setting for $type {
            const KIND: &'static str = "a whole number of 0 or more";

            fn from_toml(value: &Value, _: &Path) -> Option<Self> {
                value.as_integer().and_then(|whole| whole.try_into().ok())
            }

            fn from_text(text: &str) -> Option<Self> {
                text.trim().parse().ok()
            }

            fn to_toml(&self) -> Option<Value> {
                i64::try_from(*self).ok().map(Value::Integer)
            }
        }
    )*};
}
whole_number!(u32, u64, usize);

impl Setting for Option<u32> {
    const KIND: &'static str = "a whole number of 0 or more, or \"\" for none";

    fn from_toml(value: &Value, base: &Path) -> Option<Self> {
        if value.as_str() == Some("") { Some(None) } else { u32::from_toml(value, base).map(Some) }
    }

    fn from_text(text: &str) -> Option<Self> {
        if text.trim().is_empty() { Some(None) } else { u32::from_text(text).map(Some) }
    }

    fn to_toml(&self) -> Option<Value> {
        self.as_ref().and_then(Setting::to_toml)
    }
}

macro_rules! list {
    ($item:ty, $kind:literal, $separator:literal) => {
        impl Setting for Vec<$item> {
            const KIND: &'static str = $kind;

            fn from_toml(value: &Value, base: &Path) -> Option<Self> {
                value.as_array()?.iter().map(|item| <$item>::from_toml(item, base)).collect()
            }

            fn from_text(text: &str) -> Option<Self> {
                text.split($separator)
                    .map(str::trim)
                    .filter(|item| !item.is_empty())
                    .map(<$item>::from_text)
                    .collect()
            }

            fn to_toml(&self) -> Option<Value> {
                self.iter().map(Setting::to_toml).collect::<Option<Vec<_>>>().map(Value::Array)
            }
        }
    };
}
list!(String, "a list of texts", ',');
// As `content.packs_base_paths` of StackStorm, and as `PATH`.
list!(PathBuf, "a list of paths", ':');

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_a_file_count_from_its_directory() {
        let read = |text: &str| PathBuf::from_toml(&Value::String(text.into()), Path::new("/etc/st2"));
        assert_eq!(read("packs"), Some("/etc/st2/packs".into()));
        assert_eq!(read("/opt/packs"), Some("/opt/packs".into()));
        assert_eq!(read(""), Some(PathBuf::new()));
    }

    #[test]
    fn text_lists_are_split_and_trimmed() {
        assert_eq!(Vec::<String>::from_text("a, b,,c"), Some(vec!["a".into(), "b".into(), "c".into()]));
        assert_eq!(Vec::<PathBuf>::from_text("/a:/b"), Some(vec!["/a".into(), "/b".into()]));
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        assert_eq!(u32::from_toml(&Value::Integer(-1), Path::new("")), None);
        assert_eq!(u32::from_text("4294967296"), None);
        assert_eq!(Option::<u32>::from_text(""), Some(None));
        assert_eq!(Option::<u32>::from_text("x"), None);
    }
}
