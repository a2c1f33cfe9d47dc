//! The report files of a run: `--report` as JSON, `--meta` in the format of isolate(1).
//!
//! isolate is the sandbox of the International Olympiad in Informatics, and many graders read its `key:value` lines
//! (isolate(1), section "META-FILES"). The same keys let this command replace it. Times are in seconds, memory in
//! KiB.
//!
//! | Status | When |
//! |---|---|
//! | none | it exited with 0 |
//! | `RE` | it exited with another code |
//! | `SG` | a signal killed it: its own fault, out of memory, or too much output |
//! | `TO` | it exceeded the limit of wall time or processor time |
//! | `XX` | the engine failed, so there is no result |
//!
//! `cg-oom-killed` is present if the kernel killed *any* process of the container because of the memory limit. If
//! that was the program itself or its init, the run ends. Otherwise the program continues, and its own exit code
//! counts.
//!
//! Without `--init` the program is process 1, and the lines describe how process 1 ended: the kernel drops signals
//! that such a process sends to itself (see `minicontainer_core::report`). Graders should use `--init`.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use minicontainer::{Report, Verdict};
use nix::sys::signal::Signal;

use crate::error::{Context, Failure};

/// A file that is written completely or not at all: beside its path, and then renamed. It is opened before the
/// container starts, so that an invalid path is reported before the work is done.
#[derive(Debug)]
pub struct ReportFile {
    file: File,
    path: PathBuf,
    /// None if the path is not a regular file, such as /dev/stderr, which must not be replaced.
    staged: Option<PathBuf>,
}

impl ReportFile {
    pub fn open(path: &Path) -> Result<ReportFile, Failure> {
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
        Ok(ReportFile { file, path: path.to_owned(), staged })
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

impl Drop for ReportFile {
    fn drop(&mut self) {
        if let Some(staged) = &self.staged {
            // Best effort: the run failed, and that is the error to report.
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
        // isolate has no such limit. Its message for a file that is too large comes nearest.
        Verdict::OutputLimit => lines.extend(killed("SG", "Output limit exceeded")),
        other => lines.extend(killed("XX", &format!("Unknown verdict {other:?}"))),
    }
    lines.join("\n") + "\n"
}

/// The meta file if the engine failed.
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
    use super::*;

    fn report(verdict: Verdict, oom_kills: u64) -> Report {
        let mut report = Report::new(verdict);
        report.init = true;
        (report.cpu_time, report.wall_time) = (Duration::from_micros(1_234_567), Duration::from_millis(2_000));
        report.max_rss = 4096 * 1024;
        report.peak_memory = (oom_kills > 0).then_some(8 << 20);
        report.oom_kills = oom_kills;
        (report.voluntary_switches, report.forced_switches) = (12, 3);
        report
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
        drop(ReportFile::open(&path).unwrap());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
        fs::write(&path, "old").unwrap();
        ReportFile::open(&path).unwrap().write(b"new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        assert!(ReportFile::open(&directory.path().join("missing/report")).is_err());
    }
}
