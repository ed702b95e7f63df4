//! The Python environment of the emulator and of the tools that check from outside: made once, under target/.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, bail};

use crate::skipped;

/// Programs installed with the packages of `tests/aws/requirements.txt`.
#[derive(Debug, Clone)]
pub struct Venv {
    directory: PathBuf,
}

/// The emulator's own files.
pub fn emulator_sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("aws")
}

impl Venv {
    /// The environment, made if need be. `None` where there is no Python, or it cannot install packages.
    ///
    /// # Panics
    /// Where `CI=true` and there is none.
    pub fn get() -> Option<Self> {
        static MADE: OnceLock<Result<Venv, String>> = OnceLock::new();
        let made = MADE.get_or_init(|| Self::make().map_err(|error| format!("{error:#}")));
        match made {
            Ok(venv) => Some(venv.clone()),
            Err(why) => skipped(&format!("what needs the emulator of AWS: {why}")),
        }
    }

    /// Several test processes may want it at once; the first makes it.
    fn make() -> anyhow::Result<Self> {
        let test = std::env::current_exe().context("a running program has a path")?;
        let target = test.ancestors().nth(3).context("target/PROFILE/deps/TEST")?;
        let directory = target.join("aws-emulator");
        fs::create_dir_all(&directory).context("making a directory")?;
        let lock = File::create(directory.join("lock")).context("making a lock")?;
        lock.lock().context("waiting for whoever makes the environment")?;
        let wanted = fs::read_to_string(emulator_sources().join("requirements.txt"))?;
        let made = directory.join("made");
        let environment = directory.join("venv");
        if fs::read_to_string(&made).is_ok_and(|made| made == wanted) {
            return Ok(Self { directory: environment });
        }
        let _ = fs::remove_file(&made);
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))
            .context("python3 with its module venv is needed (Debian: python3-venv)")?;
        let venv = Self { directory: environment };
        let mut pip = venv.command("pip");
        pip.args([
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-input",
            "--no-deps",
            "--requirement",
        ]);
        run(pip.arg(emulator_sources().join("requirements.txt"))).context("installing packages")?;
        fs::write(&made, wanted)?;
        Ok(venv)
    }

    /// A program of the environment.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.directory.join("bin").join(program));
        command.stdin(Stdio::null());
        command
    }
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.stdin(Stdio::null()).output().context("it does not start")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
