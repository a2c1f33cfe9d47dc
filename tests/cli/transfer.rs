//! `commit`, `save`, `load`, `export`, `import` and `image prune`, and the exchange of archives with other tools.

use std::{fs, process::Command};

use crate::{skip, test_env::TestEnv};

const COLUMNS: &str = "table {{.Repository}}\\t{{.Tag}}\\t{{.CreatedAt}}\\t{{.Layers}}";

/// Creates a container that has changed, added and removed files, and commits it reproducibly as the image `mine:1`.
fn committed(place: &TestEnv) -> String {
    let script = "echo hello > /root/note; ln /root/note /root/again; rm /etc/group; rm -r /home; mkdir /home; \
                  ln -s note /root/link; mkfifo /root/pipe";
    place.succeed(&["run", "--name", "one", "busybox", "sh", "-c", script]);
    let change = ["-c", "CMD [\"cat\", \"/root/note\"]", "-c", "LABEL course=images", "-m", "a note", "-a", "me"];
    let mut command = place.command(&[&["commit"], &change[..], &["one", "mine:1"]].concat());
    let answer = place.answer(command.env("SOURCE_DATE_EPOCH", "1700000000").output().unwrap());
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    answer.stdout
}

#[test]
fn commit_adds_one_layer() {
    let place = TestEnv::new();
    assert_eq!(committed(&place), "sha256:[ID]\n");
    assert_eq!(place.succeed(&["run", "--rm", "mine:1"]), "hello\n");
    let look = "ls -A /home; cat /root/again /root/link; [ -p /root/pipe ] && [ ! -e /etc/group ] && echo gone";
    assert_eq!(place.succeed(&["run", "--rm", "mine:1", "sh", "-c", look]), "hello\nhello\ngone\n");
    insta::assert_snapshot!(place.succeed(&["images", "--format", COLUMNS, "--filter", "reference=mine"]));
    let fields = "{{.ID}} {{.CreatedAt}} {{.CreatedBy}} {{.Comment}}";
    let history = place.succeed(&["history", "--format", fields, "mine:1"]);
    insta::assert_snapshot!(history.lines().next().unwrap_or_default());
    // The same changes make the same image.
    let again =
        ["commit", "-c", "CMD [\"cat\", \"/root/note\"]", "-c", "LABEL course=images", "-m", "a note", "-a", "me"];
    let again = [&again[..], &["one", "mine:2"]].concat();
    let output = place.command(&again).env("SOURCE_DATE_EPOCH", "1700000000").output().unwrap();
    assert!(output.status.success());
    let id = |name: &str| {
        place.program("sh", &["-c", &format!("\"$ENGINE\" images -q --no-trunc {name}")]).output().unwrap().stdout
    };
    assert_eq!(id("mine:1"), id("mine:2"));
    place.succeed(&["rm", "one"]);
}

/// With the copy driver a container has all files, but its committed layer has only the changes, as with overlay.
#[test]
fn commit_works_with_the_copy_driver() {
    let place = TestEnv::new();
    let script = "echo hello > /root/note; ln /root/note /root/again; rm /etc/group; rm -r /home; mkdir -p /new/deep; \
                  echo x > /new/deep/file; chmod 700 /tmp; rm -r /var; echo flat > /var; ln -s note /root/link";
    let mut sizes = Vec::new();
    for driver in ["copy", "overlay"] {
        place.succeed(&["run", "--driver", driver, "--name", driver, "busybox", "sh", "-c", script]);
        place.succeed(&["commit", driver, &format!("{driver}:1")]);
        let look = "cat /root/again /root/link /new/deep/file /var; stat -c %a /tmp; \
                    [ -e /home ] || [ -e /etc/group ] || echo gone; [ /root/note -ef /root/again ] && echo linked";
        let image = format!("{driver}:1");
        assert_eq!(
            place.succeed(&["run", "--rm", &image, "sh", "-c", look]),
            "hello\nhello\nx\nflat\n700\ngone\nlinked\n"
        );
        // The layer contains only changed files.
        let layer = "\"$ENGINE\" history --format '{{.Size}}' $1:1 | head -n 1";
        let output = place.program("sh", &["-c", layer, "sh", driver]).output().unwrap();
        sizes.push(String::from_utf8(output.stdout).unwrap());
    }
    assert!(sizes[0] == sizes[1] && !sizes[0].is_empty(), "{sizes:?}");
    place.succeed(&["rm", "copy", "overlay"]);
}

#[test]
fn saved_images_load_unchanged() {
    let place = TestEnv::new();
    committed(&place);
    place.succeed(&["save", "-o", "both.tar", "mine:1", "busybox"]);
    let list = ["images", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}} {{.Digest}}"];
    let raw = |arguments: &[&str]| String::from_utf8(place.command(arguments).output().unwrap().stdout).unwrap();
    let before = raw(&list);
    let first = fs::read(place.path("both.tar")).unwrap();
    place.succeed(&["save", "-o", "again.tar", "busybox", "mine:1"]);
    assert_eq!(first, fs::read(place.path("again.tar")).unwrap(), "the archive depends on the order of the names");
    place.succeed(&["rm", "one"]);
    place.succeed(&["rmi", "mine:1", "busybox"]);
    assert_eq!(raw(&list), "");
    let sorted = |text: String| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    // The order of the lines follows the digests, which differ from machine to machine.
    let printed = sorted(place.succeed(&["load", "-i", "both.tar"]));
    assert_eq!(printed, ["Loaded image: busybox:latest", "Loaded image: mine:1"]);
    assert_eq!(sorted(raw(&list)), sorted(before));
    assert_eq!(place.succeed(&["run", "--rm", "mine:1"]), "hello\n");
    // A failure leaves no partial archive.
    let refused = place.run(&["save", "-o", "none.tar", "busybox", "no-such-image"]);
    assert_eq!((refused.code, place.path("none.tar").exists()), (1, false));
}

#[test]
fn exported_container_imports_as_one_layer() {
    let place = TestEnv::new();
    committed(&place);
    place.succeed(&["export", "-o", "files.tar", "one"]);
    let imported = place.succeed(&["import", "-c", "CMD [\"sh\"]", "-m", "flat", "files.tar", "flat:1"]);
    assert_eq!(imported, "sha256:[ID]\n");
    let look = "cat /root/again; ls -A /home; [ -e /etc/group ] || echo gone";
    assert_eq!(place.succeed(&["run", "--rm", "flat:1", "sh", "-c", look]), "hello\ngone\n");
    assert_eq!(place.succeed(&["images", "--format", "{{.Layers}}", "flat"]), "1\n");
    assert_eq!(place.succeed(&["history", "--format", "{{.Comment}}", "flat:1"]), "flat\n");
    place.succeed(&["rm", "one"]);
}

#[test]
fn images_are_saved_and_loaded_rootless() {
    let Some(place) = TestEnv::seeded_user() else { return };
    committed(&place);
    place.succeed(&["save", "-o", "mine.tar", "mine:1"]);
    place.succeed(&["export", "-o", "files.tar", "one"]);
    place.succeed(&["rm", "one"]);
    place.succeed(&["rmi", "mine:1"]);
    place.succeed(&["load", "-i", "mine.tar"]);
    place.succeed(&["import", "files.tar", "flat:1"]);
    let look = "cat /root/again; ls -A /home; [ -e /etc/group ] || echo gone; stat -c %u /root/note";
    for image in ["mine:1", "flat:1"] {
        assert_eq!(place.succeed(&["run", "--rm", image, "sh", "-c", look]), "hello\ngone\n0\n", "{image}");
    }
}

#[test]
fn images_are_filtered_and_pruned() {
    let place = TestEnv::new();
    committed(&place);
    let list = |filter: &str| place.succeed(&["images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", filter]);
    assert_eq!(list("label=course"), "mine:1\n");
    assert_eq!(list("label=course=other"), "");
    assert_eq!(list("since=busybox"), "mine:1\n");
    assert_eq!(list("before=mine:1"), "busybox:latest\n");
    assert_eq!(list("dangling=true"), "");
    assert_eq!(list("reference=b*:lat*"), "busybox:latest\n");
    let wrong = place.run(&["images", "--filter", "colour=red"]);
    insta::assert_snapshot!(wrong.show());
    place.succeed(&["tag", "busybox", "mine:1"]);
    assert_eq!(list("dangling=true"), "<none>:<none>\n");
    // An image with two names is not removed by its id without --force.
    let by_id = |flag: &str| {
        let script = format!("\"$ENGINE\" rmi {flag} $(\"$ENGINE\" images -q busybox)");
        place.answer(place.program("sh", &["-c", &script]).output().unwrap())
    };
    insta::assert_snapshot!(by_id("").show());
    let pruned = place.succeed(&["image", "prune", "-f"]);
    // The size depends on the machine's busybox.
    let (images, reclaimed) = pruned.split_once("Total reclaimed space: ").unwrap();
    insta::assert_snapshot!(images);
    assert_ne!(reclaimed, "0B\n");
    // The container still uses the layer, and prune keeps the image from which the container was created.
    assert_eq!(place.succeed(&["image", "prune", "-a", "-f"]), "Total reclaimed space: 0B\n");
    let unanswered = place.run(&["image", "prune"]);
    insta::assert_snapshot!(unanswered.show());
    place.succeed(&["rm", "one"]);
}

/// The store is on a small tmpfs, mounted in the command's own mount namespace. The image needs 7813 KiB for its
/// file, once in the blob and once unpacked.
#[test]
fn full_disk_leaves_the_store_unchanged() {
    let Some(place) = TestEnv::seeded_root() else { return };
    let script = r#"
        mkdir disk && mount -t tmpfs -o size=64m none disk || exit 9
        export MINICONTAINER_ROOT=$PWD/disk/store
        head -c 4000000 /dev/zero >big && tar -cf big.tar big && "$ENGINE" image seed >/dev/null || exit 9
        before=$(find disk | sort)
        used=$(df -k --output=used disk | tail -n 1)
        for more in 8 64 2000 3900 3920 6000 7700 7800; do
            mount -o remount,size=$((used + more))k disk || exit 9
            "$ENGINE" import big.tar big:1 2>message && echo "$more kB were enough"
            grep -q 'No space left on device' message || cat message
            [ "$before" = "$(find disk | sort)" ] || echo "$more kB: something was left behind"
        done
        mount -o remount,size=64m disk
        "$ENGINE" import big.tar big:1 >/dev/null && "$ENGINE" images -q big | wc -l
    "#;
    let output = place.program("unshare", &["--mount", "sh", "-c", script]).output().unwrap();
    let answer = place.answer(output);
    assert_eq!((answer.code, answer.stdout.as_str()), (0, "1\n"), "{}", answer.stderr);
}

/// Whether a program is installed. If not, the test is skipped or fails.
fn has(program: &str) -> bool {
    let there = Command::new("sh").args(["-c", &format!("command -v {program} >/dev/null")]).status();
    skip::require(
        there.is_ok_and(|status| status.success()),
        &format!("{program} (Debian: the package of that name)"),
    )
}

#[test]
fn skopeo_reads_saved_archives() {
    if !has("skopeo") {
        return;
    }
    let place = TestEnv::new();
    committed(&place);
    place.succeed(&["save", "-o", "mine.tar", "mine:1"]);
    for source in ["docker-archive:mine.tar", "oci-archive:mine.tar"] {
        // skopeo needs a directory for temporary files, and a policy.
        let words = ["--insecure-policy", "--tmpdir", ".", "copy", "-q", source, "oci:copied:mine:1"];
        let output = place.program("skopeo", &words).env("HOME", place.path(".")).output().unwrap();
        assert!(output.status.success(), "{source}: {}", String::from_utf8_lossy(&output.stderr));
        // The layout that skopeo wrote can be loaded.
        assert!(place.succeed(&["load", "-i", "copied"]).starts_with("Loaded image"), "{source}");
        fs::remove_dir_all(place.path("copied")).unwrap();
    }
    place.succeed(&["rm", "one"]);
}

#[test]
fn zstd_layers_are_loaded() {
    if !has("skopeo") {
        return;
    }
    let place = TestEnv::new();
    place.succeed(&["save", "-o", "gzip.tar", "busybox"]);
    let zstd = ["--dest-compress-format", "zstd", "docker-archive:gzip.tar", "oci:copied:mine:1"];
    let words = [&["--insecure-policy", "--tmpdir", ".", "copy", "-q"], &zstd[..]].concat();
    let output = place.program("skopeo", &words).env("HOME", place.path(".")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let blobs = fs::read_dir(place.path("copied/blobs/sha256")).unwrap();
    let starts: Vec<Vec<u8>> = blobs.map(|blob| fs::read(blob.unwrap().path()).unwrap()[..4].to_vec()).collect();
    assert!(starts.iter().any(|start| start == b"\x28\xb5\x2f\xfd"), "skopeo has not used zstd: {starts:?}");
    assert!(place.succeed(&["load", "-i", "copied"]).starts_with("Loaded image"));
    assert_eq!(place.succeed(&["run", "--rm", "mine:1", "echo", "it runs"]), "it runs\n");
    // `save` writes the layers unchanged.
    place.succeed(&["save", "-o", "again.tar", "mine:1"]);
    let words = ["--insecure-policy", "inspect", "--format", "{{.Layers}}", "oci-archive:again.tar"];
    let again = place.program("skopeo", &words).env("HOME", place.path(".")).output().unwrap();
    let first = place
        .program("skopeo", &["--insecure-policy", "inspect", "--format", "{{.Layers}}", "oci:copied:mine:1"])
        .env("HOME", place.path("."))
        .output()
        .unwrap();
    assert!(!first.stdout.is_empty() && again.stdout == first.stdout, "{}", String::from_utf8_lossy(&again.stderr));
}

#[test]
fn images_are_exchanged_with_umoci() {
    if !has("umoci") || !skip::require(nix::unistd::geteuid().is_root(), skip::ROOT) {
        return;
    }
    let place = TestEnv::new();
    committed(&place);
    let script = "mkdir layout && \"$ENGINE\" save mine:1 | tar -x -C layout && \
                  umoci unpack --image layout:1 bundle && cat bundle/rootfs/root/again && \
                  test ! -e bundle/rootfs/etc/group && echo more > bundle/rootfs/more && rm bundle/rootfs/root/note && \
                  umoci repack --image layout:2 bundle && umoci gc --layout layout";
    let output = place.program("sh", &["-c", script]).output().unwrap();
    let answer = place.answer(output);
    assert_eq!((answer.code, answer.stdout.lines().last()), (0, Some("hello")), "{}", answer.stderr);
    // umoci keeps the name of the original image.
    place.succeed(&["load", "-i", "layout"]);
    let look = "cat /more; [ -e /root/note ] || echo gone";
    assert_eq!(place.succeed(&["run", "--rm", "mine:1", "sh", "-c", look]), "more\ngone\n");
    place.succeed(&["rm", "one"]);
}

/// As in Docker, archives for `load`, `import` and `ADD` may be compressed with bzip2 or xz. A layer in such a format
/// is compressed again with gzip, because there is no media type for it (OCI image-spec, layer.md).
#[test]
fn bzip2_and_xz_archives_are_read() {
    let place = TestEnv::new();
    if !has("xz") || !has("bzip2") {
        return;
    }
    place.succeed(&["run", "--name", "one", "busybox", "sh", "-c", "echo hello > /note"]);
    place.succeed(&["commit", "one", "mine:1"]);
    place.succeed(&["save", "-o", "image.tar", "mine:1"]);
    place.succeed(&["export", "-o", "files.tar", "one"]);
    place.succeed(&["rm", "one"]);
    for (program, suffix) in [("xz", "xz"), ("bzip2", "bz2")] {
        let script =
            format!("{program} -k image.tar files.tar && mkdir {program} && mv files.tar.{suffix} {program}");
        assert!(place.program("sh", &["-c", &script]).status().unwrap().success());
        place.succeed(&["rmi", "mine:1"]);
        place.succeed(&["load", "-i", &format!("image.tar.{suffix}")]);
        assert_eq!(place.succeed(&["run", "--rm", "mine:1", "cat", "/note"]), "hello\n");
        let imported = format!("{program}/files.tar.{suffix}");
        place.succeed(&["import", &imported, &format!("{program}:1")]);
        assert_eq!(place.succeed(&["run", "--rm", &format!("{program}:1"), "cat", "/note"]), "hello\n");
        // Other tools can read the saved archive.
        place.succeed(&["save", "-o", "again.tar", &format!("{program}:1")]);
        let media = "tar -xOf again.tar index.json >/dev/null && tar -xOf again.tar $(tar -xOf again.tar manifest.json \
                     | grep -o 'blobs/sha256/[0-9a-f]*' | tail -n 1) | gzip -t";
        assert!(place.program("sh", &["-c", media]).status().unwrap().success(), "{program}");
        let dockerfile = format!("FROM busybox\nADD files.tar.{suffix} /added/\n");
        fs::write(place.path(&format!("{program}/Dockerfile")), dockerfile).unwrap();
        place.succeed(&["build", "-q", "-t", "added:1", program]);
        assert_eq!(place.succeed(&["run", "--rm", "added:1", "cat", "/added/note"]), "hello\n");
    }
}

/// `FROM scratch` with instructions that change only the config makes an image without layers.
#[test]
fn image_without_layers_works() {
    let place = TestEnv::new();
    fs::create_dir(place.path("context")).unwrap();
    fs::write(place.path("context/Dockerfile"), "FROM scratch\nLABEL a=b\nCMD [\"/hello\"]\n").unwrap();
    place.succeed(&["build", "-q", "-t", "none:1", "context"]);
    assert_eq!(place.succeed(&["images", "--format", "{{.Layers}} {{.Size}}", "none"]), "0 0B\n");
    let nothing = place.run(&["run", "--rm", "none:1"]);
    assert_eq!(nothing.code, 127, "{}", nothing.stderr);
    assert!(
        nothing.stderr.contains("command not found in the container: cannot execute /hello"),
        "{}",
        nothing.stderr
    );
    // A mounted program can be executed, and the files that it writes become the first layer.
    let shell = ["run", "--name", "one", "-v", "/bin:/bin:ro", "-v", "/lib:/lib:ro", "-v", "/lib64:/lib64:ro"];
    place.succeed(&[&shell[..], &["none:1", "/bin/sh", "-c", "echo hello > /file"]].concat());
    place.succeed(&["commit", "one", "some:1"]);
    place.succeed(&["rm", "one"]);
    place.succeed(&["save", "-o", "none.tar", "none:1", "some:1"]);
    place.succeed(&["rmi", "none:1", "some:1"]);
    place.succeed(&["load", "-i", "none.tar"]);
    let count = ["images", "--format", "{{.Repository}} {{.Layers}}", "--filter", "reference=*:1"];
    let mut listed: Vec<_> = place.succeed(&count).lines().map(str::to_owned).collect();
    listed.sort();
    assert_eq!(listed, ["none 0", "some 1"]);
    assert_eq!(place.succeed(&["system", "check"]), "The store is intact.\n");
}
