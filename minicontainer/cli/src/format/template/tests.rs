//! Tests of templates: the examples of Docker's documentation, the errors, and that no template causes a panic.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Template, TemplateError, functions::FUNCTIONS};

fn document() -> Value {
    json!({
        "ID": "4f3c2d1e0a9b8c7d", "Repository": "busybox", "Tag": "latest", "Size": "1.2MB", "Names": "web",
        "Number": 7, "Share": 0.5, "Nothing": null, "Hostile": "a\n\u{1b}[2J\u{202e}b",
        "RepoDigests": [], "RepoTags": ["busybox:latest", "mine:1"],
        "State": {"Pid": 7, "Running": true, "Error": ""},
        "Config": {
            "Env": ["PATH=/bin", "HOME=/root"], "User": "", "Cmd": null,
            "Labels": {"maintainer": "me", "org.example.version": "1"},
            "ExposedPorts": {"80/tcp": {}, "9/udp": {}},
        },
    })
}

fn fill(template: &str) -> Result<String, TemplateError> {
    Template::parse(template)?.fill(&document())
}

#[track_caller]
fn check(template: &str, expect: &str) {
    match fill(template) {
        Ok(text) => assert_eq!(text, expect, "{template}"),
        Err(error) => panic!("{}", error.render()),
    }
}

#[test]
fn examples_from_docker_documentation_work() {
    check("{{.Repository}}:{{.Tag}}", "busybox:latest");
    check("{{range .Config.Env}}{{println .}}{{end}}", "PATH=/bin\nHOME=/root\n");
    check("{{json .Config.Env}}", r#"["PATH=/bin","HOME=/root"]"#);
    check("{{json .State}}", r#"{"Error":"","Pid":7,"Running":true}"#);
    check("{{.State.Pid}}: {{.State.Running}}", "7: true");
    check("{{if .Config.User}}{{.Config.User}}{{else}}root{{end}}", "root");
    check("{{index .Config.Labels \"org.example.version\"}}", "1");
    check("{{index .RepoTags 0}}", "busybox:latest");
    check("{{.ID}}\\t{{.Size}}", "4f3c2d1e0a9b8c7d\t1.2MB");
    check("{{join .RepoTags \" or \"}}", "busybox:latest or mine:1");
    check("{{split .Repository \"b\"}}", "[ usy ox]");
    check("{{lower \"ABC\"}} {{upper .Names}} {{title \"two words\"}}", "abc WEB Two Words");
    check("{{truncate .ID 12}} {{pad .Names 1 2}}|", "4f3c2d1e0a9b  web  |");
    check(
        "{{range $port, $what := .Config.ExposedPorts}} {{$port}} -> {{$what}} {{end}}",
        " 80/tcp -> map[]  9/udp -> map[] ",
    );
    check("{{with .State}}{{.Pid}}{{end}}{{with .RepoDigests}}some{{else}} none{{end}}", "7 none");
}

#[test]
fn values_are_formatted_as_in_go() {
    check("{{.RepoTags}} {{.RepoDigests}}", "[busybox:latest mine:1] []");
    check("{{.Config.Labels}}", "map[maintainer:me org.example.version:1]");
    check("{{.Config.ExposedPorts}}", "map[80/tcp:{} 9/udp:{}]");
    check("{{.Nothing}} {{.Config.Labels.other}} {{index .Config.Labels \"other\"}}.", "<no value> <no value> .");
    check("{{.Number}} {{.Share}} {{-3}} {{true}} {{'a'}} {{\"a\\tb\"}} {{`a\\tb`}}", "7 0.5 -3 true 97 a\tb a\\tb");
    check("{{print 1 2 \"a\" 3}}|{{println \"a\" 1}}", "1 2a3|a 1\n");
    check("{{printf \"%s|%5s|%-5s|%.2s|%q\" .Names .Names .Names .Names \"a\\n\"}}", "web|  web|web  |we|\"a\\n\"");
    check(
        "{{printf \"%d %03d %x %X %.1f %t %v %%\" 7 -7 255 255 .Share true .RepoTags}}",
        "7 -07 ff FF 0.5 true [busybox:latest mine:1] %",
    );
    check(
        "{{printf \"%d\" .Names}} {{printf \"%s\"}} {{printf \"\" 1}}",
        "%!d(string=web) %!s(MISSING) %!(EXTRA int=1)",
    );
    check("{{len .RepoTags}} {{len .Names}} {{len .Config.Cmd}}", "2 3 0");
    check("{{slice .ID 0 4}} {{slice .RepoTags 1}}", "4f3c [mine:1]");
}

#[test]
fn conditions_and_variables() {
    check("{{if and .State.Running (gt .State.Pid 0)}}up{{end}}", "up");
    check("{{if or .Config.User (eq .Tag \"1\" \"latest\")}}yes{{end}}", "yes");
    check("{{if not .State.Running}}a{{else if lt .Number 7}}b{{else if ge .Number 7.0}}c{{else}}d{{end}}", "c");
    check("{{if ne .Tag \"1\"}}{{.Tag | upper | printf \"%s-%s\" \"a\"}}{{end}}", "a-LATEST");
    check("{{and 0 .No}}{{or 1 .No}}", "01");
    check(
        "{{$n := len .RepoTags}}{{range $i, $e := .RepoTags}}{{if $i}}, {{end}}{{$i}}/{{$n}} {{$e}}{{end}}",
        "0/2 busybox:latest, 1/2 mine:1",
    );
    check("{{$last := 0}}{{range .RepoTags}}{{$last = .}}{{end}}{{$last}}", "mine:1");
    check("{{range .RepoTags}}{{if eq . \"mine:1\"}}{{break}}{{end}}{{.}}{{end}}", "busybox:latest");
    check(
        "{{range .RepoTags}}{{if eq . \"busybox:latest\"}}{{continue}}{{end}}{{.}} {{$.Tag}}{{end}}",
        "mine:1 latest",
    );
    check("{{range .RepoDigests}}a{{else}}none{{end}}{{range .Nothing}}b{{end}}", "none");
    check("{{(index .RepoTags 0) | len}} {{($.State).Pid}}", "14 7");
    check("a {{- .Tag -}} b {{/* nothing */}}{{- /* less */ -}} c", "alatestb c");
}

#[test]
fn strings_are_escaped_for_terminals_and_exact_in_json() {
    check("{{.Hostile}}", "a\\n\\u{1b}[2J\\u{202e}b");
    check("{{json .Hostile}}", r#""a\n\u001b[2J\u202eb""#);
    check("{{upper .Hostile}}", "A\\n\\u{1b}[2J\\u{202e}B");
    check("{{printf \"%s\\n\" .Hostile}}", "a\\n\\u{1b}[2J\\u{202e}b\n");
    check("{{range split .Hostile \"[\"}}{{.}};{{end}}", "a\\n\\u{1b};2J\\u{202e}b;");
    check(
        "{{$x := .Hostile}}{{$x}}{{print $x}}{{join (split $x \"x\") \"\"}}",
        &"a\\n\\u{1b}[2J\\u{202e}b".repeat(3),
    );
}

#[test]
fn headings_are_the_field_names() {
    let headings = |template: &str| {
        let template = Template::parse(template).unwrap();
        template.headings(&|field| field.to_uppercase()).unwrap()
    };
    assert_eq!(headings("{{.ID}}\\t{{upper .Names}}\\t{{json .State.Pid}}"), "ID\tNAMES\tPID");
    assert_eq!(headings("{{range .Mounts}}{{.}}{{end}}\\t{{if .A}}{{.A}}{{end}}"), "MOUNTS\tA");
    assert_eq!(
        headings("{{printf \"%.3s\" .Names}}\\t{{join .Names \",\"}}\\t{{index .Names 0}}"),
        "NAM\tNAMES\tNAMES"
    );
}

#[test]
fn template_errors_point_at_their_place() {
    let wrong = [
        "{{.ID",
        "{{.ID}",
        "{{}}",
        "{{.ID}} {{..ID}}",
        "{{ID}}",
        "{{jsn .ID}}",
        "{{.Nmaes}}",
        "{{.State.Pit}}",
        "{{.ID.Inner}}",
        "{{\"open}}",
        "{{\"\\z\"}}",
        "{{/* open",
        "{{/* a */ .ID}}",
        "{{1x}}",
        "{{#}}",
        "{{.ID|}}",
        "{{if}}a{{end}}",
        "{{if .ID}}a",
        "{{end}}",
        "{{if .ID}}a{{else}}b{{else}}c{{end}}",
        "{{range .ID}}a{{end}}",
        "{{break}}",
        "{{define \"a\"}}{{end}}",
        "{{$x}}",
        "{{$x = 1}}",
        "{{if .ID}}{{$x := 1}}{{end}}{{$x}}",
        "{{(.ID}}",
        "{{.ID)}}",
        "{{.ID .Tag}}",
        "{{.ID | .Tag}}",
        "{{len}}",
        "{{len 1}}",
        "{{eq 1}}",
        "{{eq 1 \"a\"}}",
        "{{index .RepoDigests 0}}",
        "{{index .RepoTags \"a\"}}",
        "{{join .ID \",\"}}",
        "{{pad .ID 99999999 1}}",
        "{{printf \"%99999999d\" 1}}",
        "{{printf \"%b\" 1}}",
        "{{slice .ID 3 2}}",
        "one\n  {{.Two}}\n three",
        "é {{.Tga}}",
    ];
    let errors = wrong.map(|template| fill(template).map_err(|error| error.render()).unwrap_err());
    insta::assert_snapshot!(errors.join("\n\n"));
    let deep = "{{if 1}}".repeat(100_000);
    assert_eq!(fill(&deep).unwrap_err().to_string(), "blocks and parentheses are nested more than 50 levels deep");
    assert!(fill(&format!("{{{{{}1{}}}}}", "(".repeat(100_000), ")".repeat(100_000))).is_err());
    assert!(fill(&format!("{{{{if 1}}}}{}{{{{end}}}}", "{{else if 1}}".repeat(100_000))).is_err());
}

/// Parts of templates, so that random combinations are often valid templates.
fn pieces() -> impl Strategy<Value = String> {
    let words = [
        "{{",
        "}}",
        "{{- ",
        " -}}",
        "{{if ",
        "{{range ",
        "{{with ",
        "{{else}}",
        "{{else if ",
        "{{end}}",
        "{{break}}",
        "{{/*",
        "*/}}",
        "$",
        "$x",
        ":=",
        "=",
        ",",
        "|",
        "(",
        ")",
        ".",
        ".ID",
        ".State.Pid",
        ".RepoTags",
        ".Config.Labels",
        " ",
        "\"a\"",
        "\"%s %-09d %.3f %q\"",
        "`",
        "'c'",
        "0",
        "-1",
        "7.5",
        "true",
        "nil",
        "\\t",
        "é",
        "\u{1b}",
        "9999999999999999999",
    ];
    let word = prop_oneof![
        proptest::sample::select(words.to_vec()).prop_map(str::to_owned),
        proptest::sample::select(FUNCTIONS.to_vec()).prop_map(|function| format!("{function} ")),
        proptest::sample::select(FUNCTIONS.to_vec()).prop_map(|function| format!("{{{{{function} .ID 1}}}}")),
        proptest::sample::select(FUNCTIONS.to_vec()).prop_map(|function| format!("{{{{.RepoTags | {function} 2}}}}")),
    ];
    proptest::collection::vec(word, 0..24).prop_map(|words| words.concat())
}

fn survives(template: &str) {
    match Template::parse(template) {
        Ok(parsed) => {
            // The result may be an error, which must be printable too.
            let _error = parsed.fill(&document()).map_err(|error| error.render());
            let _error = parsed.headings(&|field| field.to_uppercase()).map_err(|error| error.render());
        }
        Err(error) => assert!(error.render().contains('^'), "{}", error.render()),
    }
}

proptest! {
    #[test]
    fn generated_templates_do_not_panic(template in pieces()) {
        survives(&template);
    }

    #[test]
    fn arbitrary_text_does_not_panic(template in "(?s).{0,40}\\{\\{.{0,40}\\}\\}.{0,20}") {
        survives(&template);
    }

    #[test]
    fn text_without_actions_is_unchanged(text in "[^{\\\\]{0,60}") {
        prop_assert_eq!(fill(&text).unwrap(), text);
    }
}
