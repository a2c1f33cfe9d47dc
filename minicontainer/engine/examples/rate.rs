//! Measures container starts per second, with several at a time, and the memory of each start. It runs any command,
//! so engines can be compared. tests/bench runs it.
//!
//! ```console
//! $ cargo run --profile dist -p minicontainer-engine --example rate -- 100 8 crun run --bundle bundle 'id-{}'
//! ```
//!
//! `{}` becomes the number of the start. The output is starts per second and the largest resident set of a process.

use std::{
    process::{Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Instant,
};

use nix::sys::resource::{UsageWho, getrusage};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [count, jobs, program, arguments @ ..] = &words[..] else {
        return Err("usage: rate COUNT JOBS PROGRAM [ARGUMENT...]".into());
    };
    let (count, jobs): (usize, usize) = (count.parse()?, jobs.parse()?);
    let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let begin = Instant::now();
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return;
                    }
                    let own = arguments.iter().map(|word| word.replace("{}", &number.to_string()));
                    let ended = Command::new(program).args(own).stdout(Stdio::null()).status();
                    if !ended.is_ok_and(|status| status.success()) {
                        failed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let rate = count as f64 / begin.elapsed().as_secs_f64();
    let failed = failed.into_inner();
    if failed > 0 {
        return Err(format!("{failed} of {count} failed").into());
    }
    println!("{rate:.1} {:.1}", getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss() as f64 / 1024.0);
    Ok(())
}
