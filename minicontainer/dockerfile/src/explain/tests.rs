use std::collections::BTreeSet;

use super::*;
use crate::{Keyword, parse};

#[test]
fn both_languages_describe_every_instruction() {
    let english = CATALOGUE.keys(Language::English);
    assert_eq!(english, CATALOGUE.keys(Language::Portuguese));
    let english: BTreeSet<String> = english.into_keys().filter(|key| !key.starts_with("check-")).collect();
    let kinds = Keyword::ALL.map(|keyword| keyword.name().to_lowercase());
    let kinds = kinds.iter().map(String::as_str).chain(["from-scratch", "copy-from"]);
    let mut wanted: BTreeSet<String> =
        ["label-layers", "label-metadata", "label-cache", "closing"].map(str::to_owned).into();
    for kind in kinds {
        wanted.extend(["", ".layers", ".metadata", ".cache"].map(|part| format!("instruction-{kind}{part}")));
    }
    assert_eq!(english, wanted);
}

/// One instruction of every kind.
const EVERY: &str = "ARG V=1\nFROM busybox:$V AS base\nMAINTAINER Ada\nENV A=1\nLABEL a=b\nUSER ada\nWORKDIR /app\nVOLUME /data\nEXPOSE 80\nSHELL [\"/bin/ash\", \"-c\"]\nSTOPSIGNAL SIGINT\nHEALTHCHECK CMD true\nADD a.tar /\nCOPY . .\nRUN <<EOF\none\ntwo\nEOF\nONBUILD RUN x\nENTRYPOINT [\"a\"]\nCMD [\"b\"]\nFROM scratch\nCOPY --from=base /a /a\n";

#[test]
fn explanations_in_english() {
    insta::assert_snapshot!(render(&parse(EVERY.as_bytes()).unwrap(), Language::English));
}

#[test]
fn explanations_in_portuguese() {
    insta::assert_snapshot!(render(&parse(EVERY.as_bytes()).unwrap(), Language::Portuguese));
}

#[test]
fn every_explanation_is_complete() {
    for language in Language::ALL {
        for instruction in &parse(EVERY.as_bytes()).unwrap().instructions {
            let Explanation { title, layers, metadata, cache } = explain(instruction, language);
            for text in [&layers, &metadata, &cache] {
                assert!(text.ends_with('.') && !text.contains(['{', '}', '\n']), "{text}");
            }
            assert!(!title.contains(['{', '}', '\n']), "{title}");
        }
    }
}
