//! What the operating system knows of this process.

use std::{fs, time::Duration};

use rustix::{
    param::page_size,
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
        }
    }
}
