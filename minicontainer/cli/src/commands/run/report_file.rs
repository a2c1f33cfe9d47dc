//! What was measured, in files: `--report` as JSON, `--meta` as isolate(1) writes it.
//!
//! isolate is the sandbox of the International Olympiad in Informatics; graders everywhere read its `key:value` lines
//! (its manual page, section "META-FILES"). With the same keys this command can take its place. Times are in seconds,
//! memory in KiB.
//!
//! | Status | When |
//! |---|---|
//! | none | it exited with 0 |
//! | `RE` | it exited with another code |
//! | `SG` | a signal ended it: its own fault, too little memory, or too much output |
//! | `TO` | it ran longer than a limit of time, on the wall or of processors |
//! | `XX` | the engine could not do its part: nothing is said of the program |
//!
//! `cg-oom-killed` is there whenever the kernel killed *any* process of the container for want of memory. Only when
//! that was the program itself, or its init, is the run over by that; else the program goes on, and its own exit code
//! counts.
//!
//! Without `--init` the program is process 1, and the lines say how process 1 ended: the kernel drops signals that
//! such a process sends to itself (`minicontainer_core::report` tells more). A grader wants `--init`.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use minicontainer::{Report, Verdict};
use nix::sys::signal::Signal;

use crate::error::{Context, Failure};

/// A file that will be there whole or not at all: written beside its place and renamed. It is opened before the
/// container starts, so that a wrong path is told before the work is done and not after.
#[derive(Debug)]
pub struct MeasureFile {
    file: File,
    path: PathBuf,
    /// None where the path is no regular file, such as /dev/stderr: that must not be replaced by one.
    staged: Option<PathBuf>,
}

impl MeasureFile {
    pub fn open(path: &Path) -> Result<MeasureFile, Failure> {
        let is_special = fs::metadata(path).is_ok_and(|metadata| !metadata.is_file());
        let staged = (!is_special).then(|| {
            let mut name = path.as_os_str().to_owned();
            name.push(format!(".new-{}", std::process::id()));
            PathBuf::from(name)
        });
        let opened = match &staged {
            Some(staged) => OpenOptions::new().write(true).create_new(true).open(staged),
            None => OpenOptions::new().append(true).open(path),
        };
        let file = opened.with_context(|| format!("cannot write {}", path.display()))?;
        Ok(MeasureFile { file, path: path.to_owned(), staged })
    }

    pub fn write(mut self, content: &[u8]) -> Result<(), Failure> {
        let failed = || format!("cannot write {}", self.path.display());
        self.file.write_all(content).with_context(failed)?;
        if let Some(staged) = &self.staged {
            fs::rename(staged, &self.path).with_context(|| format!("cannot write {}", self.path.display()))?;
            self.staged = None;
        }
        Ok(())
    }
}

impl Drop for MeasureFile {
    fn drop(&mut self) {
        if let Some(staged) = &self.staged {
            // The run failed, and that is what is told.
            let _ = fs::remove_file(staged);
        }
    }
}

/// The meta file of a run.
pub fn meta(report: &Report) -> String {
    let mut lines = vec![
        format!("time:{}", seconds(report.cpu_time)),
        format!("time-wall:{}", seconds(report.wall_time)),
        format!("max-rss:{}", report.max_rss / 1024),
        format!("csw-voluntary:{}", report.voluntary_switches),
        format!("csw-forced:{}", report.forced_switches),
    ];
    lines.extend(report.peak_memory.map(|bytes| format!("cg-mem:{}", bytes / 1024)));
    if report.oom_kills > 0 {
        lines.push("cg-oom-killed:1".to_owned());
    }
    match report.verdict {
        Verdict::Exited(code) => {
            lines.push(format!("exitcode:{code}"));
            if code != 0 {
                lines.extend(["status:RE".to_owned(), format!("message:Exited with error status {code}")]);
            }
        }
        Verdict::Signalled(signal) => lines.extend(signalled(signal)),
        Verdict::MemoryLimit => lines.extend(signalled(Signal::SIGKILL as i32)),
        Verdict::TimeLimit => lines.extend(killed("TO", "Time limit exceeded (wall clock)")),
        Verdict::CpuTimeLimit => lines.extend(killed("TO", "Time limit exceeded")),
        // isolate knows no such limit. What it says of a file that became too long comes nearest.
        Verdict::OutputLimit => lines.extend(killed("SG", "Output limit exceeded")),
    }
    lines.join("\n") + "\n"
}

/// The meta file of a run that was none, for a fault of the engine's.
pub fn fault(message: &str) -> String {
    format!("status:XX\nmessage:{}\n", message.replace('\n', " "))
}

fn signalled(signal: i32) -> [String; 3] {
    [format!("exitsig:{signal}"), "status:SG".to_owned(), format!("message:Caught fatal signal {signal}")]
}

fn killed(status: &str, message: &str) -> [String; 3] {
    ["killed:1".to_owned(), format!("status:{status}"), format!("message:{message}")]
}

fn seconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use minicontainer::core::report::EnforcedLimits;

    use super::*;

    fn report(verdict: Verdict, oom_kills: u64) -> Report {
        Report {
            verdict,
            init: true,
            cpu_time: Duration::from_micros(1_234_567),
            wall_time: Duration::from_millis(2_000),
            max_rss: 4096 * 1024,
            peak_memory: (oom_kills > 0).then_some(8 << 20),
            oom_kills,
            voluntary_switches: 12,
            forced_switches: 3,
            disk_full: None,
            limits: EnforcedLimits::default(),
        }
    }

    #[test]
    fn every_verdict_has_its_meta_lines() {
        let verdicts = [
            (Verdict::Exited(0), 0),
            (Verdict::Exited(7), 0),
            (Verdict::Exited(137), 1),
            (Verdict::Signalled(11), 0),
            (Verdict::TimeLimit, 0),
            (Verdict::CpuTimeLimit, 0),
            (Verdict::OutputLimit, 0),
            (Verdict::MemoryLimit, 1),
        ];
        let files = verdicts.map(|(verdict, oom_kills)| meta(&report(verdict, oom_kills)));
        insta::assert_snapshot!(files.join("\n"));
        insta::assert_snapshot!(fault("cannot\nstart"));
    }

    #[test]
    fn report_file_is_replaced_atomically() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("report");
        drop(MeasureFile::open(&path).unwrap());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
        fs::write(&path, "old").unwrap();
        MeasureFile::open(&path).unwrap().write(b"new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        assert!(MeasureFile::open(&directory.path().join("missing/report")).is_err());
    }
}
