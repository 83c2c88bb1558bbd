//! `pack.yaml`: what it must say, and the reference that follows from it.

use super::form::Error;
use crate::{
    pytext,
    schema::{Options, Step, Validator},
};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// Packs that belong to the system: they cannot be removed, and need no virtualenv.
pub const SYSTEM_PACKS: [&str; 4] = ["chatops", "core", "linux", "packs"];

/// The pack of content made without naming one.
pub const DEFAULT_PACK: &str = "default";

const VERSION_PATTERN: &str = r"^(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-[\da-z\-]+(?:\.[\da-z\-]+)*)?(?:\+[\da-z\-]+(?:\.[\da-z\-]+)*)?$";
const STACKSTORM_VERSION_PATTERN: &str = r"^((>?>|>=|=|<=|<?<)\s*[0-9]+\.[0-9]+\.[0-9]+?(\s*,)?\s*)+$";

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    let options = Options { use_default: true, allow_default_none: true, explain: true };
    Validator::new(form(), options).expect("our own schema is one")
});

fn form() -> Value {
    let texts = || json!({"type": "string"});
    json!({
        "type": "object",
        "properties": {
            "id": {"type": "string", "default": null},
            "ref": {
                "type": "string",
                "description": "Reference for the pack, used as an internal id.",
                "default": null,
                "pattern": "^[a-z0-9_]+$"
            },
            "uid": {"type": "string"},
            "name": {"type": "string", "required": true},
            "description": {"type": "string", "required": true},
            "keywords": {"type": "array", "items": texts(), "default": []},
            "version": {
                "type": "string",
                "description": "Pack version. Must follow the semver format (for instance, \"0.1.0\").",
                "pattern": VERSION_PATTERN,
                "required": true
            },
            "stackstorm_version": {"type": "string", "pattern": STACKSTORM_VERSION_PATTERN},
            "python_versions": {
                "type": "array",
                "items": {"type": "string", "enum": ["2", "3"]},
                "minItems": 1,
                "maxItems": 2,
                "uniqueItems": true
            },
            "author": {"type": "string", "required": true},
            "email": {"type": "string"},
            "contributors": {"type": "array", "items": {"type": "string", "maxLength": 100}},
            "files": {"type": "array", "items": texts(), "default": []},
            "dependencies": {"type": "array", "items": texts(), "default": []},
            "system": {"type": "object", "default": {}},
            "path": {"type": "string", "default": null}
        },
        "additionalProperties": true
    })
}

/// Checks a manifest, and turns a version written as a number into text.
pub fn validate(manifest: &mut Value) -> Result<(), Error> {
    if let Some(version) = manifest.get_mut("version").filter(|version| pytext::truthy(version)) {
        *version = pytext::str(version).into();
    }
    let Err(error) = VALIDATOR.validate(manifest) else { return Ok(()) };
    let message = match error.path.as_slice() {
        [Step::Key(key)] if key == "version" && error.validator == "pattern" => format!(
            "Pack version \"{}\" doesn't follow a valid semver format. Valid versions and formats include: \
             0.1.0, 0.2.1, 1.1.0, etc.\n\n{}",
            manifest["version"].as_str().unwrap_or_default(),
            error.text()
        ),
        [Step::Key(key)] if key == "ref" && error.validator == "pattern" => format!(
            "Pack ref / name can only contain valid word characters (a-z, 0-9 and _), dashes are not \
             allowed.\n\n{}",
            error.text()
        ),
        _ => error.message,
    };
    Err(Error { message, path: error.path })
}

/// The reference of a pack: its `ref`, else its directory's name, else its own, whichever can be one.
pub fn reference(manifest: &Map<String, Value>, directory: Option<&str>) -> Result<String, Error> {
    let name = manifest.get("name").and_then(Value::as_str).unwrap_or_default();
    let (reference, key) = if let Some(reference) = manifest.get("ref").and_then(Value::as_str) {
        (reference, "ref")
    } else {
        let mut candidates = [directory.unwrap_or_default(), name].into_iter();
        let reference = candidates.find(|name| is_reference(name)).ok_or_else(|| {
            // "onlyword" is how StackStorm spells it.
            let message = format!(
                "Pack name \"{name}\" contains invalid characters and \"ref\" attribute is not available. You \
                 either need to add \"ref\" attribute which contains only word characters to the pack metadata file \
                 or update name attribute to contain onlyword characters."
            );
            Error::new(message, ["name"])
        })?;
        (reference, "name")
    };
    if reference == "_global" {
        // Overrides for all packs go by this name.
        return Err(Error::new("_global is a reserved name, and cannot be used as a pack name", [key]));
    }
    Ok(reference.to_owned())
}

/// Whether a name can be the reference of a pack.
pub fn is_reference(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}
