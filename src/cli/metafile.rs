//! Files that describe objects, in JSON or YAML.

use super::json;
use serde_json::Value;
use std::path::Path;

/// Reads a file as its ending says.
///
/// # Errors
/// The sentences of the Python client, whose users have seen them.
pub(crate) fn load(path: &str) -> Result<Value, String> {
    if !Path::new(path).is_file() {
        return Err(format!("File \"{path}\" does not exist."));
    }
    let ending = Path::new(path).extension().map(|e| format!(".{}", e.to_string_lossy())).unwrap_or_default();
    let read = || std::fs::read_to_string(path).map_err(|error| format!("Cannot read \"{path}\": {error}"));
    match ending.as_str() {
        ".json" => json::loads(&read()?),
        ".yaml" | ".yml" => crate::yaml::load(&read()?).map_err(|error| error.to_string()),
        _ => Err(format!("Unsupported meta type {ending}, file {path}. Allowed: ['.json', '.yaml', '.yml']")),
    }
}

/// The path as seen from here, absolute.
pub(crate) fn absolute(path: &str) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let mut parts: Vec<std::ffi::OsString> = Vec::new();
    for part in here.join(path).components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => {
                if parts.len() > 1 {
                    parts.pop();
                }
            }
            other => parts.push(other.as_os_str().to_owned()),
        }
    }
    parts.iter().collect::<std::path::PathBuf>().display().to_string()
}
