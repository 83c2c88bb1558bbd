//! Byte code made beforehand: a run must not compile the library anew where Python may not keep what it compiled (another
//! user's run, `PYTHONDONTWRITEBYTECODE`), and the first run of a pack's action is no slower than the next.

use super::{interpreter, library_dir, tool};
use crate::config::Config;
use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};
use std::{
    fs::{self, File},
    io,
    path::Path,
    process::Stdio,
};

/// Holds what the byte code was made by.
const MARKER: &str = ".compiled";

/// Held by whoever compiles.
const LOCK: &str = ".compiling";

/// Compiles the unpacked library for the interpreter of system packs, if that has not been done. It runs at the lowest
/// priority; who imports meanwhile compiles for itself. Where it is being done already, by what a killed daemon has left
/// perhaps, it is not done twice.
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
    let Some(lock) = lock(&library).map_err(|error| error.to_string())? else { return Ok(()) };
    // The process holds it too, and longer than we do if we are killed.
    let held = lock.try_clone().map_err(|error| error.to_string())?;
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
    let printed = tool::run_reading(&program, &arguments, &[], Stdio::from(held), &|_| {}).await;
    let printed = printed.map_err(|error| error.to_string())?;
    if !printed.ok {
        return Err(format!("{}\n{}", printed.stdout, printed.stderr));
    }
    fs::write(&marker, maker).map_err(|error| format!("{}: {error}", marker.display()))
}

/// The right to compile; `None` when somebody does.
fn lock(library: &Path) -> io::Result<Option<Flock<File>>> {
    match Flock::lock(File::create(library.join(LOCK))?, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(Some(lock)),
        Err((_, Errno::EWOULDBLOCK)) => Ok(None),
        Err((_, error)) => Err(error.into()),
    }
}

/// Compiles the code of a pack that is installed. What cannot be compiled is left to the run that imports it.
pub(super) async fn compile_pack(program: &Path, pack: &Path) {
    let directories = ["actions", "sensors", "lib"].map(|name| pack.join(name));
    let directories: Vec<String> = directories
        .iter()
        .filter(|directory| has_code(directory, 4))
        .map(|directory| directory.to_string_lossy().into_owned())
        .collect();
    if directories.is_empty() {
        return;
    }
    let arguments: Vec<String> =
        ["-I", "-m", "compileall", "-q"].map(str::to_owned).into_iter().chain(directories).collect();
    match tool::run(program, &arguments, &[], &|_| {}).await {
        Ok(printed) if printed.ok => {}
        Ok(printed) => tracing::debug!("Not all of {} compiles:\n{}", pack.display(), printed.stdout),
        Err(error) => tracing::debug!("{} cannot compile: {error}", program.display()),
    }
}

/// Whether there are Python files in a directory, or so many levels below it.
fn has_code(directory: &Path, levels: usize) -> bool {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => levels > 0 && has_code(&entry.path(), levels - 1),
        Ok(_) => entry.path().extension().is_some_and(|ending| ending == "py"),
        Err(_) => false,
    })
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
    async fn a_pack_is_compiled_as_far_as_it_can_be() {
        let pack = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = pack.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("actions/lib/deep.py", "x = 1\n");
        write("actions/broken.py", "def\n");
        write("actions/fine.py", "x = 1\n");
        write("sensors/none.yaml", "a: 1\n");
        compile_pack(&interpreter(&Config::default()).unwrap(), pack.path()).await;
        let made = |path: &str| fs::read_dir(pack.path().join(path)).map_or(0, Iterator::count);
        assert_eq!((made("actions/lib/__pycache__"), made("actions/__pycache__")), (1, 1));
        assert!(!pack.path().join("sensors/__pycache__").exists());
    }

    #[tokio::test]
    async fn the_library_is_compiled_once() {
        let data = tempfile::tempdir().unwrap();
        let config = Config { data_dir: data.path().to_owned(), ..Config::default() };
        let library = library_dir(&config);
        fs::create_dir(&library).unwrap();
        fs::write(library.join("a.py"), "x = 1\n").unwrap();
        let cache = library.join("__pycache__");
        let another = lock(&library).unwrap().unwrap();
        compile(&config).await.unwrap();
        assert!(!cache.exists(), "somebody else compiles");
        drop(another);
        compile(&config).await.unwrap();
        assert_eq!(fs::read_dir(&cache).unwrap().count(), 1);
        fs::remove_dir_all(&cache).unwrap();
        compile(&config).await.unwrap();
        assert!(!cache.exists());
    }
}
