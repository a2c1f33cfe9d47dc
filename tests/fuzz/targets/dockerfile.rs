//! Any bytes as a Dockerfile: read, printed, planned, explained, without a panic; what is printed reads as the same.
#![no_main]

use minicontainer::core::{
    Digest,
    explain::Language,
    image::{Config, ImageConfig},
};
use minicontainer_dockerfile::{
    BuildOptions, Dockerfile, explain, parse,
    plan::{BaseImage, Bases, Outcome, plan},
};
use minicontainer_fuzz::seeds;

libfuzzer_sys::fuzz_target!(
    init: seeds::plant(seeds::DOCKERFILES),
    |data: &[u8]| {
        let source = String::from_utf8_lossy(data);
        match parse(data) {
            Err(error) => drop(error.render("Dockerfile", &source)),
            Ok(file) => understand(&file, &source),
        }
    }
);

fn understand(file: &Dockerfile, source: &str) {
    file.dump();
    for language in [Language::English, Language::Portuguese] {
        explain::render(file, language);
    }
    for warning in file.warnings() {
        warning.render("Dockerfile", source);
    }
    let printed = file.to_string();
    // The one thing that cannot be said on one line is an escape character at its very end.
    if !printed.lines().any(|line| line.ends_with(file.directives.escape)) {
        match parse(printed.as_bytes()) {
            Ok(again) => assert_eq!(again.to_string(), printed, "printed, read and printed again"),
            Err(error) => panic!("{}", error.render("printed", &printed)),
        }
    }
    if let Err(error) = build(file) {
        error.render("Dockerfile", source);
    }
}

/// Plans until there is a plan. The images that it needs bring triggers and variables of their own.
fn build(file: &Dockerfile) -> Result<(), minicontainer_dockerfile::DockerfileError> {
    let (options, mut bases) = (BuildOptions::default(), Bases::new());
    loop {
        let images = match plan(file, &options, &bases)? {
            Outcome::Plan(_) => return Ok(()),
            Outcome::Needs(images) => images,
        };
        assert!(!images.is_empty(), "a build that waits for nothing");
        for image in images {
            let digest = Digest::of(image.reference.as_bytes());
            let config = Config {
                env: vec!["PATH=/bin".into(), "A=b".into()],
                on_build: vec!["RUN echo $A".into()],
                ..Config::default()
            };
            let base = BaseImage { digest, config: ImageConfig { config, ..ImageConfig::default() } };
            assert!(bases.insert(image, base).is_none(), "an image that was asked for twice");
        }
    }
}
