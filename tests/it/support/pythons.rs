//! The interpreters of this system.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// An interpreter besides the usual one, and its version; some systems have one.
pub(crate) fn another_python() -> Option<(PathBuf, String)> {
    let version = |program: &Path| {
        let code = "import sys; print('%d.%d' % sys.version_info[:2])";
        let output = Command::new(program).args(["-I", "-c", code]).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
        output.status.success().then_some(text)
    };
    let usual = version(Path::new("python3"))?;
    let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    let named = (8..30).map(|minor| PathBuf::from(format!("python3.{minor}")));
    let managed = [".pyenv/versions/3.*/bin/python3", ".local/share/uv/python/cpython-3.*/bin/python3"]
        .into_iter()
        .flat_map(|pattern| glob::glob(home.join(pattern).to_str().unwrap()).unwrap().filter_map(Result::ok));
    let old = ["3.6", "3.7"].map(str::to_owned);
    named.chain(managed).find_map(|program| {
        let version = version(&program).filter(|version| *version != usual && !old.contains(version))?;
        Some((program, version))
    })
}
