//! A grader: compiles untrusted programs and runs them against tests, each in its own container.
//! ```console
//! $ cargo run --example grader
//! PROGRAM  1 2         20 22
//! right    ok          ok
//! wrong    ok          wrong: 21
//! endless  TimeLimit   TimeLimit
//! broken   does not compile
//! ```

use std::{error::Error, fs, fs::Permissions, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use minicontainer::{Sandbox, Store, Verdict, core::options::Profile, store::Image};
use minicontainer_images::seed_busybox;

const PROGRAMS: [(&str, &str); 4] = [
    ("right", "int a, b; scanf(\"%d %d\", &a, &b); printf(\"%d\\n\", a + b);"),
    ("wrong", "int a; scanf(\"%d\", &a); printf(\"%d\\n\", a + (a < 9 ? 2 : 1));"),
    ("endless", "for (;;);"),
    ("broken", "this is not C"),
];
const TESTS: [(&str, &str); 2] = [("1 2", "3"), ("20 22", "42")];

/// A container with this machine's compiler and libraries, read-only.
fn untrusted(image: &Image, program: &str) -> Sandbox {
    let sandbox = Sandbox::from_image(image).profile(Profile::Untrusted).best_effort().command(program);
    let directories = ["/usr", "/lib", "/lib64"].into_iter().filter(|path| Path::new(path).exists());
    directories.fold(sandbox.wall_time(Duration::from_secs(20)), |sandbox, path| sandbox.bind_ro(path, path))
}

fn main() -> Result<(), Box<dyn Error>> {
    let image = seed_busybox(&Store::open_default()?)?.image;
    let directory = tempfile::tempdir()?;
    println!("PROGRAM  {:<12}{}", TESTS[0].0, TESTS[1].0);
    for (name, body) in PROGRAMS {
        let source = format!("#include <stdio.h>\nint main(void) {{ {body} }}");
        let compile = ["-c", "gcc -x c -o /tmp/program - && cat /tmp/program"];
        let compiled = untrusted(&image, "sh").args(compile).input(source).output()?;
        if compiled.report.verdict != Verdict::Exited(0) {
            println!("{name:<8} does not compile");
            continue;
        }
        let program = directory.path().join(name);
        fs::write(&program, compiled.stdout)
            .and_then(|()| fs::set_permissions(&program, Permissions::from_mode(0o755)))?;
        let [one, two] = TESTS.map(|(input, answer)| {
            let run = untrusted(&image, "/program").bind_ro(&program, "/program").input(input);
            let output = run.wall_time(Duration::from_secs(1)).output()?;
            let text = String::from_utf8_lossy(&output.stdout);
            Ok::<_, minicontainer::Error>(match output.report.verdict {
                Verdict::Exited(0) if text.trim() == answer => "ok".to_owned(),
                Verdict::Exited(0) => format!("wrong: {}", text.trim()),
                verdict => format!("{verdict:?}"),
            })
        });
        println!("{name:<8} {:<12}{}", one?, two?);
    }
    Ok(())
}
