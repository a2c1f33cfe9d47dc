//! Flags of `build`: the effect of each, and the flags that are refused.

use std::fs;

use super::{build, project, refuse, step_results};
use crate::test_env::TestEnv;

#[test]
fn hosts_shm_size_and_ulimits_apply_to_run() {
    let place = TestEnv::new();
    let file =
        "FROM busybox\nRUN cat /etc/hosts; df -k /dev/shm | tail -n 1; ulimit -n\nRUN cat /etc/hosts > /seen\n";
    project(&place, "ctx", &[("Dockerfile", file)]);
    build(&place, &["ctx"]);
    let flags = ["--add-host", "db:10.1.2.3", "--add-host", "six=::1", "--shm-size", "8m", "--ulimit", "nofile=123"];
    let printed = build(&place, &[&flags, &["-t", "flags", "ctx"][..]].concat());
    // These flags change the environment of RUN, so no step comes from the cache.
    assert_eq!(step_results(&printed), ["RUN DONE", "RUN DONE"]);
    for line in [" 10.1.2.3\\tdb\n", " ::1\\tsix\n", " 8192 ", " 123\n"] {
        assert!(printed.contains(line), "{line}: {printed}");
    }
    assert_eq!(step_results(&build(&place, &[&flags, &["ctx"][..]].concat())), ["RUN CACHED", "RUN CACHED"]);
    assert_eq!(step_results(&build(&place, &["ctx"])), ["RUN CACHED", "RUN CACHED"]);
    // The entries of --add-host are not stored in the image.
    let hosts = super::say(&place, "flags", "cat /etc/hosts 2>/dev/null; grep -c db /seen");
    assert!(!hosts.contains("10.1.2.3") && hosts.ends_with("1\n"), "{hosts}");
}

#[test]
fn no_cache_filter_rebuilds_one_stage() {
    let place = TestEnv::new();
    let file = "FROM busybox AS one\nRUN true\nFROM busybox AS Two\nRUN echo two > /two\nFROM busybox\nCOPY --from=one /etc /etc2\nCOPY --from=two /two /\n";
    project(&place, "ctx", &[("Dockerfile", file)]);
    build(&place, &["ctx"]);
    let printed = build(&place, &["--no-cache-filter", "two", "ctx"]);
    assert_eq!(step_results(&printed).iter().filter(|result| *result == "RUN DONE").count(), 1, "{printed}");
    assert_eq!(step_results(&printed).iter().filter(|result| result.ends_with("CACHED")).count(), 3, "{printed}");
}

#[test]
fn metadata_and_iid_files_are_written() {
    let place = TestEnv::new();
    project(&place, "ctx", &[("Dockerfile", "FROM busybox\nRUN true\n")]);
    build(&place, &["-t", "one:1", "-t", "two", "--metadata-file", "metadata.json", "--iidfile", "id", "ctx"]);
    let metadata: serde_json::Value =
        serde_json::from_slice(&fs::read(place.path("metadata.json")).unwrap()).unwrap();
    assert_eq!(metadata["image.name"], "docker.io/library/one:1,docker.io/library/two:latest");
    assert_eq!(metadata["containerimage.config.digest"], fs::read_to_string(place.path("id")).unwrap());
    let output = place.command(&["images", "--digests", "--format", "{{.Digest}}", "one:1"]).output().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    assert_eq!(metadata["containerimage.digest"], output.trim(), "{output}");
}

#[test]
fn unsupported_flags_are_refused_or_ignored() {
    let place = TestEnv::new();
    project(&place, "ctx", &[("Dockerfile", "FROM busybox\nRUN true\n")]);
    let mut table = String::new();
    for flags in [
        &["--cache-from", "type=registry,ref=x"][..],
        &["--cache-to", "type=inline"],
        &["--build-context", "x=."],
        &["-o", "type=tar,dest=x.tar"],
        &["--ssh", "default"],
        &["--push"],
        &["--squash"],
        &["--allow", "security.insecure"],
        &["--provenance=true"],
        &["--rm=false"],
        &["-m", "1g"],
        &["--add-host", "x:y"],
        &["--shm-size", "much"],
        &["--ulimit", "nothing=1"],
    ] {
        let answer = refuse(&place, &[flags, &["ctx"]].concat());
        table += &format!("$ minicontainer build {} ctx\n{}\n", flags.join(" "), answer.stderr);
    }
    insta::assert_snapshot!(table);
    let off =
        ["--no-cache=0", "--pull=false", "--push=F", "--squash=false", "--force-rm=false", "-q=false", "--load=1"];
    build(&place, &[&off[..], &["--rm=t", "--sbom=0", "ctx"]].concat());
    let wrong = place.run(&["build", "--no-cache=maybe", "ctx"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("'maybe' for '--no-cache"), "{}", wrong.stderr);
    build(&place, &["--load", "--rm", "--force-rm", "--provenance=false", "--sbom=false", "ctx"]);
}
