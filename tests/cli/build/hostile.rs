//! Malicious Dockerfiles, contexts and images. The ids are those of the rows in tests/hostile.toml.

use std::{
    fs,
    os::unix::fs::symlink,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use nix::{sys::stat::Mode, unistd::mkfifo};

use super::{build, is_in, project, refuse, say};
use crate::test_env::TestEnv;

/// The content of a host file next to the context. No build may read it.
const CANARY: &str = "the-hosts-own-7341";

fn canary(place: &TestEnv) {
    project(place, "host", &[("secret", CANARY), ("Dockerfile", &format!("{CANARY}\n"))]);
}

#[track_caller]
fn check_refused(place: &TestEnv, dockerfile: &str, expect: &str) {
    let answer =
        place.run_with_input(&["build", "-f", "-", "ctx"], format!("FROM busybox\n{dockerfile}\n").as_bytes());
    assert!(answer.code == 1 && answer.stderr.contains(expect), "{dockerfile}: {}", answer.stderr);
    assert!(!answer.stderr.contains(CANARY), "{dockerfile}: {}", answer.stderr);
    super::check_clean(place);
}

/// E68. The positive control is the link `good`: it stays inside the context, so it is followed.
#[test]
fn copy_never_leaves_the_context() {
    let place = TestEnv::new();
    canary(&place);
    project(&place, "ctx", &[("inside", "in"), ("d/file", "f")]);
    let host = place.path("host");
    symlink("d/file", place.path("ctx/good")).unwrap();
    symlink(host.join("secret"), place.path("ctx/absolute")).unwrap();
    symlink("../host/secret", place.path("ctx/climbing")).unwrap();
    symlink(&host, place.path("ctx/directory")).unwrap();
    symlink("/", place.path("ctx/root")).unwrap();
    symlink("loop", place.path("ctx/loop")).unwrap();
    symlink("/proc/self/root", place.path("ctx/magic")).unwrap();
    check_refused(&place, "COPY ../host/secret /", "cannot copy /host/secret from the build context: not found");
    check_refused(&place, "COPY d/../../host/secret /", "not found");
    check_refused(&place, &format!("COPY {}/secret /", host.display()), "not found");
    // Links are resolved inside the context.
    for link in ["absolute", "climbing", "directory/secret", "magic/etc/passwd", "root/etc/passwd"] {
        check_refused(&place, &format!("COPY {link} /x"), "not found");
        check_refused(&place, &format!("ADD {link} /x"), "not found");
        check_refused(&place, &format!("RUN --mount=source={link},target=/x cat /x"), "not found");
    }
    for instruction in ["COPY loop /x", "ADD loop /x", "RUN --mount=source=loop,target=/x cat /x"] {
        check_refused(&place, instruction, "too many symbolic links");
    }
    check_refused(&place, "COPY root/../../etc/passwd /x", "not found");
    check_refused(&place, "RUN --mount=source=root/../../etc/passwd,target=/x cat /x", "not found");
    check_refused(&place, "ADD file:///etc/passwd /", "not supported");
    check_refused(&place, "ADD http://169.254.169.254/latest/meta-data /", "not supported");
    check_refused(&place, "ADD https://example.com/x.git#main:../.. /", "not supported");
    check_refused(&place, "ADD git@example.com:--upload-pack=touch /", "not supported");
    // A hard link is an ordinary file of the context: the image gets a copy, and the original does not change.
    fs::hard_link(host.join("secret"), place.path("ctx/hard")).unwrap();
    project(
        &place,
        "ctx",
        &[("Dockerfile", "FROM busybox\nCOPY good /good\nCOPY . /all\nCOPY hard /hard\nRUN echo changed > /hard\n")],
    );
    fs::remove_file(place.path("ctx/hard")).unwrap();
    fs::hard_link(host.join("secret"), place.path("ctx/hard")).unwrap();
    build(&place, &["-t", "copied", "ctx"]);
    assert_eq!(
        say(
            &place,
            "copied",
            "cat /good; readlink /all/climbing; cat /all/absolute /all/directory/secret 2>/dev/null; true"
        ),
        "f../host/secret\n"
    );
    assert_eq!(fs::read_to_string(host.join("secret")).unwrap(), CANARY);
    // A Dockerfile that is a link out of the context is refused. With -f the user may choose a file outside of it.
    fs::remove_file(place.path("ctx/Dockerfile")).unwrap();
    symlink("../host/Dockerfile", place.path("ctx/Dockerfile")).unwrap();
    let answer = refuse(&place, &["ctx"]);
    assert!(
        answer.stderr.contains("a symbolic link to something that is not in the build context"),
        "{}",
        answer.stderr
    );
    assert!(refuse(&place, &["-f", "host/Dockerfile", "ctx"]).stderr.contains("unknown instruction"));
}

/// E68. A directory that is repeatedly swapped with a link to the host never leads out of the context.
#[test]
fn swapped_directory_never_leads_out_of_the_context() {
    let place = TestEnv::new();
    canary(&place);
    project(
        &place,
        "ctx",
        &[("Dockerfile", "FROM busybox\nCOPY . /all\nCOPY swapped /swapped\n"), ("one/secret", "harmless")],
    );
    let (one, link) = (place.path("ctx/swapped"), place.path("link"));
    fs::rename(place.path("ctx/one"), &one).unwrap();
    symlink(place.path("host"), &link).unwrap();
    let (over, swaps) = (AtomicBool::new(false), std::sync::atomic::AtomicUsize::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::SeqCst) {
                let exchange = nix::fcntl::RenameFlags::RENAME_EXCHANGE;
                let here = nix::fcntl::AT_FDCWD;
                nix::fcntl::renameat2(here, &one, here, &link, exchange).unwrap();
                swaps.fetch_add(1, Ordering::SeqCst);
            }
        });
        let began = Instant::now();
        for round in 0..40 {
            let _either = place.run(&["build", "--no-cache", "-t", "swapped", "ctx"]);
            if began.elapsed() > Duration::from_secs(20) && round > 3 {
                break;
            }
        }
        over.store(true, Ordering::SeqCst);
    });
    assert!(swaps.into_inner() > 100);
    // Blobs are compressed, so only the unpacked layers can be searched.
    assert!(!is_in(&place.path("store/layers"), CANARY));
    super::check_clean(&place);
}

/// E69.
#[test]
fn hostile_ignore_files_are_refused_or_harmless() {
    let place = TestEnv::new();
    canary(&place);
    project(&place, "ctx", &[("Dockerfile", "FROM busybox\nCOPY . /all\n"), ("a", "a"), ("b", "b")]);
    let ignore = place.path("ctx/.dockerignore");
    let with = |text: &str| fs::write(&ignore, text).unwrap();
    let files = |place: &TestEnv| {
        build(place, &["-t", "ignored", "ctx"]);
        say(place, "ignored", "cd /all; ls -A | tr '\\n' ' '")
    };
    with("../..\n!/etc\n!../host/secret\na\n");
    assert_eq!(files(&place), ".dockerignore Dockerfile b ");
    with("*\n!b\n!../../etc\n");
    assert_eq!(files(&place), "b ");
    with(&format!("{}\nb\n", "x".repeat(60_000)));
    let long = place.run(&["build", "ctx"]);
    assert!(long.code == 0 || long.stderr.contains("line 1 of .dockerignore"), "{}", long.stderr);
    for (text, expect) in [
        ("a\n[\n", "line 2 of .dockerignore"),
        ("\\\n", "line 1 of .dockerignore"),
        (&"y".repeat(1 << 20), "dockerignore"),
    ] {
        with(text);
        let began = Instant::now();
        let answer = refuse(&place, &["ctx"]);
        assert!(answer.stderr.contains(expect) && answer.stderr.len() < 4_000_000, "{:.300}", answer.stderr);
        assert!(began.elapsed() < Duration::from_secs(20));
    }
    fs::remove_file(&ignore).unwrap();
    mkfifo(&ignore, Mode::from_bits_truncate(0o644)).unwrap();
    assert!(refuse(&place, &["ctx"]).stderr.contains("it is a FIFO"));
    fs::remove_file(&ignore).unwrap();
    symlink("/etc/shadow", &ignore).unwrap();
    assert!(
        refuse(&place, &["ctx"]).stderr.contains("a symbolic link to something that is not in the build context")
    );
    fs::remove_file(&ignore).unwrap();
    assert_eq!(files(&place), "Dockerfile a b ");
}

/// E70.
#[test]
fn run_mounts_do_not_lead_outside() {
    let place = TestEnv::new();
    canary(&place);
    let host = place.path("host");
    let out = host.display();
    // The image and the cache contain links to the host's directory. They must not be followed on the host.
    let file = format!(
        "FROM busybox AS evil\nRUN ln -s {out} /out && ln -s {out}/secret /file && mkdir /d\n\
         FROM evil\n\
         RUN --mount=type=cache,id=c,target=/c ln -sfn {out} /c/out && ln -sfn {out} /c/sub\n\
         RUN --mount=type=cache,id=c,target=/c cat /c/out/secret 2>/dev/null; true\n\
         RUN --mount=type=tmpfs,target=/stub/a/b rm -rf /stub/a 2>/dev/null; true\n\
         RUN --mount=type=tmpfs,target=/gone/host/b umount /gone/host/b 2>/dev/null; mv /gone /kept 2>/dev/null; ln -s {out}/.. /gone; true\n"
    );
    project(&place, "ctx", &[("Dockerfile", &file)]);
    let answer = place.run(&["build", "-t", "mounted", "ctx"]);
    assert!(!answer.stderr.contains(CANARY), "{}", answer.stderr);
    super::check_clean(&place);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    check_refused(&place, "RUN --mount=type=cache,id=c,source=sub,target=/c ls /c", "is not supported yet");
    let climbing = "RUN --mount=type=cache,id=x,from=busybox,source=/proc/self/root/etc,target=/c cat /c/shadow";
    check_refused(&place, climbing, "not found");
    check_refused(&place, "RUN --mount=from=busybox,source=/proc/self/root/etc,target=/x cat /x/shadow", "not found");
    let evil = format!(
        "FROM busybox AS evil\nRUN ln -s {out}/secret /file\nFROM busybox\nRUN --mount=from=evil,source=/file,target=/x cat /x\n"
    );
    let answer = place.run_with_input(&["build", "-f", "-", "ctx"], evil.as_bytes());
    assert!(
        answer.code == 1 && answer.stderr.contains("not found") && !answer.stderr.contains(CANARY),
        "{}",
        answer.stderr
    );
    // The target of a mount is looked up in the container, where the link is dangling.
    let evil = format!("FROM busybox\nRUN ln -s {out} /out\nRUN --mount=type=tmpfs,target=/out/in touch /out/in/x\n");
    let answer = place.run_with_input(&["build", "-f", "-", "ctx"], evil.as_bytes());
    assert!(answer.code == 1 && answer.stderr.contains("#5 ERROR"), "{}", answer.stderr);
    super::check_clean(&place);
    // The clean-up after a RUN removes files in the layer only.
    assert_eq!(fs::read_to_string(host.join("secret")).unwrap(), CANARY);
    assert_eq!(fs::read_dir(&host).unwrap().count(), 2);
}

/// E71. `dockerfiles` and `mounts` also test which values belong to a cache key.
#[test]
fn frontends_are_not_run_and_secrets_not_stored() {
    let place = TestEnv::new();
    let foreign = "# syntax=docker.io/evil/frontend:1\nFROM busybox\n";
    let file = "FROM busybox\nRUN --mount=type=secret,id=s cat /run/secrets/s | tr a-z n-za-m > /changed\nRUN echo $https_proxy | wc -c\n";
    project(&place, "ctx", &[("Dockerfile", file), ("foreign", foreign), ("../given", "hush-hush-5150")]);
    let answer = refuse(&place, &["-f", "ctx/foreign", "ctx"]);
    assert!(answer.stderr.contains("frontends from images are not supported"), "{}", answer.stderr);
    let arguments =
        ["--secret", "id=s,src=given", "--build-arg", "https_proxy=http://u:pass-8080@p", "-t", "kept", "ctx"];
    build(&place, &arguments);
    for word in ["hush-hush-5150", "pass-8080"] {
        assert!(!is_in(&place.path("store"), word), "{word} is in the store");
    }
    // The control: a secret that a command writes to a file (here, as ROT13) is in the layer.
    assert!(is_in(&place.path("store/layers"), "uhfu-uhfu-5150"));
    // Health checks and triggers are not part of a layer's key, but a cached layer must not hide a change of them.
    // Another base gives another key.
    let id = |text: &str| {
        let answer = place
            .command(&["build", "-q", "-f", "-", "ctx"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn();
        let mut child = answer.unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
    };
    let texts = [
        "",
        "HEALTHCHECK CMD one\n",
        "HEALTHCHECK CMD two\n",
        "HEALTHCHECK NONE\n",
        "ONBUILD RUN one\n",
        "ONBUILD RUN two\n",
    ];
    let mut ids: Vec<String> =
        texts.iter().map(|text| id(&format!("FROM scratch\nCOPY given* foreign /\n{text}"))).collect();
    ids.extend(texts.iter().map(|text| id(&format!("FROM busybox\nCOPY given* foreign /\n{text}"))));
    ids.sort();
    let count = ids.len();
    ids.dedup();
    // Every text gives a different image, `HEALTHCHECK NONE` too.
    assert_eq!((ids.len(), ids[0].len()), (count, 72));
}
