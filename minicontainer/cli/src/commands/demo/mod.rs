//! `demo`: runs two containers of one image and explains what happens, in English or Portuguese.
//!
//! Every sentence about the containers is checked in them, or on the host, while they run. If one is false, the demo
//! fails and says so. The texts are in core's catalogue (`demo.*.ftl`).

mod actor;

use std::{fs, path::Path, process::ExitCode, time::Instant};

use clap::Args;
use minicontainer::{
    Sandbox, Store,
    core::{
        explain::{Argument, Language, message},
        plan::{Availability, Identity, Plan, Step},
    },
    host,
    store::Image,
};
use minicontainer_engine::Engine;
use minicontainer_images::{Origin, seed_busybox};
use nix::sys::utsname::uname;

use crate::commands::open_engine;
use crate::{error::Failure, language, output, table::size};
use actor::Actor;

/// The width at which lines are broken.
const WIDTH: usize = 100;
/// What the first container writes.
const CONTENT: &str = "hello";

/// Run two containers of one image and explain what happens
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer demo
  minicontainer demo --lang pt")]
pub struct DemoArguments {
    /// Language of the output: en or pt [default: the locale's]
    #[arg(long, value_name = "LANGUAGE", value_parser = language::parse)]
    lang: Option<Language>,
}

/// Runs `demo`.
pub fn execute(arguments: &DemoArguments) -> Result<ExitCode, Failure> {
    let narrator = Narrator { language: arguments.lang.unwrap_or_else(language::of_environment) };
    narrator.line(&format!("{}\n", narrator.text("demo-heading", &[])))?;
    explain_identity(&narrator)?;
    let engine = open_engine()?;
    let image = seed(&narrator, engine.store())?;
    let begin = Instant::now();
    two_containers(&narrator, &engine, &image)?;
    let took = format!("{:.0}", begin.elapsed().as_secs_f64() * 1e3);
    narrator.line(&format!("\n{}\n", narrator.text("demo-end", &[])))?;
    for command in
        ["minicontainer run --rm busybox echo hi", "minicontainer run --explain busybox sh", "minicontainer images"]
    {
        narrator.line(&format!("  $ {command}"))?;
    }
    narrator.line(&format!("\n{}", narrator.text("demo-end-time", &[("milliseconds", took.into())])))?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the texts in one language.
struct Narrator {
    language: Language,
}

impl Narrator {
    fn text(&self, key: &str, arguments: &[(&str, Argument)]) -> String {
        message(self.language, key, arguments)
    }

    /// Prints a text, broken between words to fit every terminal.
    fn line(&self, text: &str) -> Result<(), Failure> {
        let mut width = 0;
        for (index, word) in text.split(' ').enumerate() {
            let longer = width + 1 + word.chars().count();
            // A path is never broken, and indented text is a list.
            let separator = match index {
                0 => "",
                _ if longer > WIDTH && !text.starts_with(' ') => "\n",
                _ => " ",
            };
            width = if separator == "\n" || index == 0 { word.chars().count() } else { longer };
            output::print(&format!("{separator}{word}"))?;
        }
        output::print("\n")
    }

    fn heading(&self, number: usize, key: &str) -> Result<(), Failure> {
        self.line(&format!("\n{number}. {}\n", self.text(key, &[])))
    }

    /// Ends the demo with an error if the statement is false.
    fn check(&self, holds: bool, key: &str, arguments: &[(&str, Argument)]) -> Result<(), Failure> {
        let claim = self.text(key, arguments);
        match holds {
            true => Ok(()),
            false => Err(Failure::new(self.text("demo-false", &[("claim", claim.into())]))),
        }
    }

    /// Prints a place where the file was looked up, and whether it was there.
    fn show_lookup(&self, place: &str, found: Option<&str>) -> Result<(), Failure> {
        let seen = match found {
            Some(content) => self.text("demo-found", &[("content", content.into())]),
            None => self.text("demo-absent", &[]),
        };
        self.line(&format!("   {:<54} {seen}", self.text(place, &[])))
    }
}

fn explain_identity(narrator: &Narrator) -> Result<(), Failure> {
    let host = host::probe();
    let Identity::User { uid, .. } = host.identity else {
        return narrator.line(&narrator.text("demo-who-root", &[]));
    };
    for user_namespaces in [host.user_namespaces, host::try_user_namespace()] {
        if let Availability::Unavailable { cause, .. } = user_namespaces {
            let forbidden = narrator.text("demo-forbidden", &[("cause", cause.text(narrator.language).into())]);
            let failure = Failure::new(forbidden).hint(narrator.text("demo-fix", &[]));
            return Err(failure.in_language(narrator.language));
        }
    }
    narrator.line(&narrator.text("demo-who-user", &[("uid", uid.to_string().into())]))
}

fn seed(narrator: &Narrator, store: &Store) -> Result<Image, Failure> {
    narrator.heading(1, "demo-image")?;
    let seeded = seed_busybox(store)?;
    let name = seeded.image.reference.as_ref().map_or_else(String::new, |name| name.familiar().to_string());
    let mut arguments: Vec<(&str, Argument)> = vec![("name", name.into())];
    let key = match seeded.origin {
        Origin::Busybox { program, applets } => {
            arguments.extend([("program", program.display().to_string().into()), ("applets", applets.into())]);
            "demo-image-busybox"
        }
        Origin::HostTools { shell, programs } => {
            arguments.extend([("program", shell.display().to_string().into()), ("programs", programs.into())]);
            "demo-image-tools"
        }
        Origin::Present => "demo-image-present",
    };
    narrator.line(&narrator.text(key, &arguments))?;
    let image = seeded.image;
    let about = [("count", image.layers.len().into()), ("size", size(image.size()).into())];
    narrator.line(&narrator.text("demo-image-layers", &about))?;
    for layer in image.layers.iter().rev() {
        narrator.line(&format!("   {}", layer.diff_id))?;
    }
    Ok(image)
}

fn two_containers(narrator: &Narrator, engine: &Engine, image: &Image) -> Result<(), Failure> {
    narrator.heading(2, "demo-start")?;
    let mut one = Actor::start(engine, image, "one")?;
    let mut two = Actor::start(engine, image, "two")?;
    introduce(narrator, &mut one, "demo-start-one")?;
    introduce(narrator, &mut two, "demo-start-two")?;
    let alive = |pid: u32| Path::new("/proc").join(pid.to_string()).exists();
    narrator.check(one.pid() != two.pid() && alive(one.pid()) && alive(two.pid()), "demo-claim-host-process", &[])?;
    let release = uname().map_or_else(|_| String::new(), |name| name.release().to_string_lossy().into_owned());
    let pids = [("one", one.pid().to_string().into()), ("two", two.pid().to_string().into())];
    narrator.line(&narrator.text("demo-start-host", &[&pids[..], &[("release", release.into())]].concat()))?;

    narrator.heading(3, "demo-write")?;
    // The name exists nowhere on the host, so a file with this name must be the one that the container wrote.
    let file = format!("/note-{}", one.container().id.short());
    look_in_five_places(narrator, image, &file, &mut one, &mut two)?;

    narrator.heading(4, "demo-where")?;
    show_directories(narrator, image, &file, &one, &two)?;
    one.end()?;
    two.end()
}

fn introduce(narrator: &Narrator, actor: &mut Actor, key: &str) -> Result<(), Failure> {
    let (inside, hostname) = (actor.ask("echo $$")?, actor.ask("uname -n")?);
    narrator.check(inside == "1", "demo-claim-process", &[("seen", inside.clone().into())])?;
    let names = [("seen", hostname.clone().into()), ("expected", actor.hostname().to_owned().into())];
    narrator.check(hostname == actor.hostname(), "demo-claim-hostname", &names)?;
    narrator.line(&narrator.text(key, &[("inside", inside.into()), ("hostname", hostname.into())]))
}

/// Writes the file in the first container and looks it up in five places.
fn look_in_five_places(
    narrator: &Narrator,
    image: &Image,
    file: &str,
    one: &mut Actor,
    two: &mut Actor,
) -> Result<(), Failure> {
    narrator.line(&format!("   $ echo {CONTENT} > {file}\n"))?;
    let look = format!("test -e {file} && cat {file} || echo");
    let content = one.ask(&format!("echo {CONTENT} > {file}; {look}"))?;
    let contents = [("seen", content.clone().into()), ("expected", CONTENT.into())];
    narrator.check(content == CONTENT, "demo-claim-content", &contents)?;
    narrator.show_lookup("demo-place-one", Some(&content))?;

    let third = Sandbox::from_image(image).command("sh").args(["-c", &look]).output()?;
    let elsewhere = [
        ("demo-place-two", two.ask(&look)?.is_empty()),
        ("demo-place-third", third.stdout == b"\n"),
        ("demo-place-image", image.layers.iter().all(|layer| !exists(&layer.directory.join(&file[1..])))),
        ("demo-place-host", !exists(Path::new(file))),
    ];
    for (place, absent) in elsewhere {
        narrator.check(absent, "demo-claim-leak", &[("place", narrator.text(place, &[]).into())])?;
        narrator.show_lookup(place, None)?;
    }
    Ok(())
}

fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Shows the layers that both share, and what each has written.
fn show_directories(narrator: &Narrator, image: &Image, file: &str, one: &Actor, two: &Actor) -> Result<(), Failure> {
    let [of_one, of_two] = [one, two].map(|actor| root_of(actor.plan()));
    let keys = match &of_one {
        Root::Overlay { lowers, .. } => {
            narrator.line(&format!("{}\n", narrator.text("demo-where-overlay", &[])))?;
            let shared = matches!(&of_two, Root::Overlay { lowers: other, .. } if other == lowers);
            narrator.check(shared, "demo-claim-layers", &[])?;
            narrator.line(&format!("   {}", narrator.text("demo-where-shared", &[])))?;
            for lower in lowers {
                narrator.line(&format!("      {lower}"))?;
            }
            ["demo-where-one", "demo-where-two"]
        }
        Root::Directory { .. } => {
            narrator.line(&format!("{}\n", narrator.text("demo-where-copy", &[])))?;
            ["demo-where-copy-one", "demo-where-copy-two"]
        }
    };
    let expected = [format!("A {file}"), String::new()];
    for (((actor, root), key), expected) in [(one, of_one), (two, of_two)].into_iter().zip(keys).zip(expected) {
        let changes = actor.changes(image)?;
        let claim = [("seen", changes.clone().into()), ("expected", expected.clone().into())];
        narrator.check(changes == expected, "demo-claim-change", &claim)?;
        let shown = if changes.is_empty() { narrator.text("demo-where-nothing", &[]) } else { changes };
        narrator.line(&format!("   {}: {shown}\n      {}", narrator.text(key, &[]), root.writable()))?;
    }
    Ok(())
}

/// Where a container's files are.
enum Root {
    Overlay { lowers: Vec<String>, upper: String },
    Directory { path: String },
}

impl Root {
    fn writable(&self) -> &str {
        match self {
            Root::Overlay { upper, .. } => upper,
            Root::Directory { path } => path,
        }
    }
}

/// The root file system, from the plan that was executed.
fn root_of(plan: &Plan) -> Root {
    let found = plan.steps.iter().find_map(|step| match step {
        Step::MountOverlay { lowers, upper, .. } => {
            Some(Root::Overlay { lowers: lowers.clone(), upper: upper.clone() })
        }
        Step::BindRoot { source } => Some(Root::Directory { path: source.clone() }),
        _ => None,
    });
    found.unwrap_or(Root::Directory { path: String::new() })
}
