//! `demo`: two containers of one image, run before your eyes, in English or Portuguese.
//!
//! Nothing is acted: every sentence about the containers is looked up in them, or on the host, while they run, and if
//! one of them were false the demo would say so and fail. What is said stands in core's catalogue (`demo.*.ftl`).

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

/// Where lines are broken.
const WIDTH: usize = 100;
/// What the first container writes.
const CONTENT: &str = "hello";

/// Two containers of one image, run before your eyes and explained
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer demo
  minicontainer demo --lang pt")]
pub struct DemoArguments {
    /// Speak this language: en or pt [default: the locale's]
    #[arg(long, value_name = "LANGUAGE", value_parser = language::parse)]
    lang: Option<Language>,
}

/// Runs it.
pub fn execute(arguments: &DemoArguments) -> Result<ExitCode, Failure> {
    let teller = Teller { language: arguments.lang.unwrap_or_else(language::of_environment) };
    teller.line(&format!("{}\n", teller.say("demo-heading", &[])))?;
    who(&teller)?;
    let engine = open_engine()?;
    let image = seed(&teller, engine.store())?;
    let begin = Instant::now();
    two_containers(&teller, &engine, &image)?;
    let took = format!("{:.0}", begin.elapsed().as_secs_f64() * 1e3);
    teller.line(&format!("\n{}\n", teller.say("demo-end", &[])))?;
    for command in
        ["minicontainer run --rm busybox echo hi", "minicontainer run --explain busybox sh", "minicontainer images"]
    {
        teller.line(&format!("  $ {command}"))?;
    }
    teller.line(&format!("\n{}", teller.say("demo-end-time", &[("milliseconds", took.into())])))?;
    Ok(ExitCode::SUCCESS)
}

/// Who speaks, in which language.
struct Teller {
    language: Language,
}

impl Teller {
    fn say(&self, key: &str, arguments: &[(&str, Argument)]) -> String {
        message(self.language, key, arguments)
    }

    /// Prints a text, broken between words at a width that every terminal has room for.
    fn line(&self, text: &str) -> Result<(), Failure> {
        let mut width = 0;
        for (index, word) in text.split(' ').enumerate() {
            let longer = width + 1 + word.chars().count();
            // A path is never broken, and what is indented is a list.
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
        self.line(&format!("\n{number}. {}\n", self.say(key, &[])))
    }

    /// Says it if it is so; else ends the demo.
    fn claim(&self, holds: bool, key: &str, arguments: &[(&str, Argument)]) -> Result<(), Failure> {
        let claim = self.say(key, arguments);
        match holds {
            true => Ok(()),
            false => Err(Failure::new(self.say("demo-false", &[("claim", claim.into())]))),
        }
    }

    /// A place where the file was looked for, and whether it was there.
    fn looked(&self, place: &str, found: Option<&str>) -> Result<(), Failure> {
        let seen = match found {
            Some(content) => self.say("demo-found", &[("content", content.into())]),
            None => self.say("demo-absent", &[]),
        };
        self.line(&format!("   {:<54} {seen}", self.say(place, &[])))
    }
}

fn who(teller: &Teller) -> Result<(), Failure> {
    let host = host::probe();
    let Identity::User { uid, .. } = host.identity else { return teller.line(&teller.say("demo-who-root", &[])) };
    for user_namespaces in [host.user_namespaces, host::try_user_namespace()] {
        if let Availability::Unavailable { cause, .. } = user_namespaces {
            let forbidden = teller.say("demo-forbidden", &[("cause", cause.into())]);
            return Err(Failure::new(forbidden).hint(teller.say("demo-fix", &[])));
        }
    }
    teller.line(&teller.say("demo-who-user", &[("uid", uid.to_string().into())]))
}

fn seed(teller: &Teller, store: &Store) -> Result<Image, Failure> {
    teller.heading(1, "demo-image")?;
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
    teller.line(&teller.say(key, &arguments))?;
    let image = seeded.image;
    let about = [("count", image.layers.len().into()), ("size", size(image.size()).into())];
    teller.line(&teller.say("demo-image-layers", &about))?;
    for layer in image.layers.iter().rev() {
        teller.line(&format!("   {}", layer.diff_id))?;
    }
    Ok(image)
}

fn two_containers(teller: &Teller, engine: &Engine, image: &Image) -> Result<(), Failure> {
    teller.heading(2, "demo-start")?;
    let mut one = Actor::start(engine, image, "one")?;
    let mut two = Actor::start(engine, image, "two")?;
    introduce(teller, &mut one, "demo-start-one")?;
    introduce(teller, &mut two, "demo-start-two")?;
    let alive = |pid: u32| Path::new("/proc").join(pid.to_string()).exists();
    teller.claim(one.pid() != two.pid() && alive(one.pid()) && alive(two.pid()), "demo-claim-host-process", &[])?;
    let release = uname().map_or_else(|_| String::new(), |name| name.release().to_string_lossy().into_owned());
    let pids = [("one", one.pid().to_string().into()), ("two", two.pid().to_string().into())];
    teller.line(&teller.say("demo-start-host", &[&pids[..], &[("release", release.into())]].concat()))?;

    teller.heading(3, "demo-write")?;
    // A name that nothing on the host bears, so that whoever finds it has found this very file.
    let file = format!("/note-{}", one.container().id.short());
    look_everywhere(teller, image, &file, &mut one, &mut two)?;

    teller.heading(4, "demo-where")?;
    show_directories(teller, image, &file, &one, &two)?;
    one.end()?;
    two.end()
}

fn introduce(teller: &Teller, actor: &mut Actor, key: &str) -> Result<(), Failure> {
    let (inside, hostname) = (actor.ask("echo $$")?, actor.ask("uname -n")?);
    teller.claim(inside == "1", "demo-claim-process", &[("seen", inside.clone().into())])?;
    let names = [("seen", hostname.clone().into()), ("expected", actor.hostname().to_owned().into())];
    teller.claim(hostname == actor.hostname(), "demo-claim-hostname", &names)?;
    teller.line(&teller.say(key, &[("inside", inside.into()), ("hostname", hostname.into())]))
}

/// Writes the file in the first container and looks for it in five places.
fn look_everywhere(
    teller: &Teller,
    image: &Image,
    file: &str,
    one: &mut Actor,
    two: &mut Actor,
) -> Result<(), Failure> {
    teller.line(&format!("   $ echo {CONTENT} > {file}\n"))?;
    let look = format!("test -e {file} && cat {file} || echo");
    let content = one.ask(&format!("echo {CONTENT} > {file}; {look}"))?;
    let contents = [("seen", content.clone().into()), ("expected", CONTENT.into())];
    teller.claim(content == CONTENT, "demo-claim-content", &contents)?;
    teller.looked("demo-place-one", Some(&content))?;

    let third = Sandbox::from_image(image).command("sh").args(["-c", &look]).output()?;
    let elsewhere = [
        ("demo-place-two", two.ask(&look)?.is_empty()),
        ("demo-place-third", third.stdout == b"\n"),
        ("demo-place-image", image.layers.iter().all(|layer| !exists(&layer.directory.join(&file[1..])))),
        ("demo-place-host", !exists(Path::new(file))),
    ];
    for (place, absent) in elsewhere {
        teller.claim(absent, "demo-claim-leak", &[("place", teller.say(place, &[]).into())])?;
        teller.looked(place, None)?;
    }
    Ok(())
}

fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Shows the layers that both share, and what each has written.
fn show_directories(teller: &Teller, image: &Image, file: &str, one: &Actor, two: &Actor) -> Result<(), Failure> {
    let [of_one, of_two] = [one, two].map(|actor| root_of(actor.plan()));
    let keys = match &of_one {
        Root::Overlay { lowers, .. } => {
            teller.line(&format!("{}\n", teller.say("demo-where-overlay", &[])))?;
            let shared = matches!(&of_two, Root::Overlay { lowers: other, .. } if other == lowers);
            teller.claim(shared, "demo-claim-layers", &[])?;
            teller.line(&format!("   {}", teller.say("demo-where-shared", &[])))?;
            for lower in lowers {
                teller.line(&format!("      {lower}"))?;
            }
            ["demo-where-one", "demo-where-two"]
        }
        Root::Directory { .. } => {
            teller.line(&format!("{}\n", teller.say("demo-where-copy", &[])))?;
            ["demo-where-copy-one", "demo-where-copy-two"]
        }
    };
    let expected = [format!("A {file}"), String::new()];
    for (((actor, root), key), expected) in [(one, of_one), (two, of_two)].into_iter().zip(keys).zip(expected) {
        let changes = actor.changes(image)?;
        let claim = [("seen", changes.clone().into()), ("expected", expected.clone().into())];
        teller.claim(changes == expected, "demo-claim-change", &claim)?;
        let shown = if changes.is_empty() { teller.say("demo-where-nothing", &[]) } else { changes };
        teller.line(&format!("   {}: {shown}\n      {}", teller.say(key, &[]), root.writable()))?;
    }
    Ok(())
}

/// Where a container's files lie.
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

/// Read off the plan that was carried out.
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
