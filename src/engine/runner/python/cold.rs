//! An interpreter for one action.

use super::{
    attempt::{self, Body, End},
    launch::Launch,
    pipes,
    process::{Process, Start},
};
use crate::engine::runner::{Error, LiveAction, RunIo};

pub(super) async fn run(launch: &Launch, action: &LiveAction, io: &RunIo) -> Result<End, Error> {
    io.begin().await?;
    let (ours, theirs) = pipes::open()?;
    let script = launch.library.join("st2_runner/cold.py");
    let start =
        Start { program: &launch.program, arguments: &["-u", &script.to_string_lossy()], env: &launch.env };
    let process = Process::start_run(&start, theirs)?;
    attempt::supervise(Body::Cold(Some(process), None), ours, launch.frame(false), launch, action, io).await
}
