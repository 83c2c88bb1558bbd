//! The shared site: libraries that packs of StackStorm take for granted (`requests`, `yaml`, `st2client`…).
//!
//! Nothing is installed until something imports one of them: the directory first holds a small module for each, which
//! calls `st2_site.fulfil` of our Python library. That installs the real ones with pip or uv, once. So no run waits for
//! what it does not need, and without a network only what needs them fails, with the reason.

use std::{fs, io, path::Path};

/// Names that can be imported, as `LIBRARIES` of `st2_site.py` has them.
const PROMISED: [&str; 6] = ["eventlet", "jinja2", "requests", "six", "st2client", "yaml"];

/// There as long as the promises are not kept.
const PROMISE: &str = ".promise";

/// Makes the directory with its promises, if there is none.
pub fn promise(site: &Path) -> io::Result<()> {
    if site.exists() {
        return Ok(());
    }
    let parent = site.parent().unwrap_or(Path::new("."));
    let name = site.file_name().unwrap_or_default().to_string_lossy();
    let draft = parent.join(format!(".{name}.promised"));
    super::library::remove(&draft)?;
    fs::create_dir_all(&draft)?;
    for name in PROMISED {
        let text = "import st2_site\n\nst2_site.fulfil(__name__)\n";
        fs::write(draft.join(format!("{name}.py")), text)?;
    }
    fs::write(draft.join(PROMISE), "")?;
    fs::rename(draft, site)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_promised_is_what_gets_installed() {
        let script = include_str!("../../../python/st2_site.py");
        for name in PROMISED {
            assert!(script.contains(&format!("    \"{name}\": \"")), "{name}");
        }
        let listed = script.split("LIBRARIES = {").nth(1).and_then(|rest| rest.split('}').next()).unwrap();
        assert_eq!(listed.matches("\": \"").count(), PROMISED.len());
    }
}
