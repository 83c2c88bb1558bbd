//! 5: a Python action forked from a warm interpreter. 6: one with an interpreter of its own. Both from request to
//! visible end, idle, against a bare start of the same interpreter.

use crate::{
    daemon::Daemon,
    http,
    postgres::Postgres,
    report::{Goal, Row, median},
};
use anyhow::{Context, bail};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

const SAMPLES: usize = 40;
/// Long enough for the machine's cores to doze off.
const IDLE: Duration = Duration::from_millis(20);

/// An action that does nothing, and one that answers `size` bytes.
const NOTHING: &str = "from st2common.runners.base_action import Action\nclass Nothing(Action):\n    def run(self):\n        return None\n";

pub(crate) fn run(pairs: usize) -> anyhow::Result<Vec<Row>> {
    let postgres = Postgres::start()?;
    let pack = Pack::with(&[("nothing", NOTHING)])?;
    postgres.psql("postgres", "CREATE DATABASE cold")?;
    let cold_pack = Pack::with(&[("nothing", NOTHING)])?;
    let warm = pack.daemon(&postgres.url("st2"), true)?;
    let cold = cold_pack.daemon(&postgres.url("cold"), false)?;
    warm_up(&warm)?;
    let (mut warm_ratios, mut cold_ratios) = (vec![], vec![]);
    let (mut bare, mut warm_times, mut cold_times) = (vec![], vec![], vec![]);
    for _ in 0..pairs {
        bare.push(samples(|| pack.bare_start())?);
        warm_times.push(samples(|| to_end(&warm))?);
        cold_times.push(samples(|| to_end(&cold))?);
        let anchor = bare[bare.len() - 1];
        warm_ratios.push(warm_times[warm_times.len() - 1] / anchor);
        cold_ratios.push(cold_times[cold_times.len() - 1] / anchor);
    }
    let ms = |values: &[f64]| median(values) * 1000.0;
    Ok(vec![
        Row {
            number: "5",
            what: "Python action, warm, request to visible end ÷ bare python -c pass",
            values: warm_ratios,
            goal: Goal::AtMost(0.6),
            stretch: 0.35,
            note: format!("{:.2} ms against {:.2} ms", ms(&warm_times), ms(&bare)),
        },
        Row {
            number: "6",
            what: "Python action, cold, request to visible end ÷ bare python -c pass",
            values: cold_ratios,
            goal: Goal::AtMost(2.0),
            stretch: 1.4,
            note: format!("{:.2} ms against {:.2} ms", ms(&cold_times), ms(&bare)),
        },
    ])
}

fn samples(mut one: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let mut times = Vec::with_capacity(SAMPLES);
    for _ in 0..SAMPLES {
        std::thread::sleep(IDLE);
        let begin = Instant::now();
        one()?;
        times.push(begin.elapsed().as_secs_f64());
    }
    Ok(median(&times))
}

fn to_end(daemon: &Daemon) -> anyhow::Result<()> {
    let mut client = daemon.client()?;
    let id = http::post(&mut client, r#"{"action":"bench.nothing"}"#)?;
    let ended = http::wait(&mut client, &id)?;
    if ended["status"] != "succeeded" {
        bail!("the action ended with {}: {}", ended["status"], ended["result"]);
    }
    Ok(())
}

/// Until actions are forked, and its interpreter knows what they import.
fn warm_up(daemon: &Daemon) -> anyhow::Result<()> {
    for _ in 0..20 {
        to_end(daemon)?;
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// A data directory with a pack and its virtualenv.
pub(crate) struct Pack {
    directory: tempfile::TempDir,
}

impl Pack {
    pub(crate) fn with(actions: &[(&str, &str)]) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        let data = directory.path().join("st2");
        let pack = data.join("packs/bench");
        fs::create_dir_all(pack.join("actions"))?;
        fs::set_permissions(&data, fs::Permissions::from_mode(0o700))?;
        fs::write(
            pack.join("pack.yaml"),
            "name: bench\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@b.cz\n",
        )?;
        for (name, code) in actions {
            let metadata =
                format!("name: {name}\nrunner_type: python-script\nentry_point: {name}.py\nenabled: true\n");
            fs::write(pack.join(format!("actions/{name}.yaml")), metadata)?;
            fs::write(pack.join(format!("actions/{name}.py")), code)?;
        }
        let virtualenv = data.join("virtualenvs/bench");
        let made = Command::new("python3").args(["-m", "venv", "--without-pip"]).arg(&virtualenv).status()?;
        if !made.success() {
            bail!("python3 -m venv failed");
        }
        Ok(Self { directory })
    }

    pub(crate) fn daemon(&self, database_url: &str, warm: bool) -> anyhow::Result<Daemon> {
        let env = [("ST2_ACTIONRUNNER__PYTHON_WARM", if warm { "true" } else { "false" })];
        Daemon::start_with(self.directory.path(), Some(database_url), &env)
    }

    pub(crate) fn python(&self) -> PathBuf {
        self.directory.path().join("st2/virtualenvs/bench/bin/python")
    }

    fn bare_start(&self) -> anyhow::Result<()> {
        python(&self.python(), "pass").map(drop)
    }
}

/// What a bare interpreter prints.
pub(crate) fn python(program: &Path, code: &str) -> anyhow::Result<Vec<u8>> {
    let output = Command::new(program).args(["-c", code]).stderr(Stdio::inherit()).output();
    Ok(output.context("python does not start")?.stdout)
}
