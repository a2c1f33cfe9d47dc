//! Any bytes as a Dockerfile: it is parsed, printed, planned and explained without a panic. The printed file parses
//! as the same.
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
        for language in [Language::English, Language::Portuguese] {
            warning.render("Dockerfile", source, language);
        }
    }
    let printed = file.to_string();
    // The exception: a line that ends with the escape character cannot be printed as one line.
    if !printed.lines().any(|line| line.ends_with(file.directives.escape)) {
        match parse(printed.as_bytes()) {
            Ok(again) => assert_eq!(again.to_string(), printed, "parsing and printing again gives the same text"),
            Err(error) => panic!("{}", error.render("printed", &printed)),
        }
    }
    if let Err(error) = build(file) {
        error.render("Dockerfile", source);
    }
}

/// Plans until all needed images are known. The images have triggers and variables.
fn build(file: &Dockerfile) -> Result<(), minicontainer_dockerfile::DockerfileError> {
    let (options, mut bases) = (BuildOptions::default(), Bases::new());
    loop {
        let images = match plan(file, &options, &bases)? {
            Outcome::Plan(_) => return Ok(()),
            Outcome::Needs(images) => images,
        };
        assert!(!images.is_empty(), "the planner needs images, but names none");
        for image in images {
            let digest = Digest::of(image.reference.as_bytes());
            let config = Config {
                env: vec!["PATH=/bin".into(), "A=b".into()],
                on_build: vec!["RUN echo $A".into()],
                ..Config::default()
            };
            let base = BaseImage { digest, config: ImageConfig { config, ..ImageConfig::default() } };
            assert!(bases.insert(image, base).is_none(), "the planner requested an image twice");
        }
    }
}
