//! Memory of the process, and the limit that its container has, as Linux tells them.
//!
//! Not here: bounds on what is in flight.

use std::time::Duration;

use metrics::gauge;

const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Where a container finds its own limit: cgroup v2, then v1.
const LIMITS: [&str; 2] = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];

/// A limit beyond any machine's memory stands for none.
const NO_LIMIT: f64 = (1_u64 << 50) as f64;

/// Tells memory and limit again and again.
pub async fn watch() {
    loop {
        gauge!("bwp_memory_bytes").set(read("/proc/self/status").as_deref().map_or(0.0, resident));
        gauge!("bwp_memory_limit_bytes").set(LIMITS.iter().find_map(|file| read(file)).as_deref().map_or(0.0, limit));
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn read(file: &str) -> Option<String> {
    std::fs::read_to_string(file).ok()
}

/// The line `VmRSS:    20480 kB`.
fn resident(status: &str) -> f64 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.unwrap_or_default() * 1024.0
}

/// A number, or `max` where there is no limit.
fn limit(text: &str) -> f64 {
    text.trim().parse().ok().filter(|limit| *limit < NO_LIMIT).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_bytes_and_no_limit_is_nothing() {
        assert_eq!(resident("VmPeak:\t  900 kB\nVmRSS:\t   20480 kB\nVmData:\t 1 kB\n"), 20_971_520.0);
        assert_eq!(resident("nothing of the kind"), 0.0);
        assert_eq!(limit("536870912\n"), 536_870_912.0);
        assert_eq!((limit("max\n"), limit("9223372036854771712\n")), (0.0, 0.0));
    }
}
