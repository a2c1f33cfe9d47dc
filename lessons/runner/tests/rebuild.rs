//! A check compiles only what has changed. Otherwise a student would wait for the whole engine again and again.
#![cfg(target_os = "linux")]

use std::{fs::File, process::Command, time::SystemTime};

use lessons::{
    check::{build_exercise, minicontainer, package_variables},
    lesson::{find, lessons_folder},
};

/// Builds a program as a person does at a terminal, where Cargo has set no variables.
fn build_at_a_terminal(program: &str) {
    let mut cargo = Command::new(env!("CARGO"));
    package_variables().for_each(|variable| {
        cargo.env_remove(variable);
    });
    let status = cargo
        .args(["build", "--quiet", "--workspace", "--bin", program])
        .args((!cfg!(debug_assertions)).then_some("--release"))
        .current_dir(lessons_folder())
        .status()
        .unwrap();
    assert!(status.success());
}

/// This test, like the runner, has been started by cargo with the variables of its package. A build script that depends
/// on them, such as that of a crate for TLS, would run again in a build that inherits them.
#[test]
fn command_is_not_rebuilt_for_a_check() {
    build_at_a_terminal("minicontainer");
    assert_eq!(minicontainer().unwrap().compiled, Vec::<String>::new());
    build_at_a_terminal("minicontainer");
    assert_eq!(minicontainer().unwrap().compiled, Vec::<String>::new());
}

#[test]
fn second_check_compiles_nothing_and_an_edit_only_the_exercise() {
    let exercise = find(1).unwrap().exercise_path();
    build_exercise(&exercise).unwrap();
    assert_eq!(build_exercise(&exercise).unwrap().compiled, Vec::<String>::new());
    File::options().append(true).open(&exercise).unwrap().set_modified(SystemTime::now()).unwrap();
    assert_eq!(build_exercise(&exercise).unwrap().compiled, ["01-process-exercise"]);
}

/// The package of the lessons' programs, as a student's program is compiled, without TLS and HTTP.
#[test]
fn programs_of_lessons_need_no_registry() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--package", "lesson-programs", "--edges", "normal,build", "--prefix", "none"])
        .current_dir(lessons_folder())
        .output()
        .unwrap();
    let tree = String::from_utf8(tree.stdout).unwrap();
    assert!(tree.contains("minicontainer-images "), "{tree}");
    for unneeded in ["minicontainer-registry ", "ureq ", "rustls ", "ring ", "http "] {
        assert!(!tree.contains(unneeded), "{unneeded}: {tree}");
    }
}
