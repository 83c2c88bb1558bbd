//! The library's byte code, made beforehand: a run must not compile it anew where Python may not keep what it compiled
//! (another user's run, `PYTHONDONTWRITEBYTECODE`).

use super::{interpreter, library_dir, tool};
use crate::config::Config;
use std::{fs, io, path::Path};

/// Holds what the byte code was made by.
const MARKER: &str = ".compiled";

/// Compiles the unpacked library for the interpreter of system packs, if that has not been done. It runs at the lowest
/// priority; who imports meanwhile compiles for itself.
///
/// # Errors
/// In words for the log; nothing depends on it.
pub async fn compile(config: &Config) -> Result<(), String> {
    let program = interpreter(config).map_err(|error| error.to_string())?;
    let library = library_dir(config);
    let maker = maker(&program).map_err(|error| format!("{}: {error}", program.display()))?;
    let marker = library.join(MARKER);
    if fs::read_to_string(&marker).is_ok_and(|found| found == maker) {
        return Ok(());
    }
    // The files never change: they are replaced, byte code and all, when another program unpacks its own.
    let mut arguments =
        ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"].map(str::to_owned).to_vec();
    arguments.push(library.to_string_lossy().into_owned());
    let program = match tool::find("nice") {
        Some(nice) => {
            arguments.splice(..0, ["-n".to_owned(), "19".to_owned(), program.to_string_lossy().into_owned()]);
            nice
        }
        None => program,
    };
    let printed = tool::run(&program, &arguments, &[], &|_| {}).await.map_err(|error| error.to_string())?;
    if !printed.ok {
        return Err(format!("{}\n{}", printed.stdout, printed.stderr));
    }
    fs::write(&marker, maker).map_err(|error| format!("{}: {error}", marker.display()))
}

/// The interpreter's file and when it was made: another one may want other byte code.
fn maker(program: &Path) -> io::Result<String> {
    let program = program.canonicalize()?;
    let made = program.metadata()?.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Ok(format!("{} {}", program.display(), made.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_library_is_compiled_once() {
        let data = tempfile::tempdir().unwrap();
        let config = Config { data_dir: data.path().to_owned(), ..Config::default() };
        let library = library_dir(&config);
        fs::create_dir(&library).unwrap();
        fs::write(library.join("a.py"), "x = 1\n").unwrap();
        compile(&config).await.unwrap();
        let cache = library.join("__pycache__");
        assert_eq!(fs::read_dir(&cache).unwrap().count(), 1);
        fs::remove_dir_all(&cache).unwrap();
        compile(&config).await.unwrap();
        assert!(!cache.exists());
    }
}
