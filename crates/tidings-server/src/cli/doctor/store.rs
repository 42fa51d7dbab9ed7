//! Whether what is acknowledged can be kept: whose the file is, how much room there is, and how
//! long the disk takes to say that it has something.

use std::{
    fs::{File, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::fs::statvfs;

use super::Finding;
use crate::config::{Config, services::Sync};

const SUBJECT: &str = "store";
/// Writes that are timed.
const WRITES: usize = 16;
/// What a disk should need for one at most; a commit waits for it.
const SLOW: Duration = Duration::from_millis(20);
const MIB: u64 = 1024 * 1024;
/// Less than that is soon nothing.
const LITTLE: u64 = 512 * MIB;

pub(super) fn look(config: &Config) -> Vec<Finding> {
    let path = &config.store.path;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        let fact = format!("there is no folder {}", folder.display());
        return vec![Finding::bad(
            SUBJECT,
            fact,
            "make it, or name another one in store.path",
        )];
    }
    vec![owner(path), space(folder), disk(folder, config.store.sync)]
}

fn owner(path: &Path) -> Finding {
    let shown = path.display();
    if !path.exists() {
        return Finding::good(SUBJECT, format!("{shown} will be made"));
    }
    if let Err(error) = File::options().write(true).open(path) {
        let advice = "the user that runs the server has to own it, and its folder";
        return Finding::bad(SUBJECT, format!("{shown}: {error}"), advice);
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push("-lock");
    let locked = File::open(PathBuf::from(beside)).map(|it| it.try_lock());
    match locked {
        Ok(Err(TryLockError::WouldBlock)) => Finding::doubtful(
            SUBJECT,
            format!("{shown} is in use"),
            "by a Tidings that runs already; a file has one server",
        ),
        _ => Finding::good(
            SUBJECT,
            format!("{shown} is there, and nobody's at the moment"),
        ),
    }
}

fn space(folder: &Path) -> Finding {
    let free = match statvfs(folder) {
        Ok(it) => it.f_bavail.saturating_mul(it.f_frsize),
        Err(error) => {
            let fact = format!("{}: {error}", folder.display());
            return Finding::doubtful(SUBJECT, fact, "nobody can say how much room there is");
        }
    };
    let fact = format!("{} MiB are free", free / MIB);
    if free < LITTLE {
        let advice =
            "make room: without any, sending is refused; [[rooms.retention]] bounds a room";
        return Finding::doubtful(SUBJECT, fact, advice);
    }
    Finding::good(SUBJECT, fact)
}

fn disk(folder: &Path, sync: Sync) -> Finding {
    let mut times = match times_of_writes(folder) {
        Ok(times) => times,
        Err(error) => {
            let fact = format!("cannot write to {}: {error}", folder.display());
            return Finding::bad(SUBJECT, fact, "the user that runs the server has to own it");
        }
    };
    times.sort_unstable();
    let (median, worst) = (times[WRITES / 2], times[WRITES - 1]);
    let fact = format!(
        "a write lasts {:.1} ms until it is on the disk, {:.1} ms at worst",
        median.as_secs_f64() * 1e3,
        worst.as_secs_f64() * 1e3
    );
    if median > SLOW && sync == Sync::Full {
        let advice = "every acknowledgement waits for one: take a faster disk, or live with \
                      store.sync = \"normal\", which a loss of power may cost messages";
        return Finding::doubtful(SUBJECT, fact, advice);
    }
    Finding::good(SUBJECT, fact)
}

fn times_of_writes(folder: &Path) -> io::Result<Vec<Duration>> {
    let mut file = tempfile::tempfile_in(folder)?;
    let mut write = || {
        let begun = Instant::now();
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        Ok(begun.elapsed())
    };
    (0..WRITES).map(|_| write()).collect()
}
