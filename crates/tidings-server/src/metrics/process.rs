//! What the operating system knows of this process.

use std::{fs, time::Duration};

use rustix::{
    param::page_size,
    process::{Resource, getrlimit},
    time::{ClockId, clock_gettime},
};

/// Time that processors have spent on it.
pub(crate) fn cpu() -> Duration {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    spent.try_into().unwrap_or_default()
}

/// Bytes of memory that it has in use, where the system says.
pub(crate) fn memory() -> Option<u64> {
    let pages = fs::read_to_string("/proc/self/statm").ok()?;
    let resident: u64 = pages.split(' ').nth(1)?.parse().ok()?;
    Some(resident * page_size() as u64)
}

/// Files and sockets that it has open, where the system says.
pub(crate) fn open_files() -> Option<u64> {
    let folder = fs::metadata("/proc/self/fd").ok()?;
    // Systems before Linux 6.2 do not know the size of that folder.
    match folder.len() {
        0 => Some(fs::read_dir("/proc/self/fd").ok()?.count() as u64),
        counted => Some(counted),
    }
}

/// Files and sockets that it may have open, if that has a limit.
pub(crate) fn most_files() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_is_seen() {
        let before = cpu();
        let mut much = vec![1u8; 64 << 20];
        for byte in &mut much {
            *byte = byte.wrapping_mul(3);
        }
        std::hint::black_box(&much);
        assert!(cpu() > before);
        if cfg!(target_os = "linux") {
            let used = memory().unwrap();
            assert!(used > 64 << 20, "{used}");
            let files: Vec<_> = (0..100)
                .filter_map(|_| fs::File::open("/dev/null").ok())
                .collect();
            let open = open_files().unwrap();
            assert!(open >= files.len() as u64, "{open}");
            assert!(most_files().is_none_or(|most| most >= open));
        }
    }
}
