use super::*;

fn scene_of(options: &str) -> Value {
    serde_json::from_str(&crate::plan_json(options, "en")).unwrap()
}

fn kinds(scene: &Value) -> Vec<&str> {
    scene["steps"].as_array().unwrap().iter().map(|step| step["kind"].as_str().unwrap()).collect()
}

fn check_error(options: &str, expect: &str) {
    let scene = scene_of(options);
    let error = scene["error"].as_str().unwrap_or_else(|| panic!("{options} gave a plan"));
    assert!(error.contains(expect), "{options}: {error}");
}

#[test]
fn scene_steps_match_the_plan() {
    let scene = scene_of(r#"{"command": ["sh"], "memory": "32m"}"#);
    let kinds = kinds(&scene);
    assert_eq!((kinds[0], *kinds.last().unwrap()), ("create-cgroup", "execute"));
    assert!(kinds.contains(&"limit-memory") && kinds.contains(&"pivot-root"));
    let execute = scene["steps"].as_array().unwrap().last().unwrap();
    assert_eq!(execute["fields"]["args"], serde_json::json!(["sh"]));
    assert_eq!(execute["fields"].get("kind"), None);
    assert_eq!(scene["commandLine"], "minicontainer run --rm --memory 32m busybox sh");
}

#[test]
fn every_isolation_has_steps_unless_left_out() {
    for (isolation, identity) in Isolation::ALL.map(|one| (one, if one == Isolation::User { "user" } else { "root" }))
    {
        let name = isolation.name();
        let state = |scene: &Value| {
            let found = scene["isolations"].as_array().unwrap().iter().find(|state| state["name"] == name);
            found.unwrap_or_else(|| panic!("{name} is not listed in {scene}")).clone()
        };
        let base = format!(r#""command": ["sh"], "identity": "{identity}""#);
        let whole = scene_of(&format!("{{{base}}}"));
        let with = state(&whole);
        let last = kinds(&whole).len() as u64 - 1;
        assert!(with["complete"].as_u64() < Some(last), "{name} is complete before the program starts: {with}");
        assert!(with["begins"].as_u64() <= with["complete"].as_u64() && with["begins"].is_u64(), "{with}");
        let left_out = scene_of(&format!(r#"{{{base}, "without": ["{name}"]}}"#));
        if isolation == Isolation::User {
            assert!(left_out["error"].is_string(), "an ordinary user needs the user namespace");
        } else {
            assert!(state(&left_out)["begins"].is_null(), "{left_out}");
        }
    }
}

#[test]
fn invalid_options_are_reported() {
    check_error(r#"{"command": ["sh"], "memory": "much"}"#, "much");
    check_error(r#"{"command": ["sh"], "without": ["gravity"]}"#, "gravity");
    check_error(r#"{"commando": ["sh"]}"#, "commando");
    check_error(r#"{"command": []}"#, "");
    check_error("[", "options");
}

#[test]
fn arguments_are_quoted_for_the_shell() {
    let options = Options { command: vec!["echo".into(), "it's".into(), "".into()], ..Options::default() };
    assert_eq!(command_line(&options), r"minicontainer run --rm busybox echo 'it'\''s' ''");
}
