mod samples;

use std::collections::BTreeSet;

use super::*;
use crate::plan::Plan;
use samples::samples;

/// The kinds of steps in the catalogue.
fn kinds_with_words() -> BTreeSet<String> {
    let keys = catalogue::CATALOGUE.keys(Language::English);
    keys.keys()
        .filter(|key| !key.contains('.'))
        .filter_map(|key| key.strip_prefix("step-"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn step_kinds_match_their_serialized_names() {
    for step in samples() {
        assert_eq!(serde_json::to_value(&step).unwrap()["kind"], step.kind());
    }
}

/// `Step::kind` does not compile without a new kind, so its source lists all of them.
#[test]
fn every_step_kind_has_a_sample_and_text() {
    let source = include_str!("../plan/step_name.rs");
    let body = source.split("fn kind(").nth(1).unwrap().split("\n    }\n").next().unwrap();
    let kinds: BTreeSet<String> = body.split('"').skip(1).step_by(2).map(str::to_owned).collect();
    let sampled: BTreeSet<String> = samples().iter().map(|step| step.kind().to_owned()).collect();
    assert_eq!(kinds, sampled, "a kind has no sample");
    assert_eq!(kinds, kinds_with_words(), "a kind has no words, or words have no kind");
}

#[test]
fn step_arguments_match_message_placeholders() {
    let keys = catalogue::CATALOGUE.keys(Language::English);
    for kind in kinds_with_words() {
        let mut taken = keys[&format!("step-{kind}")].clone();
        taken.extend(keys[&format!("step-{kind}.why")].clone());
        for step in samples().iter().filter(|step| step.kind() == kind) {
            let given = arguments::arguments(step, Language::English);
            let given: BTreeSet<String> = given.iter().map(|(name, _)| name.to_string()).collect();
            assert_eq!(given, taken, "{step:?}");
        }
    }
}

#[test]
fn every_sample_has_text_system_calls_and_man_pages() {
    for language in Language::ALL {
        for step in samples() {
            let Explanation { title, why, system_calls, man_pages } = explain(&step, language);
            for text in [&title, &why] {
                assert!(text.len() > 10 && !text.contains(['{', '}', '\n']), "{step:?}: {text}");
                assert_eq!(text.trim(), text, "{step:?}");
            }
            assert!(why.ends_with('.') && !title.ends_with('.'), "{step:?}: {title} {why}");
            let idle =
                matches!(&step, Step::DropBoundingSet { keep } if keep.len() == crate::plan::CAPABILITIES.len());
            assert!(system_calls.is_empty() == idle && !man_pages.is_empty(), "{step:?}");
        }
    }
}

#[test]
fn every_isolation_has_text() {
    let keys = catalogue::CATALOGUE.keys(Language::English);
    let written: BTreeSet<&str> = keys.keys().filter_map(|key| key.strip_prefix("isolation-")).collect();
    let wanted = crate::options::Isolation::ALL.map(|isolation| isolation.name());
    let wanted: BTreeSet<String> =
        wanted.iter().flat_map(|name| [name.to_string(), format!("{name}.without")]).collect();
    assert_eq!(written, wanted.iter().map(String::as_str).collect());
    let words = explain_isolation(crate::options::Isolation::Pid, Language::Portuguese);
    assert_eq!((words.name, words.title.as_str()), ("pid", "Identificadores de processo próprios"));
}

#[test]
fn cgroup_files_match_the_cgroup_version() {
    let limit = crate::plan::Step::LimitMemory { bytes: 4096, swap: crate::plan::SwapLimit::None };
    let join = crate::plan::Step::JoinCgroup { controllers: vec!["memory".into()] };
    let calls =
        |steps: Vec<Step>| explain_plan(&Plan { steps }, Language::English)[0].explanation.system_calls.clone();
    assert_eq!(calls(vec![limit.clone()]), [r#"write(<memory.max>, "4096")"#, r#"write(<memory.swap.max>, "0")"#]);
    let version_1 = [r#"write(<memory.limit_in_bytes>, "4096")"#, r#"write(<memory.memsw.limit_in_bytes>, "4096")"#];
    assert_eq!(calls(vec![limit, join]), version_1);
}

#[test]
fn catalogue_in_english() {
    insta::assert_snapshot!(render(&Plan { steps: samples() }, Language::English));
}

#[test]
fn catalogue_in_portuguese() {
    insta::assert_snapshot!(render(&Plan { steps: samples() }, Language::Portuguese));
}
