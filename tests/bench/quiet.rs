//! Waits until a machine has done what it was given before, so that nothing of that is measured.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::process::cpu_micros;

/// For how long the broker must have hardly worked.
const LOOK: Duration = Duration::from_secs(1);
/// A broker with a few connections and queues uses less than this share of a core for them.
const SHARE: f64 = 0.1;
/// The most that the kernel may still have to write, in KiB.
const UNWRITTEN: u64 = 32 * 1024;
/// The disk may need minutes for a million messages.
const AT_MOST: Duration = Duration::from_secs(1_200);

/// Waits until the disk has what was written, and the broker does nothing.
///
/// # Panics
/// That does not come.
pub(crate) async fn quiet(broker: Option<u32>) {
    let began = Instant::now();
    loop {
        tokio::task::spawn_blocking(rustix::fs::sync).await.unwrap();
        let (from, before) = (Instant::now(), broker.map_or(0, cpu_micros));
        sleep(LOOK).await;
        let worked = (broker.map_or(0, cpu_micros) - before) as f64 / 1e6;
        if worked / from.elapsed().as_secs_f64() < SHARE && unwritten() < UNWRITTEN {
            break;
        }
        assert!(began.elapsed() < AT_MOST, "broker or disk are busy for {AT_MOST:?}");
    }
    if began.elapsed() > 10 * LOOK {
        println!("waited {:.0} s for broker and disk", began.elapsed().as_secs_f64());
    }
}

/// Memory that the kernel is to write or writes, in KiB.
fn unwritten() -> u64 {
    let all = std::fs::read_to_string("/proc/meminfo").unwrap();
    let of = |named: &str| {
        let line = all.lines().find(|line| line.starts_with(named)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    of("Dirty:") + of("Writeback:")
}
