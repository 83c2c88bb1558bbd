//! Pack configuration against the pack's configuration schema.

use super::{Error, Kind, Options, for_parameters, truthy};
use serde_json::{Map, Value};

/// Checks the configuration of a pack and returns it with defaults filled in.
///
/// `path` is named in the message, so that people find the file.
///
/// # Errors
/// The first value that does not fit, or a secret that decrypts itself.
pub fn validate(schema: &Map<String, Value>, values: &Value, path: &str, pack: &str) -> Result<Value, Error> {
    let options = Options { use_default: true, allow_default_none: true, explain: true };
    let cleaned = super::validate(&for_parameters(schema, true), values, options).map_err(|error| {
        if error.kind != Kind::Value {
            return error;
        }
        let message = format!(
            "Failed validating attribute \"{}\" in config for pack \"{pack}\" ({path}): {}",
            error.dotted_path(),
            error.text()
        );
        Error { message, path: vec![], validator: String::new(), kind: Kind::Value, explained: None }
    })?;
    let is_secret = |name: &str| schema.get(name).and_then(|schema| schema.get("secret")).is_some_and(truthy);
    let decrypts = |text: &str| (text.contains("{{") || text.contains("{%")) && text.contains("decrypt_kv");
    for (name, value) in cleaned.as_object().into_iter().flatten() {
        if is_secret(name) && value.as_str().is_some_and(decrypts) {
            return Err(Error::fault(
                "Values specified as \"secret: True\" in config schema are automatically decrypted by default. Use \
                 of \"decrypt_kv\" jinja filter is not allowed for such values. Please check the specified values in \
                 the config or the default values in the schema.",
            ));
        }
    }
    Ok(cleaned)
}
